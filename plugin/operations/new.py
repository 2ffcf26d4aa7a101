"""Skeletons of new integrations: the files of a smallest one that works, to be changed into a real one."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from plugin import destinations, storefronts
from plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
_SUFFIX = ".tmpl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """The parts of an integration: folders of templates below `plugin/operations/skeletons`, and where each goes.

    A template is a `string.Template` and ends in `.tmpl`; `values` fill it in.
    """

    parts: Mapping[str, Path]
    values: Mapping[str, str]

    def write(self) -> list[Path]:
        """Write every file; return them in order.

        Raises:
            ConfigError: one of the folders is there already; nothing is written then.
        """
        for folder in self.parts.values():
            if folder.exists():
                raise ConfigError(f"{folder} is there already: remove it, or choose another name")
        written = []
        for part, folder in self.parts.items():
            root = resources.files("plugin.operations") / "skeletons"
            for path, template in _templates(root.joinpath(*part.split("/")), folder):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(Template(template).substitute(self.values))
                written.append(path)
        return written


def _templates(source: Traversable, target: Path) -> Iterator[tuple[Path, str]]:
    for entry in sorted(source.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _templates(entry, target / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield target / entry.name.removesuffix(_SUFFIX), entry.read_text()


def check_name(name: str) -> None:
    """Raise `ConfigError` unless a new integration can have this name: it becomes folders, addresses and variables."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(f"{name!r}: a name is 2 to 31 small letters and digits, and begins with a letter")
    if name in {*destinations.names(), *storefronts.names(), "kit"}:
        raise ConfigError(f"{name!r} is taken: choose another name")


def expect_source(root: Path) -> None:
    """Raise `ConfigError` unless `root` is a checkout of Crossdock, where the folders of an integration belong."""
    if not all((root / part).is_dir() for part in ("plugin", "mappings", "tests")):
        raise ConfigError(
            f"{root} is no checkout of Crossdock: run this in one, or give --into for a package of its own"
        )


def destination_in_source(root: Path, name: str, title: str) -> Skeleton:
    """Return the four folders of a new destination in the checkout at `root`."""
    check_name(name)
    expect_source(root)
    modules = {
        "plugin": f"plugin.destinations.{name}",
        "mappings": f"mappings.destinations.{name}",
        "sandbox": f"plugin.sandbox.{name}",
    }
    folders = {f"destination/{part}": root.joinpath(*module.split(".")) for part, module in modules.items()}
    folders["destination/tests"] = root / "tests" / "destinations" / name
    return Skeleton(parts=folders, values=_values(name, title) | modules)


def destination_as_package(into: Path, name: str, title: str) -> Skeleton:
    """Return a new destination as a package of its own in the folder `into`, found through its entry points."""
    check_name(name)
    package = f"crossdock_{name}"
    modules = {part: f"{package}.{part}" for part in ("plugin", "mappings", "sandbox")}
    folders = {f"destination/{part}": into / package / part for part in modules}
    folders |= {"package": into / package, "package_root": into}
    return Skeleton(parts=folders, values=_values(name, title) | modules)


def _values(name: str, title: str) -> dict[str, str]:
    return {"name": name, "title": title, "Class": name.capitalize()}
