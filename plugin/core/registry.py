"""The integrations there are of one kind: packages in a folder of ours, and entry points of installed distributions."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Generic, TypeVar

from plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Generic[T]):
    """The integrations of one kind by name; none is imported before it is asked for.

    Each package in the folder `package` is one, held under the attribute `kind`; so is each entry point
    `NAME = module:attribute` of the group `crossdock.KINDs`. `word` is what people call the kind.
    """

    def __init__(self, package: str, kind: str, word: str) -> None:
        self._package = package
        self._kind = kind
        self._word = word
        self._entry_points = functools.cache(self._find_entry_points)
        self.names = functools.cache(self._find_names)
        self.get = functools.cache(self._load)

    def _find_names(self) -> tuple[str, ...]:
        """Return every name, in alphabetical order.

        Raises:
            ConfigError: two integrations have the same name; says where both are.
        """
        return tuple(sorted({*self._folders(), *self._entry_points()}))

    def _folders(self) -> set[str]:
        path = importlib.import_module(self._package).__path__
        return {module.name for module in pkgutil.iter_modules(path) if module.ispkg}

    def _find_entry_points(self) -> dict[str, EntryPoint]:
        # Not imported above: it takes longer than all the rest of this module, for whoever asks for no integration.
        from importlib.metadata import entry_points  # noqa: PLC0415

        built_in = {name: f"{self._package}.{name}" for name in self._folders()}
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=f"crossdock.{self._kind}s"):
            other = built_in.get(point.name) or (found[point.name].value if point.name in found else point.value)
            # The same distribution may be seen twice, installed and in the working directory.
            if other != point.value:
                raise ConfigError(f"two {self._kind}s are named {point.name}: {other} and {point.value}; remove one")
            found[point.name] = point
        return found

    def _load(self, name: str) -> T:
        """Return the integration of this name.

        Raises:
            ConfigError: there is none, and lists what there is; or its package does not hold it.
        """
        if name not in self.names():
            raise ConfigError(f"no {self._word} {name!r}: there are {', '.join(self.names())}")
        point = self._entry_points().get(name)
        if point is None:
            found: T = getattr(importlib.import_module(f"{self._package}.{name}"), self._kind)
            return found
        try:
            found = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{self._word} {name}: {point.value} can't be imported: {error}") from error
        called = getattr(found, "name", None)
        if called != name:
            raise ConfigError(f"{self._word} {name}: {point.value} calls itself {called!r}; both must be the same")
        return found
