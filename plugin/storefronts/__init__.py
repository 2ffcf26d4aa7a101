"""Every module here is a storefront; its file name is its name everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.core.registry import Registry

if TYPE_CHECKING:
    from plugin.storefronts.base import Storefront

_all: Registry[Storefront] = Registry(__name__, "storefront", "platform")
names, get = _all.names, _all.get
