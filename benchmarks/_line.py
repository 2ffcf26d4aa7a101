"""Our side of a benchmark: a store, connections to the sink, deliveries that wait, and worker processes.

Everything that touches the engine's insides is here, so that a change there is followed in one place.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import rq
from sqlalchemy import (
    Integer,
    String,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    true,
    update,
)

from benchmarks._processes import python, running, wait_until
from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Topic
from plugin import broker, destinations, sandbox, storefronts
from plugin.core.delivery import State
from plugin.core.event import EventState
from plugin.core.response import encode
from plugin.core.step import Request, Work
from plugin.operations.connections import make_connection
from plugin.routing.load import load_document
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import inbox, plans
from plugin.storage.migrate import migrate
from plugin.storage.tables import attempts, deliveries, events, unfinished
from plugin.storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy import Connection as Sql

    from benchmarks._places import Place
    from mappings.canonical.document import Document
    from plugin.core.step import Step
    from plugin.storage.stores import Connection

SHOP, SECRET = "bench.myshopify.com", "the app's secret"
# No limit that could matter here.
UNLIMITED = "1000000/1s"

_first = select(literal(1).label("number")).cte("numbers", recursive=True)
_NUMBERS = _first.union_all(select(_first.c.number + 1).where(_first.c.number < bindparam("most", type_=Integer)))
_SUFFIX = ":" + cast(_NUMBERS.c.number, String)


@dataclass(slots=True)
class Line:
    """Services on one place."""

    place: Place
    services: Services
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self, destination: str, base_url: str, *, shop: str | None = None, **settings: str) -> Connection:
        """Return a connection as `crossdock connect` makes it, each of a store of its own if none is named."""
        name = shop or f"bench-{next(self._numbers)}.myshopify.com"
        store = self.services.stores.add("shopify", name, {"secret": SECRET}, None)
        return make_connection(self.services, store, destination, base_url, settings)

    def owe(self, connection: Connection, count: int, **changed: object) -> None:
        """Write down `count` tracks, each of an order and about a person of its own.

        The first is stored, planned and written by the line's own code; the others are made from its rows in SQL, with
        ids, keys and subjects of their own. `changed` are columns of the deliveries that differ from what was planned.
        """
        order = self._record_order(connection.store_id)
        track = replace(self._plan(connection, order)[0], key=f"track:{order}", subject=f"person:{order}")
        with self.services.database.write() as db:
            unit = UnitOfWork(self.services.database, db)
            plans.plan(unit, _owner(connection, order), track)
            unit.flush()
            planned = db.execute(select(func.max(deliveries.c.id))).scalar_one()
            if changed:
                db.execute(update(deliveries).where(deliveries.c.id == planned).values(changed))
            _multiply(db, events, order, count - 1, {"webhook_id": events.c.webhook_id + _SUFFIX})
            own = {name: deliveries.c[name] + _SUFFIX for name in ("key", "subject")}
            _multiply(db, deliveries, planned, count - 1, own | {"event_id": deliveries.c.event_id + _NUMBERS.c.number})

    def finish(self, connection: Connection, count: int) -> None:
        """Write down `count` tracks that are done, each with its event and its attempt."""
        with self.services.database.read() as db:
            last = db.execute(select(func.max(deliveries.c.id))).scalar_one() or 0
        self.owe(connection, count, state=State.DONE, attempts=1, message=None)
        tried = {"purpose": "send", "request": "POST /event/track {}", "status": 200, "outcome": "accepted"}
        fixed = [literal(value) for value in tried.values()]
        own = [deliveries.c.id, deliveries.c.updated_at, literal(12), *fixed]
        names = ["delivery_id", "at", "milliseconds", *tried]
        with self.services.database.write() as db:
            db.execute(insert(attempts).from_select(names, select(*own).where(deliveries.c.id > last)))

    def count(self, **wanted: object) -> int:
        """How many deliveries have these values in these columns."""
        chosen = [deliveries.c[name] == value for name, value in wanted.items()]
        with self.services.database.read() as db:
            found: int = db.execute(select(func.count()).select_from(deliveries).where(*chosen)).scalar_one()
        return found

    def pass_over_events(self) -> None:
        """Say of every event that it was routed, so that no worker comes to it."""
        with self.services.database.write() as db:
            db.execute(update(events).where(events.c.state == EventState.RECEIVED).values(state=EventState.ROUTED))

    def analyze(self) -> None:
        """Let the database count what it holds, as a server does by itself in time."""
        with self.services.database.write() as db:
            db.execute(text("ANALYZE"))

    def call(self, connection: Connection) -> Request:
        """Return the call that such a track is, with its body as it travels."""
        step, topic, document = self._plan(connection, self._record_order(connection.store_id))
        store = self.services.stores.by_id(connection.store_id)
        assert store is not None
        facts, values = store.facts, connection.values
        work = Work(
            action=step.action, topic=topic, document=document, store=facts, settings=values, data=dict(step.data)
        )
        request = destinations.get(connection.destination).build_request(work)
        assert isinstance(request, Request)
        return replace(request, body=encode(request.body))

    def is_unfinished(self) -> bool:
        """Whether anything is still owed, or still to be routed."""
        if self.services.inbox.is_waiting():
            return True
        with self.services.database.read() as db:
            return db.execute(select(deliveries.c.id).where(unfinished()).limit(1)).first() is not None

    @contextlib.contextmanager
    def workers(self, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """So many `crossdock worker` processes, and the clock."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._process("clock"))
            yield [stack.enter_context(self._process("worker")) for _ in range(count)]

    def await_workers(self, count: int) -> None:
        """Wait until so many workers are up."""
        wait_until(lambda: rq.Worker.count(connection=self.services.redis) >= count, 60, "a worker does not start")

    def wake(self, count: int) -> None:
        """Put a round for each worker into the queue, whether or not it is up already."""
        for _ in range(count):
            broker.queue(self.services.redis).enqueue(broker.ROUND, result_ttl=0)

    def claim_seconds(self, connection: Connection, count: int) -> float:
        """How long it takes to lease `count` deliveries of a lane; they are given back."""
        began = time.perf_counter()
        leased = self.services.ledger.lease(connection.lane, count)
        took = time.perf_counter() - began
        self.services.ledger.give_back(leased)
        return took

    def close(self) -> None:
        """Let go of the database, so that its files may be copied."""
        self.services.close()

    def _process(self, role: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        return running(python("-m", "plugin", role), self.place.folder, self.place.environment)

    def _record_order(self, store_id: str) -> int:
        """Store an order as a webhook is stored, and say that it was routed; return the event's id."""
        shopify = storefronts.get("shopify")
        sample = sandbox.sample("shopify", "orders/create", next(self._numbers), SECRET, SHOP)
        envelope = shopify.envelope(sample.headers, sample.body)
        self.services.inbox.put([inbox.Incoming(store_id=store_id, envelope=envelope, body=sample.body)])
        with self.services.database.write() as db:
            order: int = db.execute(select(func.max(events.c.id))).scalar_one()
            routed = {"state": EventState.ROUTED, "topic": Topic.ORDER_CREATED}
            db.execute(update(events).where(events.c.id == order).values(routed))
        return order

    def _plan(self, connection: Connection, order: int) -> tuple[Step, Topic, Document]:
        """Return what the destination itself tracks of an order."""
        store = self.services.stores.by_id(connection.store_id)
        assert store is not None
        with self.services.database.read() as db:
            (event,) = inbox.by_ids(db, [order])
        topic, document = load_document(event, store)
        steps = destinations.get(connection.destination).plan(
            topic, document, NOTHING_KNOWN, store.facts, connection.values
        )
        track = next(step for step in steps if step.action == "track")
        return replace(track, group=None, only_if_changed=False), topic, document


@contextlib.contextmanager
def line(at: Place) -> Iterator[Line]:
    """Our line on a place, its schema up to date."""
    services = Services.open(Settings.from_env(at.environment))
    try:
        migrate(services.database)
        yield Line(at, services)
    finally:
        services.close()


def _owner(connection: Connection, order: int) -> plans.Owner:
    return plans.Owner(
        event_id=order,
        store_id=connection.store_id,
        connection_id=connection.id,
        destination=connection.destination,
        lane=connection.lane,
    )


def _multiply(db: Sql, table: Table, pattern: int, count: int, own: Mapping[str, ColumnElement[Any]]) -> None:
    """Insert `count` more rows like one, but for the columns in `own`."""
    names = [column.name for column in table.c if column.name != "id"]
    rows = (
        select(*(own.get(name, table.c[name]) for name in names))
        .join_from(table, _NUMBERS, true())
        .where(table.c.id == pattern)
        .order_by(_NUMBERS.c.number)
    )
    if count:
        db.execute(insert(table).from_select(names, rows), {"most": count})
