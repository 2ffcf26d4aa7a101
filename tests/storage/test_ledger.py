"""What is owed is leased to one process at a time, in order, and settled by its lease's holder only."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from plugin.core.delivery import Priority, State
from plugin.services import Services
from plugin.storage.ledger import Attempt
from plugin.storage.tables import deliveries
from tests.support.deliveries import Books, a_step
from tests.support.running_line import only, tries
from tests.support.shop import connect

TRY = Attempt(
    at=datetime.now(UTC),
    milliseconds=1,
    purpose="send",
    request="POST /",
    status=200,
    answer="{}",
    outcome="accepted",
    reason=None,
)


@pytest.fixture
def books(services: Services) -> Books:
    """Return one connection, and three events to owe something for."""
    return Books.open(services)


def test_a_delivery_is_leased_to_one_process_only(books: Books) -> None:
    """Four workers that look at the same moment share what is due, and nothing is taken twice or left over."""
    for number in range(60):
        books.plan(a_step(str(number)))
    opened = [Services.open(books.services.settings) for _ in range(4)]

    def work(services: Services) -> list[int]:
        taken: list[int] = []
        while leased := services.ledger.lease(books.connection.lane, 5):
            assert len(leased) <= 5
            taken += [delivery.id for delivery in leased]
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [ident for found in pool.map(work, opened) for ident in found]
    taken += [delivery.id for delivery in books.lease()]
    for services in opened:
        services.close()
    assert len(taken) == len(set(taken)) == 60


_FORKS = """
import os, sys
from plugin.services import Services
from plugin.settings import Settings

