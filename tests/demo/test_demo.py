"""The demo: it ends well on a whole line, and says so when anything is lost or doubled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plugin import destinations
from plugin.sandbox import Demo, Parcel, People, Received, Sandbox, Tracked, cast, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from plugin.sandbox import Story, Verdict

_ORDERS = 30
PLATFORM = "shopify"


@pytest.fixture(scope="module")
def demos() -> dict[str, Demo]:
    """Return what each emulator declares."""
    return {name: emulator.vendor.demo for name, emulator in Sandbox().emulators.items()}


@pytest.fixture(scope="module")
def empty() -> dict[str, Received]:
    """Return what each vendor says that it takes, before it took anything."""
    return {name: emulator.received() for name, emulator in Sandbox().emulators.items()}


def stories(orders: int = _ORDERS) -> Sequence[Story]:
    """Return the stories of a demo, signed and not yet sent."""
    found = cast(PLATFORM, orders)
    assert found is not None
    return found.stories


Seen = dict[str, Received]


def perfect(told: Sequence[Story], empty: Seen, demos: dict[str, Demo]) -> Seen:
    """Return what has to be received in the end, made from the stories."""
    seen = {name: _perfect(one, told) for name, one in empty.items()}
    reserved = {country: name for name, one in demos.items() for country in one.countries}
    usual = next(name for name, one in empty.items() if one.parcels is not None and not demos[name].countries)
    parcels: defaultdict[str, list[Parcel]] = defaultdict(list)
    for story in told:
        if story.is_booked:
            name = reserved.get(story.country or "", usual)
            paid = not story.is_unpaid and story.shop not in demos[name].drafts
            number = "94" if paid else None
            parcels[name].append(Parcel(id=story.ref, order=story.ref, is_live=True, tracking_number=number))
            if paid:
                for other, one in seen.items():
                    if one.people is not None:
                        shipped = Tracked(name="Order Shipped", about=frozenset({story.ref}))
                        people = replace(one.people, events=[*one.people.events, shipped])
                        seen[other] = replace(one, people=people)
    return {name: replace(one, parcels=parcels[name]) if one.parcels is not None else one for name, one in seen.items()}


def _perfect(one: Received, told: Sequence[Story]) -> Received:
    people = None
    if one.people is not None:
        about = [(name, story.ref) for story in told for name in story.tracked]
        visitors = [story for story in told if story.visitor_of and story.tracked]
        people = People(
            emails=frozenset(story.email for story in told if story.email),
            aliases=[(f"{PLATFORM}:shop:{story.visitor_of}", story.ref) for story in visitors],
            events=[Tracked(name=name, about=frozenset({ref})) for name, ref in about],
        )
    return replace(
        one,
        people=people,
        customers=None if one.customers is None else [story.ref for story in told if story.is_account],
        sessions=None if one.sessions is None else [story.account or "" for story in told if story.buys_access],
    )


RESTS = {story.ref: [story.rests] for story in stories() if story.rests}
# Every list of every vendor, with the vendor.
LISTS = ("parcels", "customers", "sessions", "events", "aliases")


def places(seen: Seen, *lists: str) -> list[tuple[str, str]]:
    """Which vendor keeps which of these lists."""
    return [
        (name, what)
        for name, one in seen.items()
        for what in lists
        if getattr(one if hasattr(one, what) else one.people, what, None)
    ]


def changed(seen: Seen, name: str, what: str, change: Callable[[list[Any]], list[Any]]) -> Seen:
    """Return the same with one list of one vendor changed."""
    one = seen[name]
    if hasattr(one, what):
        values: Any = {what: change(list(getattr(one, what)))}
        return {**seen, name: replace(one, **values)}
    assert one.people is not None
    values = {what: change(list(getattr(one.people, what)))}
    return {**seen, name: replace(one, people=replace(one.people, **values))}


@pytest.fixture
def seen(empty: Seen, demos: dict[str, Demo]) -> Seen:
    """Return what is received when all goes well."""
    return perfect(stories(), empty, demos)


@pytest.fixture
def judged(demos: dict[str, Demo]) -> Callable[[Seen], Verdict]:
    """Return the verdict on what was received."""
    return lambda seen: judge(stories(), seen, demos, RESTS)


def test_a_whole_line_is_good(seen: Seen, judged: Callable[[Seen], Verdict]) -> None:
    """Everything once is neither lost nor doubled."""
    found = judged(seen)
    assert found.is_good, found


def test_what_is_missing_is_lost(seen: Seen, judged: Callable[[Seen], Verdict]) -> None:
    """Any one booking, record, session, event or alias that does not arrive at a vendor is named."""
    assert len(places(seen, *LISTS)) >= len(LISTS)
    for name, what in places(seen, *LISTS):
        verdict = judged(changed(seen, name, what, lambda one: one[1:]))
        assert len(verdict.lost) == 1, (name, what, verdict)
        assert not verdict.doubled
        assert not verdict.is_good


def test_a_person_who_is_not_identified_is_lost(seen: Seen, judged: Callable[[Seen], Verdict]) -> None:
    """Wherever somebody is told of."""
    for name, one in seen.items():
        if one.people is not None:
            fewer = replace(one.people, emails=frozenset(sorted(one.people.emails)[1:]))
            assert judged({**seen, name: replace(one, people=fewer)}).lost


def test_what_came_twice_is_doubled(seen: Seen, judged: Callable[[Seen], Verdict]) -> None:
    """Two live parcels of an order, two records of a customer, two sessions, or one event twice."""
    for name, what in places(seen, *LISTS[:-1]):
        verdict = judged(changed(seen, name, what, lambda one: [*one, one[0]]))
        assert len(verdict.doubled) == 1, (name, what, verdict)
        assert not verdict.is_good


def test_postage_paid_twice_is_doubled(seen: Seen, judged: Callable[[Seen], Verdict]) -> None:
    """One parcel, two purchases."""
    name = next(name for name, one in seen.items() if one.purchases is not None)
    assert judged({**seen, name: replace(seen[name], purchases=["A", "B", "A"])}).doubled


def test_what_is_neither_booked_nor_shown_is_lost(seen: Seen, demos: dict[str, Demo]) -> None:
    """An order that can't be booked has to be visible with its reason."""
    assert judge(stories(), seen, demos, {}).lost


