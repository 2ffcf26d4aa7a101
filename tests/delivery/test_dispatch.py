"""What was begun departs or comes back, whatever fails beside it; what comes too late is not sent by anybody."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from redis import RedisError
from sqlalchemy import func, select

from plugin import destinations
from plugin.core.errors import Unavailable
from plugin.core.outcome import Deferred
from plugin.core.rates import RateLimit
from plugin.core.response import Failure
from plugin.core.step import Request
from plugin.delivery.config_cache import ConfigCache
from plugin.delivery.dispatch import Dispatcher
from plugin.delivery.lanes import Lane, Lanes
from plugin.delivery.prepare import Settled
from plugin.delivery.record import Returned
from plugin.delivery.round import TurnTransaction, Worker
from plugin.limiter.redis_limiter import RedisLimiter
from plugin.sandbox import Fault
from plugin.services import connect_redis
from plugin.storage.database import Database
from plugin.storage.ledger import LEASE, Ledger
from plugin.storage.stores import Stores
from plugin.storage.tables import deliveries
from tests.conftest import wait_until
from tests.support.deliveries import Books
from tests.support.fake_executor import FakeExecutor, call, calls
from tests.support.keep_alive_vendor import Lasting, echo, target
from tests.support.shop import sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection as Sql

    from plugin.delivery.executor import FinishedCall
    from plugin.delivery.lanes import Call
    from plugin.services import Services
    from tests.support.shop import Shop

LATE = Failure(sent=False, reason="its turn came too late", late=True)
NOBODY = "redis://127.0.0.1:1"


@pytest.fixture
def books(services: Services) -> Books:
    """Build a connection that is owed something for three people, and nothing else."""
    return Books.owing(services, "a", "b", "c")


def dispatching(services: Services, executor: FakeExecutor, lane: str) -> tuple[Dispatcher, Lane]:
    """Return a dispatcher and its one lane, whose calls the executor makes."""
    lanes = Lanes(ConfigCache(services))
    return Dispatcher(services, lanes, executor.executor), lanes.get(lane)


def bodies(*paths: str) -> list[Request]:
    """Return a request to each of these paths."""
    return [Request(method="POST", path=path, body={}) for path in paths]


def _shut(lane: Lane, _: Call) -> None:
    lane.loop.shut_at = time.monotonic()


def _call_off(lane: Lane, _: Call) -> None:
    lane.call_off()


def _delay(_: Lane, second: Call) -> None:
    second.latest = time.monotonic()


@pytest.mark.parametrize("happens", [_shut, _call_off, _delay])
def test_a_call_that_waited_too_long_for_a_thread_is_not_made(
    monkeypatch: pytest.MonkeyPatch, happens: Callable[[Lane, Call], None]
) -> None:
    """Its lease may end before its answer is there, or its vendor has asked for no more calls meanwhile."""
    lane, goes_on = Lane("a"), threading.Event()
    start, most = threading.Thread.start, threading.Semaphore(1)

    def sparing(self: threading.Thread) -> None:
        if self.name == "call" and not most.acquire(blocking=False):
            raise RuntimeError("can't start new thread")
        start(self)

    def say(request: bytes) -> Iterator[bytes]:
        goes_on.wait(10)
        yield from echo(request)

    monkeypatch.setattr(threading.Thread, "start", sparing)
    with Lasting(say) as vendor, FakeExecutor() as executor:
        first, second = calls(vendor.url, ["/first", "/second"])
        executor.send(lane, first, second, most=2)
        wait_until(lambda: len(vendor.heard) == 1 and not lane.queue)
        happens(lane, second)
        goes_on.set()
        executor.serve()
    assert list(map(target, vendor.heard)) == ["/first"]
    assert [one.result for one in executor.finished if one.call is second] == [LATE]


def test_what_was_begun_is_sent_though_redis_is_gone(books: Books) -> None:
    """Another call of that turn was not begun, and its slot can't be given back."""
    gone = replace(books.services, limiter=RedisLimiter(connect_redis(NOBODY), LEASE))
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        dispatcher, lane = dispatching(gone, executor, books.connection.lane)
        lost = call(vendor.url, *bodies("/lost"))
        begun = call(vendor.url, *bodies("/lost too", "/begun"))
        with pytest.raises(RedisError):
            dispatcher.dispatch([(lane, lost), (lane, begun)], {2}, time.monotonic())
        assert (lane.in_flight, list(lane.queue)) in [(1, [begun]), (1, [])]
        wait_until(lambda: [target(one) for one in vendor.heard] == ["/begun"])


