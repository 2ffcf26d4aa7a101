"""The door: the rest of the tree imports from `plugin.transport` itself, never from a module in it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "plugin"


def test_nobody_else_opens_the_room() -> None:
    """What is behind the door may change without anybody looking."""
    inside = re.compile(r"(?m)^\s*(?:from|import) plugin\.transport\.\w")
    found = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if path.parent != ROOT / "transport" and inside.search(path.read_text())
    ]
    assert found == []
