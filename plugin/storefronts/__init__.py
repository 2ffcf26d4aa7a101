"""Every module here is a storefront; its file name is its name everywhere."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

from plugin.errors import ConfigError

if TYPE_CHECKING:
    from plugin.storefronts.base import Storefront


@functools.cache
def names() -> tuple[str, ...]:
    """The storefronts there are, in alphabetical order."""
    return tuple(
        sorted(
            module.name for module in pkgutil.iter_modules(__path__) if module.name != "base" and module.name[0] != "_"
        )
    )


@functools.cache
def get(name: str) -> Storefront:
    """The storefront of this name; raise `ConfigError` listing what there is."""
    if name not in names():
        raise ConfigError(f"no platform {name!r}: there are {', '.join(names())}")
    storefront: Storefront = importlib.import_module(f"{__name__}.{name}").storefront
    return storefront
