"""The skeleton of a storefront: its four folders, with the smallest one in them that works."""

from __future__ import annotations

import keyword
import re
from string import Template
from typing import TYPE_CHECKING

from plugin.core.errors import ConfigError
from plugin.operations.storefront_templates import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9]{1,29}")
_ROOMS = ("plugin/storefronts", "mappings/storefronts", "plugin/sandbox", "tests/storefronts")


def write_skeleton(name: str, root: Path) -> list[Path]:
    """Write the files of a new storefront below `root`, a copy of the repository; return their paths.

    The storefront has one topic, a signature over the body and an invented order document, and passes its contract
    tests at once. Nothing that exists is changed.

    Raises:
        ConfigError: `root` is no copy of the repository, or `name` can't be a storefront's or is taken.
    """
    _check(name, root)
    written = []
    for place, text in TEMPLATES.items():
        path = root / Template(place).substitute(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(name=name, Name=name.capitalize()), encoding="utf-8")
        written.append(path)
    return written


def _check(name: str, root: Path) -> None:
    if missing := [room for room in _ROOMS if not (root / room / "__init__.py").is_file()]:
        raise ConfigError(f"{root} has no {missing[0]}: run this in a clone of the repository")
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(f"{name!r} can't be a storefront's name: write 2 to 30 small letters and digits")
    if taken := next(_of_that_name(name, root), None):
        raise ConfigError(f"{name!r} is taken by {taken.relative_to(root)}: choose another name")


def _of_that_name(name: str, root: Path) -> Iterator[Path]:
    """Yield what would be confused with the storefront: its name is a folder, a module and an address."""
    for room in ("plugin", "mappings", "tests"):
        for path in (root / room).rglob("*"):
            is_source = path.is_dir() or path.suffix == ".py"
            if is_source and name in (path.stem, path.stem.removeprefix("test_")):
                yield path
