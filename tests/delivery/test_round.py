"""A turn of the round is one transaction: what came back, what goes out, what is leased. None spoils another."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from plugin import destinations
from plugin.core.errors import Unavailable
from plugin.core.outcome import Accepted
from plugin.delivery.prepare import Settled
from plugin.delivery.record import Returned
from plugin.delivery.round import TurnTransaction, Worker
from plugin.sandbox import Fault
from plugin.storage import queries
from plugin.storage.ledger import Ledger
from tests.support.deliveries import Books, a_step
from tests.support.keep_alive_vendor import Lasting, kept
from tests.support.running_line import owed, work_off
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection as Sql

    from plugin.core.delivery import Delivery
    from plugin.core.outcome import Outcome
    from plugin.services import Services
    from tests.support.shop import Shop

# Cannot be written: it is no JSON.
UNWRITABLE = Accepted(then=(a_step("next", data={"a": object()}),))


@pytest.fixture
def books(services: Services) -> Books:
    """Build a connection that is owed something for three people, and nothing else."""
    return Books.owing(services, "a", "b", "c")


def came_back(delivery: Delivery, outcome: Outcome) -> Returned:
    """Return a delivery that needed no call, with this outcome."""
    vendor = destinations.get(delivery.destination)
    return Returned(item=Settled(delivery=delivery, outcome=outcome, vendor=vendor, work=None), outcome=outcome)


def states(books: Books) -> dict[str, str]:
    """Return the state of every delivery by its person."""
    return {item["subject"].removeprefix("person:"): item["state"] for item in owed(books.services)}


class InterruptedLedger(Ledger):
    """Raises these errors, one each time, when the intents of a turn are written and not committed yet.

    `seen` is what others saw at these moments.
    """

    def __init__(self, books: Books, *errors: Exception) -> None:
        super().__init__(books.services.database)
        self._books = books
        self._errors = list(errors)
        self.seen: list[dict[str, str]] = []

    def begin(self, db: Sql, leased: Iterable[tuple[Delivery, bool]]) -> set[int]:
        """Write down the intents, and then fail."""
        begun = super().begin(db, leased)
        if self._errors:
            self.seen.append(states(self._books))
            raise self._errors.pop()
        return begun


def test_one_result_that_cannot_be_written_spoils_no_other(books: Books) -> None:
    """It is held; the other is written down, and the intent of that turn is committed as well."""
    first, second, third = books.lease()

    returned = [came_back(first, UNWRITABLE), came_back(second, Accepted())]
    assert TurnTransaction(books.services).write(returned, [(third, True)]).begun == {third.id}
    assert states(books) == {"a": "held", "b": "done", "c": "sending"}


def test_the_only_result_that_cannot_be_written_spoils_no_intent(books: Books) -> None:
    """The same where there is no other."""
    first, second, _ = books.lease()

    done = TurnTransaction(books.services).write([came_back(first, UNWRITABLE)], [(second, True)])
    assert done.begun == {second.id}
    assert states(books) == {"a": "held", "b": "sending", "c": "waiting"}


@pytest.mark.parametrize("count", [1, 2])
def test_what_came_back_is_kept_if_the_rest_of_the_turn_fails(books: Books, count: int) -> None:
    """A fault in beginning or leasing is not one of the answers: they are written down as they are."""
    leased = books.lease()

    broken = InterruptedLedger(books, ZeroDivisionError(), ZeroDivisionError())
    returned = [came_back(one, Accepted()) for one in leased[:count]]
    with pytest.raises(ZeroDivisionError):
        TurnTransaction(replace(books.services, ledger=broken)).write(returned, [(leased[2], True)])
    expected = {"a": "done", "b": "done" if count == 2 else "waiting", "c": "waiting"}
    assert states(books) == expected


def test_a_database_that_is_away_for_a_moment_loses_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is written with the next try, and nothing of it by halves before."""
    monkeypatch.setattr("plugin.delivery.round._RETRY_SECONDS", 0.0)
    first, second, _ = books.lease()
    ledger = InterruptedLedger(books, Unavailable("away"), Unavailable("away"))
    done = TurnTransaction(replace(books.services, ledger=ledger)).write(
        [came_back(first, Accepted())], [(second, True)]
    )
    assert done.begun == {second.id}
    assert ledger.seen == [{"a": "waiting", "b": "waiting", "c": "waiting"}] * 2
    assert states(books) == {"a": "done", "b": "sending", "c": "waiting"}


def test_a_call_leaves_once_its_intent_is_committed(shop: Shop) -> None:
    """Whoever looks while the vendor has it sees that it is being sent, though its process may die now."""
    seen: list[Counter[str]] = []

    def say(_: bytes) -> Iterator[bytes]:
        chrts = queries.list_deliveries(shop.services.database, destination="chrts")
        seen.append(Counter(item["state"] for item in chrts))
        yield kept({"status": True})

    with Lasting(say) as vendor:
        connect(shop.services, shop.store, "chrts", vendor.url, api_key="k", rate="1000/1s", in_flight="1")
        shop.post("orders/create", sent("orders_create"))
        work_off(shop.services)
    assert seen
    assert all(one["sending"] >= 1 for one in seen)


def order(shop: Shop, number: int) -> None:
    """Post an order of a person of its own."""
    document = sent("orders_create")
    document["email"] = document["customer"]["email"] = f"person{number}@example.com"
    document["customer"]["id"] += number
    document["id"] += number
    shop.post("orders/create", document)


def test_after_a_429_no_further_slot_is_asked_for(shop: Shop) -> None:
    """`Retry-After` closes the lane within the round that is going on, though slots would be free again."""
    shop.reconnect("chrts", rate="1/1s")
    chrts = shop.sandbox.emulators["chrts"]
    chrts.faults.add(Fault("status", status=429, retry_after=60, times=None))
    for number in range(3):
        order(shop, number)
    worker = Worker(shop.services)
    ends = time.monotonic() + 1.6
    try:
        while time.monotonic() < ends:
            worker.round(ends - time.monotonic())
    finally:
        worker.close()
    assert len(owed(shop.services, destination="chrts", state="waiting")) > 1
    assert chrts.journal.total == 1


def test_what_was_begun_ahead_of_a_429_is_called_off(shop: Shop) -> None:
    """Calls that wait for their turn when the vendor says stop are not sent, and nothing says that they were."""
    shop.reconnect("chrts", rate="1000/1s", in_flight="1")
    chrts = shop.sandbox.emulators["chrts"]
    chrts.faults.add(Fault("status", status=429, retry_after=60, times=None))
    for number in range(20):
        order(shop, number)
    worker = Worker(shop.services)
    try:
        worker.round(1.5)
    finally:
        worker.close()
    tracked = [item for item in owed(shop.services, destination="chrts") if item["action"] != "book"]
    tried = [one for item in tracked for one in queries.list_attempts(shop.services.database, item["id"])]
    assert chrts.journal.total == 1
    assert sum(item["attempts"] for item in tracked) == 0
    assert [one["status"] for one in tried] == [429]
