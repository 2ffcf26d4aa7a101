"""The tables of traps: each row names its tests, and each test that is named exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.contract import NAMES
from tests.support.folders import DOCS, ROOT, TESTS

if TYPE_CHECKING:
    from pathlib import Path

# Of a vendor that came later, beside its tests: adding one edits nothing outside its folders.
OWN = sorted((TESTS / "destinations").glob("*/TRAPS.md"))
TABLES = [*sorted(DOCS.glob("traps-*.md")), *OWN]
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in TESTS.rglob("test_*.py")}
DEFINED = {name for text in SOURCES.values() for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}


def rows(table: Path) -> list[str]:
    """Return the rows of every table of the page, without the heads and the lines below them."""
    lines = table.read_text().splitlines()
    ruled = {place for place, line in enumerate(lines) if re.fullmatch(r"\|[-|]+\|", line)}
    return [
        line
        for place, line in enumerate(lines)
        if line.startswith("| ") and place + 1 not in ruled and place not in ruled
    ]


def vendor_of(table: Path) -> str:
    """Return whose table it is."""
    return table.parent.name if table in OWN else table.stem.removeprefix("traps-")


def test_every_destination_has_its_table() -> None:
    """Named after it and linked from the index of the documentation, or in the folder of its tests."""
    assert sorted(map(vendor_of, TABLES)) == sorted(NAMES)
    index = (DOCS / "README.md").read_text()
    assert [path.name for path in TABLES if path not in OWN and f"]({path.name})" not in index] == []


@pytest.mark.parametrize("table", TABLES, ids=vendor_of)
def test_every_row_names_tests_that_exist(table: Path) -> None:
    """A renamed test would leave a row that proves nothing; where a row names the file too, the test is in it."""
    found = rows(table)
    assert len(found) > (0 if table in OWN else 20)
    assert [row for row in found if not re.search(r"\btest_\w+`", row)] == []
    named = re.findall(r"`(?:(tests/[\w/]+\.py)::)?(?:\w+::)?(test_\w+)`", "\n".join(found))
    assert [one for one in named if one[1] not in DEFINED] == []
    assert [one for one in named if one[0] and f"def {one[1]}(" not in SOURCES.get(one[0], "")] == []
