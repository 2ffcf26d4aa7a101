"""The table of traps names tests that exist."""

from __future__ import annotations

import re

from plugin.sandbox.chitchats.api import ChitChats
from tests.support.folders import DOCS, ROOT

TABLE = (DOCS / "traps-chitchats.md").read_text()


def test_every_trap_has_a_test_that_exists() -> None:
    """A renamed test would leave a row that proves nothing."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TABLE)
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and "---" not in line]
    heads = [line for line in rows if line.endswith("| test |")]
    assert len(named) == len(rows) - len(heads)
    assert [one for one in named if f"def {one[1]}(" not in (ROOT / one[0]).read_text()] == []


def test_every_documented_call_has_its_row() -> None:
    """The emulator has all of them; one that is missing here was forgotten, or is made without a test."""
    account = "/api/v1/clients/<client>"
    routes = (route for route in ChitChats().routes() if route.path.startswith(account))
    calls = {f"`{route.method} {re.sub(r'<.*?>', ':id', route.path.removeprefix(account))}`" for route in routes}
    assert len(calls) > 15
    assert sorted(call for call in calls if call not in TABLE) == []
