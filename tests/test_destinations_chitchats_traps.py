"""The table of traps names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs" / "traps-chitchats.md").read_text()


def test_every_trap_has_a_test_that_exists() -> None:
    """A renamed test would leave a row that proves nothing."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TABLE)
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and "---" not in line]
    heads = [line for line in rows if line.endswith("| test |")]
    assert len(named) == len(rows) - len(heads)
    assert [one for one in named if f"def {one[1]}(" not in (ROOT / one[0]).read_text()] == []
