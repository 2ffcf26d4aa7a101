"""What there is of a kind: every module of a package is one of them, and its file name is its name everywhere."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Generic, TypeVar

from plugin.core.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """The modules of a package; each holds its thing under the attribute `kind`. `word` is what people call it."""

    def __init__(self, package: str, kind: str, word: str) -> None:
        self._package = package
        self._kind = kind
        self._word = word
        self.names = functools.cache(self._find_names)
        self.get = functools.cache(self._load)

    def _find_names(self) -> tuple[str, ...]:
        """What there is, in alphabetical order."""
        found = [
            module.name
            for module in pkgutil.iter_modules(importlib.import_module(self._package).__path__)
            if module.ispkg
        ]
        return tuple(sorted(found))

    def _load(self, name: str) -> T:
        """The one of this name; raise `ConfigError` listing what there is."""
        if name not in self.names():
            raise ConfigError(f"no {self._word} {name!r}: there are {', '.join(self.names())}")
        thing: T = getattr(importlib.import_module(f"{self._package}.{name}"), self._kind)
        return thing
