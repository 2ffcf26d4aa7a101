"""The demo: it ends well on a whole line, and says so when anything is lost or doubled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plugin import destinations
from plugin.demo.received import READ, Heard
from plugin.demo.stories import Told, tell
from plugin.demo.verdict import Seen, judge
from plugin.demo.world import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ORDERS = 30


def perfect(told: list[Told]) -> Seen:
    """What has to be seen in the end, made from what was told."""
    shipments = [
        {
            "order_id": one.ref,
            "carrier": one.story.carrier,
            "carrier_tracking_code": "94" if one.story.booking == "bought" else None,
        }
        for one in told
        if one.story.booking != "none"
    ]
    events = [{"name": name, "properties": {_about(one): one.ref}} for one in told for name in one.story.tracked]
    aliases = [
        {"userId": f"shopify:shop:{one.customer}", "previousId": one.ref}
        for one in told
        if one.customer and one.story.tracked
    ]
    known = Heard(
        identifies=[{"traits": {"email": one.email}} for one in told],
        aliases=aliases,
        events=events,
    )
    return Seen(
        shipments=shipments,
        heard=dict.fromkeys(READ, known),
        records=[f"shopify:shop:{one.ref}" for one in told if one.story.is_account],
        sessions=[f"shopify:shop:{one.account}" for one in told if one.buys_access],
        rests={one.ref: [one.story.rests] for one in told if one.story.rests},
    )


def _about(told: Told) -> str:
    return "order_id" if told.story.is_order else "customer_id"


@pytest.fixture
def told() -> list[Told]:
    """The stories of a demo, signed, not yet sent."""
    return tell(_ORDERS)


def test_a_whole_line_is_good(told: list[Told]) -> None:
    """Everything once is neither lost nor doubled."""
    assert judge(told, perfect(told)).is_good


def changed(seen: Seen, what: str, change: Callable[[list[Any]], list[Any]]) -> Seen:
    """The same with one list of it changed, of what a receiver heard at that receiver alone."""
    receiver, _, name = what.rpartition(".")
    values: Any = {name: change(list(getattr(seen.heard[receiver] if receiver else seen, name)))}
    if not receiver:
        return replace(seen, **values)
    return replace(seen, heard={**seen.heard, receiver: replace(seen.heard[receiver], **values)})


@pytest.mark.parametrize(
    "what",
    [
        *("shipments", "records", "sessions"),
        *(f"{receiver}.{name}" for receiver in READ for name in ("events", "identifies", "aliases")),
    ],
)
def test_what_is_missing_is_lost(told: list[Told], what: str) -> None:
    """Any one booking, record, session, event, person or alias that does not arrive is named."""
    verdict = judge(told, changed(perfect(told), what, lambda one: one[1:]))
    assert len(verdict.lost) == 1
    assert not verdict.doubled
    assert not verdict.is_good


@pytest.mark.parametrize("what", ["shipments", "records", "sessions", *(f"{receiver}.events" for receiver in READ)])
def test_what_came_twice_is_doubled(told: list[Told], what: str) -> None:
    """Two live shipments of an order, two records of a customer, or one event twice."""
    verdict = judge(told, changed(perfect(told), what, lambda one: [*one, one[0]]))
    assert len(verdict.doubled) == 1
    assert not verdict.is_good


def test_postage_paid_twice_is_doubled(told: list[Told]) -> None:
    """One shipment, two purchases."""
    assert judge(told, replace(perfect(told), purchases=["A", "B", "A"])).doubled


def test_what_is_neither_booked_nor_shown_is_lost(told: list[Told]) -> None:
    """An order that can't be booked has to be visible with its reason."""
    assert judge(told, replace(perfect(told), rests={})).lost


def test_what_nobody_asked_for_is_amiss(told: list[Told]) -> None:
    """A test order that is booked, or postage that is bought for a draft."""
    seen = perfect(told)
    unwanted = next(one for one in told if one.story.shows == "a test")
    booked = [*seen.shipments, {"order_id": unwanted.ref, "carrier_tracking_code": None}]
    assert judge(told, replace(seen, shipments=booked)).amiss
    bought = [{**seen.shipments[0], "carrier_tracking_code": "94"}, *seen.shipments[1:]]
    assert judge(told, replace(seen, shipments=bought)).amiss


def test_every_kind_of_story_is_told_by_default() -> None:
    """Forty orders hold every story of the table."""
    assert len({one.story.shows for one in tell(40)}) == len({one.story.shows for one in tell(500)})


def environment(folder: Path) -> dict[str, str]:
    """An environment that points at databases which a demo must never touch."""
    own = {"DATABASE_URL": "postgresql://127.0.0.1:1/real", "REDIS_URL": "redis://127.0.0.1:1", "TMPDIR": str(folder)}
    return os.environ | own | {"COLUMNS": "120"}


def test_the_demo_ends_well(tmp_path: Path) -> None:
    """Status 0, 0 lost, 0 doubled, every fault met, and nothing of it is left behind."""
    ended = subprocess.run(
        [sys.executable, "-m", "plugin", "demo", "--exit", "--orders", "12"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 lost" in ended.stdout
    assert "0 doubled" in ended.stdout
    assert re.search(r"orders in\W+12\b", ended.stdout)
    assert re.search(r"12 Order Completed", ended.stdout)
    assert set(FAULTS) == set(destinations.names())
    assert all(f"{name}: answered 503" in ended.stdout for name in FAULTS)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_cleans_up(tmp_path: Path) -> None:
    """Interrupted on its way, a demo stops its processes and removes its data."""
    arguments = [sys.executable, "-m", "plugin", "demo", "--orders", "200"]
    with subprocess.Popen(arguments, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while "webhooks sent" not in running.stdout.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        assert running.wait(40) == 130
    assert not list(tmp_path.iterdir())
