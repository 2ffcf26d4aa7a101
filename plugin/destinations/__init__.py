"""Every module here is a destination; its file name is its name everywhere."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

from plugin.errors import ConfigError

if TYPE_CHECKING:
    from plugin.destinations.base import Destination


@functools.cache
def names() -> tuple[str, ...]:
    """The destinations there are, in alphabetical order."""
    return tuple(
        sorted(
            module.name for module in pkgutil.iter_modules(__path__) if module.name != "base" and module.name[0] != "_"
        )
    )


@functools.cache
def get(name: str) -> Destination:
    """The destination of this name; raise `ConfigError` listing what there is."""
    if name not in names():
        raise ConfigError(f"no destination {name!r}: there are {', '.join(names())}")
    destination: Destination = importlib.import_module(f"{__name__}.{name}").destination
    return destination
