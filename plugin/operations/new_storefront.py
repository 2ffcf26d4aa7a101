"""The skeleton of a storefront: its four folders, with the smallest one in them that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.core.errors import ConfigError
from plugin.operations.new import Skeleton, check_name, expect_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDERS = {
    "plugin": "plugin/storefronts",
    "mappings": "mappings/storefronts",
    "sandbox": "plugin/sandbox",
    "tests": "tests/storefronts",
}


def storefront_in_source(root: Path, name: str) -> Skeleton:
    """Return the four folders of a new storefront in the checkout at `root`.

    It has one topic, a signature over the body and an invented order document, and passes its contract tests at once.

    Raises:
        ConfigError: `root` is no checkout of Crossdock, or `name` can't be a storefront's or is taken.
    """
    check_name(name)
    expect_source(root)
    if taken := next(_of_that_name(name, root), None):
        raise ConfigError(f"{name!r} is taken by {taken.relative_to(root)}: choose another name")
    folders = {f"storefront/{part}": root.joinpath(*folder.split("/"), name) for part, folder in _FOLDERS.items()}
    called = name.capitalize()
    return Skeleton(parts=folders, values={"name": name, "title": called, "Class": called})


def _of_that_name(name: str, root: Path) -> Iterator[Path]:
    """Yield the folders and modules that a storefront of this name would be confused with."""
    for room in ("plugin", "mappings", "tests"):
        for path in (root / room).rglob("*"):
            is_source = path.is_dir() or path.suffix == ".py"
            if is_source and name in (path.stem, path.stem.removeprefix("test_")):
                yield path
