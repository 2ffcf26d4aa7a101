"""Webhooks that arrive together share a commit; nobody hears of it before it is made, and nobody is forgotten."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text

from plugin.core.errors import Unavailable
from plugin.core.event import Envelope
from plugin.intake.group_commit import GroupCommit
from plugin.storage.database import Database
from plugin.storage.inbox import Inbox, Incoming
from plugin.storage.tables import NAMELESS, events
from tests.support.shop import ADDRESS, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugin.services import Services
    from tests.conftest import Backend

CROWD = 20
QUIET = 1.0


@dataclass
class Gated(Inbox):
    """The real inbox, which waits before each commit until it is let."""

    services: Services
    sizes: list[int] = field(default_factory=list)
    committing: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    trouble: Exception | None = None

    def put(self, arrived: Sequence[Incoming]) -> list[bool]:
        """Note how many came together."""
        self.sizes.append(len(arrived))
        self.committing.set()
        assert self.gate.wait(20)
        if self.trouble is not None:
            raise self.trouble
        return self.services.inbox.put(arrived)


@pytest.fixture
def store(services: Services) -> str:
    """Add a store that webhooks can be of."""
    return services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None).id


@pytest.fixture
def inbox(services: Services) -> Gated:
    """Its gate is closed at first."""
    return Gated(services)


@pytest.fixture
def intake(inbox: Gated) -> Iterator[GroupCommit]:
    """One that commits through the gate."""
    made = GroupCommit(inbox)
    yield made
    inbox.gate.set()
    made.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the writer wait so long for those it expects that no slow machine is taken for a quiet one."""
    monkeypatch.setattr("plugin.intake.group_commit._QUIET_SECONDS", QUIET)
    monkeypatch.setattr("plugin.intake.group_commit._GATHER_SECONDS", QUIET * 10)


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Threads, as many as a server has that takes every call."""
    with ThreadPoolExecutor(400) as pool:
        yield pool


def a_webhook(store: str, number: int, *, bare: bool = False) -> Incoming:
    """Return a webhook; a bare one says no more of itself than it must."""
    moment = None if bare else datetime(2026, 11, 20, 16, 2, 12, 123456, tzinfo=UTC)
    version = None if bare else "2026-10"
    envelope = Envelope(
        webhook_id=f"w{number}", platform_topic="orders/create", api_version=version, triggered_at=moment
    )
    return Incoming(store_id=store, envelope=envelope, body=b'{"id": %d}' % number)


def stored(services: Services) -> int:
    """How many are in the database."""
    with services.database.read() as db:
        count: int = db.execute(select(func.count()).select_from(events)).scalar_one()
    return count


def crowd(intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, store: str, count: int) -> list[Future[bool]]:
    """One webhook whose commit takes long, and `count` that come meanwhile, all answered when this returns."""
    first = callers.submit(intake.put, a_webhook(store, 0))
    assert inbox.committing.wait(20)
    all_here = threading.Barrier(count + 1)

    def put(number: int) -> bool:
        all_here.wait(20)
        return intake.put(a_webhook(store, number))

    others = [callers.submit(put, number) for number in range(1, count + 1)]
    all_here.wait(20)
    assert not first.done()
    inbox.gate.set()
    answered = wait([first, *others], 30)
    assert not answered.not_done
    return [first, *others]


def test_what_comes_during_a_commit_shares_the_next(
    intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, services: Services, store: str
) -> None:
    """One flush of the disk for many."""
    assert all(one.result() for one in crowd(intake, inbox, callers, store, CROWD))
    assert stored(services) == sum(inbox.sizes) == CROWD + 1
    assert len(inbox.sizes) < CROWD / 2


def test_a_crowd_is_not_committed_all_at_once_however_large(
    intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, services: Services, store: str
) -> None:
    """Its first would wait for its last."""
    assert all(one.result() for one in crowd(intake, inbox, callers, store, 390))
    assert stored(services) == 391
    assert max(inbox.sizes) <= 256


@pytest.mark.usefixtures("patient")
def test_the_writer_waits_for_those_it_just_answered(
    intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, services: Services, store: str
) -> None:
    """Each is about to send the next: they share one commit again instead of a few each."""
    inbox.gate.set()

    def put_on_and_on(caller: int) -> int:
        sent = 0
        while inbox.sizes.count(CROWD) < 20 and len(inbox.sizes) < 2000:
            sent += intake.put(a_webhook(store, caller * 1000 + sent))
        return sent

    assert sum(callers.map(put_on_and_on, range(CROWD), timeout=30)) == stored(services) == sum(inbox.sizes)
    together = inbox.sizes.index(CROWD)
    assert inbox.sizes[together : together + 20] == [CROWD] * 20, "once all of them were there, nobody is left out"


@pytest.mark.usefixtures("patient")
def test_who_comes_alone_after_a_crowd_is_not_kept_waiting_for_it(
    intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, services: Services, store: str
) -> None:
    """The writer expects as many as last time once, and not for ever."""
    crowd(intake, inbox, callers, store, CROWD)
    assert intake.put(a_webhook(store, 1000))
    began = time.monotonic()
    assert intake.put(a_webhook(store, 1001))
    assert time.monotonic() - began < QUIET / 2
    assert stored(services) == CROWD + 3


def test_a_commit_that_fails_is_heard_of_by_everybody_in_it_and_the_next_goes_on(
    intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, services: Services, store: str
) -> None:
    """None of them may be answered 200."""
    inbox.trouble = Unavailable("away")
    failed = crowd(intake, inbox, callers, store, CROWD)
    assert all(isinstance(one.exception(), Unavailable) for one in failed)
    inbox.trouble = None
    assert intake.put(a_webhook(store, 0))
    assert stored(services) == 1


def test_closing_commits_what_waits(
    intake: GroupCommit, inbox: Gated, callers: ThreadPoolExecutor, services: Services, store: str
) -> None:
    """A server that ends answers first, and whoever comes in between is not left behind."""
    first = callers.submit(intake.put, a_webhook(store, 1))
    assert inbox.committing.wait(20)
    behind = threading.Barrier(2)
    second = callers.submit(lambda: (behind.wait(20), intake.put(a_webhook(store, 2)))[1])
    behind.wait(20)
    closed = callers.submit(intake.close)
    inbox.gate.set()
    closed.result(10)
    assert first.result(10)
    assert second.result(10)
    assert intake.put(a_webhook(store, 3)), "and it may be used again"
    assert stored(services) == 3


def test_a_writer_that_could_not_start_is_started_by_the_next_webhook(
    intake: GroupCommit, inbox: Gated, services: Services, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that lacks threads for a moment is not deaf for ever."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    inbox.gate.set()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="thread"):
        intake.put(a_webhook(store, 1))
    monkeypatch.undo()
    assert intake.put(a_webhook(store, 1))
    assert stored(services) == 1


def test_a_group_keeps_what_is_unknown_and_what_was_there_before(services: Services, store: str) -> None:
    """Whether each was new is said of each."""
    assert services.inbox.put([a_webhook(store, 1), a_webhook(store, 2, bare=True)]) == [True, True]
    again = [a_webhook(store, 2), *[a_webhook(store, 3, bare=True)] * 2, a_webhook(store, 1)]
    assert services.inbox.put(again) == [False, True, False, False]
    query = select(events.c.webhook_id, events.c.api_version, events.c.triggered_at).order_by(events.c.webhook_id)
    with services.database.read() as db:
        found = [tuple(row) for row in db.execute(query)]
    moment = datetime(2026, 11, 20, 16, 2, 12, 123456, tzinfo=UTC)
    assert found == [("w1", "2026-10", moment), ("w2", None, None), ("w3", None, None)]


REDACTING = {
    "document_ref = 'a'": "ix_events_document",
    "document_ref IN ('a', 'b')": "ix_events_document",
    "customer_ref = 'a'": "ix_events_customer",
    f"{NAMELESS.text} AND length(body) > 0": "ix_events_nameless",
}


@pytest.mark.parametrize("condition", REDACTING)
def test_a_privacy_request_reads_an_index_and_not_every_webhook(services: Services, condition: str) -> None:
    """The indexes leave out what a webhook that just arrives would only add to them."""
    query = f"SELECT * FROM events WHERE store_id = 's' AND {condition} ORDER BY id"  # noqa: S608  (written above)
    with services.database.read() as db:
        if services.database.is_postgresql:
            db.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if services.database.is_postgresql else "EXPLAIN QUERY PLAN"
        plan = "\n".join(str(row[-1]) for row in db.execute(text(f"{explain} {query}")))
    assert REDACTING[condition] in plan


def test_postgresql_compiles_no_statement(server: Backend) -> None:
    """With a long backlog it thinks that it should, and a lease takes twenty times as long."""
    database = Database(server.database_url or "")
    with database.read() as db:
        db.execute(text("SET LOCAL jit_above_cost = 0"))
        plan = "\n".join(
            row[0] for row in db.execute(text("EXPLAIN (ANALYZE) SELECT sum(n) FROM generate_series(1, 9) n"))
        )
    database.close()
    assert "JIT" not in plan


def test_a_read_only_database_is_one_that_is_away(server: Backend) -> None:
    """As after a failover, when the address still names the old server: the sender must keep what it has."""
    database = Database(server.database_url or "")

    def write() -> None:
        with database.read() as db:
            db.execute(text("SET TRANSACTION READ ONLY"))
            db.execute(text("CREATE TABLE refused (id integer)"))

    with pytest.raises(Unavailable, match="read-only"):
        write()
    database.close()
