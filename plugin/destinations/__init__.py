"""Every module here is a destination; its file name is its name everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.core.registry import Registry

if TYPE_CHECKING:
    from plugin.destinations.base import Destination

_all: Registry[Destination] = Registry(__name__, "destination", "destination")
names, get = _all.names, _all.get
