"""The table of Shiptheory's traps names tests that exist."""

from __future__ import annotations

import re

from plugin.sandbox.shiptheory.api import Shiptheory
from tests.support.folders import DOCS, ROOT

TABLE = (DOCS / "traps-shiptheory.md").read_text()


def test_every_trap_has_a_test_that_exists() -> None:
    """A renamed test would leave a row that proves nothing."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TABLE)
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and "---" not in line]
    heads = [line for line in rows if line.endswith("| test |")]
    assert len(named) == len(rows) - len(heads)
    assert [one for one in named if f"def {one[1]}(" not in (ROOT / one[0]).read_text()] == []


def test_every_documented_call_has_its_row() -> None:
    """The emulator has all that books, looks and lists; its other methods are the refusals of another row."""
    vendor = Shiptheory()
    routes = (route for route in vendor.routes() if route.view != vendor.not_allowed)
    calls = {f"`{route.method} {route.path.removeprefix('/v1')}`" for route in routes}
    assert len(calls) > 8
    assert sorted(call for call in calls if call not in TABLE) == []