for _ in range(2):
    if not os.fork():
        services = Services.open(Settings.from_env())
        print(*[delivery.lease for delivery in services.ledger.lease(sys.argv[1], 1)])
        services.close()
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def test_two_forks_of_one_worker_never_share_a_lease(books: Books, environment: dict[str, str]) -> None:
    """A round that outlived its lease must not pass for the one that took over, though both were forked alike."""
    for key in ("a", "b"):
        books.plan(a_step(key))
    forked = subprocess.run(
        [sys.executable, "-c", _FORKS, books.connection.lane],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(set(forked.stdout.split())) == 2
    assert all(len(lease) <= 64 for lease in forked.stdout.split())


def test_one_call_takes_along_what_follows_in_order(books: Books) -> None:
    """As far as it is due, and nothing behind what waits: a held one is passed over, a late one stops the rest."""
    later = datetime.now(UTC) + timedelta(hours=1)
    for key in ("a1", "a2", "a3", "b1", "b2", "c1", "c2", "c3"):
        books.plan(a_step(key, f"person:{key[0]}"))
    with books.services.database.write() as db:
        db.execute(update(deliveries).where(deliveries.c.key == "b2").values(state=State.HELD))
        db.execute(update(deliveries).where(deliveries.c.key == "c2").values(due_at=later))
    leased = books.services.ledger.lease(books.connection.lane, 10, followers=True)
    assert sorted(delivery.key for delivery in leased) == ["a1", "a2", "a3", "b1", "c1"]
    assert [delivery.key for delivery in leased if delivery.key[0] == "a"] == ["a1", "a2", "a3"]
    assert len({delivery.lease for delivery in leased}) == 1


def test_deliveries_about_one_subject_go_out_in_order(books: Books) -> None:
    """The next one is free when the one before has come to rest; other subjects overtake."""
    for key in ("a", "b", "c"):
        books.plan(a_step(key, "person:1"))
    books.plan(a_step("other"))
    first, other = books.lease()
    assert (first.key, other.key, books.keys()) == ("a", "other", [])
    books.settle(first, State.DONE)
    assert books.keys() == ["b"]


@pytest.mark.parametrize("state", [State.SKIPPED, State.HELD, State.FAILED])
def test_what_came_to_rest_holds_nothing_up(books: Books, state: State) -> None:
    """A held identify must not stop everything else about that person for days."""
    books.plan(a_step("a", "person:1"))
    books.plan(a_step("b", "person:1"))
    books.settle(books.lease()[0], state)
    assert books.keys() == ["b"]


@pytest.mark.parametrize("state", [State.WAITING, State.UNKNOWN])
def test_one_that_waits_for_its_time_holds_back_what_follows(books: Books, state: State) -> None:
    """A retry in an hour still comes before what happened later to the same person."""
    books.plan(a_step("a", "person:1"))
    books.plan(a_step("b", "person:1"))
    books.settle(books.lease()[0], state, due_at=datetime.now(UTC) + timedelta(hours=1))
    assert books.keys() == []


def test_a_subject_of_another_connection_is_another_subject(books: Books) -> None:
    """A vendor that is down holds up no other vendor's calls about the same order."""
    (store,) = books.services.stores.all()
    second = connect(books.services, store, "chitchats", "http://127.0.0.1:9", client_id="1", token="t")
    books.plan(a_step("a", "person:1"))
    books.plan(a_step("b", "person:1"), connection=second)
    assert [item.key for item in books.ledger.lease(second.lane, 9)] == ["b"]
    assert books.keys() == ["a"]


def test_live_deliveries_go_before_backfill_and_watching(books: Books) -> None:
    """An order of this minute does not queue behind a year of history."""
    for priority in (Priority.WATCH, Priority.BACKFILL, Priority.LIVE):
        books.plan(a_step(priority.name, priority=priority))
    assert [books.lease(1)[0].key for _ in range(3)] == ["LIVE", "BACKFILL", "WATCH"]


def test_a_paused_connection_is_owed_and_not_served(books: Books) -> None:
    """Nothing is sent with refused credentials, and nothing is lost meanwhile."""
    books.plan(a_step("a"))
    books.services.stores.pause(books.connection.id, "401")
    assert (books.lease(), books.ledger.due_lanes()) == ([], set())
    assert only(books.services)["state"] == "waiting"


def test_a_lease_that_was_given_back_is_free_at_once(books: Books) -> None:
    """A round that ends leaves nothing locked."""
    books.plan(a_step("a"))
    books.ledger.give_back(books.lease())
    assert books.keys() == ["a"]


def test_a_lease_ends_by_itself(books: Books) -> None:
    """What a process took and never began is simply taken by another one, without doubt."""
    books.plan(a_step("a"))
    assert len(books.lease()) == 1
    assert books.lease() == []
    books.expire()
    (again,) = books.lease()
    assert (again.doubtful, again.attempts) == (False, 0)


def test_one_whose_process_died_while_sending_is_doubtful(books: Books) -> None:
    """The intent was committed before the call, so the next process knows that it may have arrived."""
    books.plan(a_step("a"))
    assert books.begin([(books.lease()[0], True)])
    assert books.lease() == []
    books.expire()
    (again,) = books.lease()
    assert (again.state, again.doubtful, again.attempts) == (State.SENDING, True, 1)


def test_a_lost_lease_begins_nothing(books: Books) -> None:
    """Whoever was away for longer than its lease must not send: somebody else may be at it."""
    books.plan(a_step("a"))
    (late,) = books.lease()
    books.expire()
    assert books.begin([(late, True)]) == set()
    (now,) = books.lease()
    assert books.begin([(late, True), (now, True)]) == {now.id}


def test_a_lost_lease_records_nothing_but_its_attempt(books: Books) -> None:
    """The answer that came too late changes no state; that the call was made stays on the record."""
    books.plan(a_step("a"))
    (late,) = books.lease()
    books.expire()
    (now,) = books.lease()
    assert not books.settle(late, State.FAILED, attempt=TRY)
    assert only(books.services)["state"] == "waiting"
    assert len(tries(books.services)) == 1
    assert books.settle(now, State.DONE)
    assert only(books.services)["state"] == "done"


def test_only_what_a_round_could_do_makes_its_lane_due(books: Books) -> None:
    """What waits for an earlier one, or is in other hands, wakes nobody: a round ends when nothing is due."""
    books.plan(a_step("a", "person:1"))
    books.plan(a_step("b", "person:1"))
    (first,) = books.lease()
    assert books.ledger.due_lanes(timedelta(seconds=2)) == set()
    books.settle(first, State.WAITING, due_at=datetime.now(UTC) + timedelta(hours=1))
    assert books.ledger.due_lanes(timedelta(seconds=2)) == set()
    assert books.ledger.due_lanes(timedelta(hours=2)) == {books.connection.lane}