def test_what_was_begun_is_sent_though_its_turn_can_pause_nobody(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is away just after the commit; the next refusal pauses the connection."""

    def away(*_: object) -> None:
        raise Unavailable("away")

    first, second, _ = books.lease()
    refused = Deferred(reason="401", pause=True)
    item = Settled(delivery=first, outcome=refused, vendor=destinations.get("chrts"), work=None)

    monkeypatch.setattr(Stores, "pause", away)
    done = TurnTransaction(books.services).write([Returned(item=item, outcome=refused)], [(second, True)])
    assert done.begun == {second.id}


def test_what_was_committed_too_slowly_is_not_sent(books: Books) -> None:
    """A transaction that waited for somebody's lock has used up the leases that it renewed at its beginning."""
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        dispatcher, lane = dispatching(books.services, executor, books.connection.lane)
        late, early = call(vendor.url, *bodies("/late")), call(vendor.url, *bodies("/early"))
        dispatcher.dispatch([(lane, late)], {1}, time.monotonic() - 20)
        dispatcher.dispatch([(lane, early)], {1}, time.monotonic() - 2)
        finished = {id(one.call): one.result for one in collected(executor, 2)}
        assert finished[id(late)] == LATE
        assert list(map(target, vendor.heard)) == ["/early"]


def collected(executor: FakeExecutor, count: int) -> list[FinishedCall]:
    """So many calls that are over."""
    found: list[FinishedCall] = []
    wait_until(lambda: len(found.__iadd__(executor.executor.collect(0.05, 1))) == count)
    return found


def test_a_lane_that_is_put_to_sleep_holds_no_leases(shop: Shop) -> None:
    """For as long as `Retry-After` says, what it is owed is free for whoever asks first when it is over."""
    shop.reconnect("chrts", rate="1000/1s", in_flight="1")
    chrts = shop.sandbox.emulators["chrts"]
    chrts.faults.add(Fault("status", status=429, retry_after=60, times=None))
    for number in range(60):
        document = sent("orders_create")
        document["email"] = document["customer"]["email"] = f"person{number}@example.com"
        document["customer"]["id"] += number
        document["id"] += number
        shop.post("orders/create", document)
    worker = Worker(shop.services)
    serving = threading.Thread(target=worker.round, args=(15.0,))
    serving.start()
    try:
        wait_until(lambda: chrts.journal.total == 1)
        wait_until(lambda: not shop.services.inbox.is_waiting() and not leased(shop.services), 8)
        assert serving.is_alive()
    finally:
        worker.stopping.set()
        serving.join()
        worker.close()


def test_a_turn_that_fails_frees_what_it_took(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers' transactions may wait for each other, and a database gives one of them up: it only tries again."""

    def given_up(_: Ledger, __: Sql, chosen: Iterable[object]) -> set[int]:
        if list(chosen):
            raise Unavailable("DeadlockDetected")
        return set()

    shop.post("orders/create", sent("orders_create"))
    monkeypatch.setattr(Ledger, "begin", given_up)
    worker = Worker(shop.services)
    try:
        with pytest.raises(Unavailable):
            worker.round(5)
    finally:
        worker.close()
    lane = ConfigCache(shop.services).connection(shop.chrts.id).lane
    assert leased(shop.services) == 0
    assert shop.services.limiter.use({lane: [RateLimit(10, 1)]})[lane].in_use == 0


def test_what_was_taken_back_waits_as_it_did(books: Books) -> None:
    """In its order, and halves of what was refused as a whole stay halves: what they carry was being sent already."""
    with FakeExecutor() as executor:
        dispatcher, lane = dispatching(books.services, executor, books.connection.lane)
        one, two = (call("http://127.0.0.1:1", *bodies(path)) for path in ("/a", "/b"))
        half, other = (call("http://127.0.0.1:1", *bodies(path, path)) for path in ("/c", "/d"))
        half.is_half = other.is_half = True
        dispatcher.take_back([(lane, half), (lane, other), (lane, one), (lane, two)])
        assert list(lane.ready) == [*one.items, *two.items]
        assert list(lane.halves) == [half.items, other.items]


def leased(services: Services) -> int:
    """How many deliveries to chrts are in anybody's hands."""
    query = select(func.count()).where(deliveries.c.lease.is_not(None), deliveries.c.destination == "chrts")
    with services.database.read() as db:
        return db.execute(query).scalar_one()


def test_a_round_that_ends_waits_for_slow_vendors_at_rest(books: Books) -> None:
    """What it will not begin any more is nothing to be attended to again and again."""
    lanes = Lanes(ConfigCache(books.services))
    lane = lanes.get(books.connection.lane)
    lane.latency, lanes.closing = 5.0, True
    lane.ready.extend(call("http://127.0.0.1:1", *bodies("/a")).items)
    assert lanes.patience(time.monotonic() + 1.0) > 0.5


def test_what_holds_for_a_lane_is_known_while_the_database_is_away(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slots are stamped by it when calls are over, and those must not be lost for want of it."""
    monkeypatch.setattr("plugin.delivery.config_cache._SECONDS", -1.0)
    known = ConfigCache(books.services)
    before = known.policy(books.connection.lane)
    monkeypatch.setattr(books.services.database, "engine", Database("postgresql://127.0.0.1:1/nothing").engine)
    assert known.policy(books.connection.lane) == before