def test_what_nobody_asked_for_is_amiss(seen: Seen, judged: Callable[[Seen], Verdict], demos: dict[str, Demo]) -> None:
    """A test order that is booked, postage that is bought for a draft, a parcel at the wrong carrier."""
    unwanted = next(one for one in stories() if one.shows == "a test")
    name = next(name for name, one in demos.items() if one.drafts)
    more = Parcel(id="x", order=unwanted.ref, is_live=True)
    assert judged(changed(seen, name, "parcels", lambda one: [*one, more])).amiss
    assert judged(changed(seen, name, "parcels", lambda one: [replace(one[0], tracking_number="94"), *one[1:]])).amiss
    other = next(name for name, one in demos.items() if one.countries)
    parcel = replace((seen[name].parcels or [])[0], tracking_number="94")
    moved = changed(changed(seen, name, "parcels", lambda one: one[1:]), other, "parcels", lambda one: [*one, parcel])
    assert any(f"booked at {other}" in text for text in judged(moved).amiss)


def test_every_kind_of_story_is_told_by_default() -> None:
    """Forty orders hold every story of the table."""
    assert len({one.shows for one in stories(40)}) == len({one.shows for one in stories(500)})


def environment(folder: Path) -> dict[str, str]:
    """Return an environment that points at databases which a demo must never touch."""
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
    assert all(f"{name}: answered 503" in ended.stdout for name in destinations.names())
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
