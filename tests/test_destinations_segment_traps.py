"""The table of Segment's traps names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TABLE = (TESTS.parent / "docs" / "traps-segment.md").read_text()
ROWS = [line.split("|")[1:4] for line in TABLE.splitlines() if re.match(r"\| .*(`test_|::test_)", line)]


def named(cell: str, default: str) -> list[tuple[str, str]]:
    """File and name of each test in a cell; a file holds for those that follow it."""
    found: list[tuple[str, str]] = []
    for file, name in re.findall(r"`(?:(\w+)::)?(test_\w+)`", cell):
        default = f"test_{file}.py" if file else default
        found.append((default, name))
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip()[:60] for row in ROWS])
def test_every_rule_has_its_tests(row: list[str]) -> None:
    """Each in the file that the table says, ours and the emulator's."""
    _, ours, emulators = row
    tests = [*named(ours, ""), *named(emulators, "sandbox/test_segment_emulator.py")]
    assert tests
    for file, name in tests:
        assert f"def {name}(" in (TESTS / file).read_text()


def test_the_table_was_read() -> None:
    """As many rows as it has rules."""
    assert len(ROWS) > 35
