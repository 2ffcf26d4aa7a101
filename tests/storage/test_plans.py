"""What is owed is written down once for ever, and always in its newest version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from plugin.core.delivery import State
from plugin.core.step import Step
from plugin.storage.version import Version
from tests.support.deliveries import Books, a_step
from tests.support.running_line import column, only, owed

if TYPE_CHECKING:
    from plugin.services import Services

BOOK = Step(action="book", key="book:1", subject="order:1", newest=True)
V1, V2, V3, V4, V5 = (Version(at=datetime(2026, 1, day, tzinfo=UTC)) for day in range(1, 6))


@pytest.fixture
def books(services: Services) -> Books:
    """Return one connection, and three events to owe something for."""
    return Books.open(services)


def test_a_step_is_owed_once_for_ever(books: Books) -> None:
    """Its key says so, also to processes that plan it at the same instant, and after it is done."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(books.plan, [a_step("sale:1")] * 8))
    books.settle(books.lease()[0], State.DONE)
    books.plan(a_step("sale:1"))
    assert [item["state"] for item in owed(books.services)] == ["done"]


def test_keys_of_any_length_stay_unique(books: Books) -> None:
    """What is too long for an index is kept apart by its hash, and e-mail addresses are not shown."""
    for key in ("k" * 5_000 + "1", "k" * 5_000 + "2", "alias:ann@example.com:1", "alias:ann@example.com:2"):
        books.plan(a_step(key, "s" * 5_000))
        books.plan(a_step(key, "s" * 5_000))
    assert len(owed(books.services)) == 4


@pytest.mark.parametrize("state", [State.SKIPPED, State.HELD, State.FAILED, State.WAITING])
def test_a_newer_version_replaces_and_reopens(books: Books, state: State) -> None:
    """What was held for a missing weight is mapped from the mended order, and due at once."""
    books.plan(BOOK, V1)
    books.settle(books.lease()[0], state, reason="weight", due_at=datetime.now(UTC) - timedelta(seconds=1))
    books.plan(BOOK, V2, event=2)
    (fresh,) = books.lease()
    assert (fresh.event_id, fresh.state) == (2, State.WAITING)
    assert only(books.services)["reason"] is None


def test_an_older_version_changes_nothing(books: Books) -> None:
    """Webhooks overtake each other; the newest document is the one that is booked."""
    books.plan(BOOK, V2, event=2)
    books.plan(BOOK, V1, event=1)
    assert books.lease()[0].event_id == 2


def test_nothing_is_reopened_that_is_booked(books: Books) -> None:
    """One booking per order, however often it is updated."""
    books.plan(BOOK, V1)
    books.change(state=State.DONE)
    books.plan(BOOK, V2, event=2)
    assert (column(books.services, "event_id", key="book:1"), only(books.services)["state"]) == (1, State.DONE)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.SENDING])
def test_what_is_on_its_way_goes_on_and_remembers_the_newer_version(books: Books, state: State) -> None:
    """The call is not repeated for it; but if it comes to nothing, the newest version is the one to act on."""
    books.plan(BOOK, V1)
    books.change(state=state)
    books.plan(BOOK, V2, event=2)
    assert (column(books.services, "event_id", key="book:1"), only(books.services)["state"]) == (2, state)


@pytest.mark.parametrize("state", [State.SKIPPED, State.HELD, State.FAILED])
def test_a_verdict_on_an_older_version_is_none_on_the_newer_one(books: Books, state: State) -> None:
    """An address was mended while the old one was being refused: the mended order is tried."""
    books.plan(BOOK, V1)
    (leased,) = books.lease()
    books.plan(BOOK, V2, event=2)
    books.settle(leased, state, reason="the old address")
    (fresh,) = books.lease()
    assert (fresh.event_id, fresh.state) == (2, State.WAITING)


def test_what_was_prepared_from_an_older_version_is_not_sent(books: Books) -> None:
    """A call that waited for its lane's limit while the order was edited is prepared again."""
    books.plan(BOOK, V1)
    (leased,) = books.lease()
    books.plan(BOOK, V2, event=2)
    assert books.begin([(leased, True)]) == set()


def test_a_cancelled_version_stays_the_newest(books: Books) -> None:
    """Versions of cancelled orders sort last: a later edit of one does not bring it to life."""
    books.plan(BOOK, Version(cancelled=True, at=V1.at), event=1)
    books.plan(BOOK, V5, event=2)
    assert books.lease()[0].event_id == 1


def test_a_replacement_keeps_the_doubt(books: Books) -> None:
    """What was tried and may have arrived is looked up, also when a newer version has come meanwhile."""
    books.plan(BOOK, V1)
    books.settle(books.lease()[0], State.WAITING, doubtful=True)
    books.plan(BOOK, V2, event=2)
    assert books.lease()[0].doubtful


def test_what_has_not_changed_is_not_told_again(books: Books) -> None:
    """Every update of an order repeats its customer; the receiver hears of changes only, in their order."""
    step = Step(action="identify", key=None, subject="person:1", group="person:1", only_if_changed=True, content="A")
    for event, (version, content) in enumerate([(V1, "A"), (V2, "A"), (V3, "B")], start=1):
        books.plan(replace(step, content=content), version, event=event)
    assert [item["event"] for item in owed(books.services)] == [1, 3]
    books.plan(replace(step, content="C"), V2, event=2)
    assert [item["event"] for item in owed(books.services)] == [1, 3]
    # What was said again counts too, though nothing was owed for it.
    books.plan(replace(step, content="B"), V5, event=4)
    books.plan(replace(step, content="C"), V4, event=5)
    assert [item["event"] for item in owed(books.services)] == [1, 3]
