"""Our side of a benchmark: a store, connections to the sink, deliveries that wait, and worker processes.

Everything that touches the engine's insides is here, so that a change there is followed in one place.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from benchmarks._processes import python, running
from mappings.canonical import Topic
from plugin import destinations, storefronts
from plugin.commands.shops import make_connection
from plugin.flow import jobs
from plugin.flow.route import load_document
from plugin.http import encode
from plugin.model import EventState, Priority, Request, Work
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import inbox, plans
from plugin.storage.migrate import migrate
from plugin.storage.tables import deliveries, events, unfinished

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

    from benchmarks._places import Place
    from mappings.canonical import Document
    from plugin.model import Step
    from plugin.storage.shops import Connection

SHOP, SECRET = "bench.myshopify.com", "the app's secret"
# No limit that could matter here.
UNLIMITED = "1000000/1s"
_TOGETHER = 500


@dataclass(slots=True)
class Line:
    """Services on one place."""

    place: Place
    services: Services
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self, destination: str, base_url: str, **settings: str) -> Connection:
        """A connection as `crossdock connect` makes it, each of a store of its own."""
        name = f"bench-{next(self._numbers)}.myshopify.com"
        store = self.services.shops.add("shopify", name, {"secret": SECRET}, None)
        return make_connection(self.services, store, destination, base_url, settings)

    def owe(self, connection: Connection, count: int, *, priority: Priority = Priority.LIVE) -> None:
        """Write down `count` tracks as routing writes them down, each of an order and about a person of its own."""
        orders = self._record_orders(connection.store_id, count)
        track = replace(self._plan(connection, orders[0])[0], priority=priority)
        for some in _portions(orders):
            with self.services.database.write() as db:
                for order in some:
                    own = replace(track, key=f"track:{order}", subject=f"person:{order}")
                    plans.plan(self.services.database, db, _owner(connection, order), own)

    def call(self, connection: Connection) -> Request:
        """The call that such a track is, with its body as it travels."""
        step, topic, document = self._plan(connection, self._record_orders(connection.store_id, 1)[0])
        store = self.services.shops.by_id(connection.store_id)
        assert store is not None
        facts, values = store.facts, connection.values
        work = Work(
            action=step.action, topic=topic, document=document, store=facts, settings=values, data=dict(step.data)
        )
        request = destinations.get(connection.destination).prepare(work)
        assert isinstance(request, Request)
        return replace(request, body=encode(request.body))

    def is_unfinished(self) -> bool:
        """Whether anything is still owed."""
        with self.services.database.read() as db:
            return db.execute(select(deliveries.c.id).where(unfinished()).limit(1)).first() is not None

    @contextlib.contextmanager
    def workers(self, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        """So many `crossdock worker` processes, and the clock; each finds a round waiting for it when it is up."""
        rounds = jobs.queue(self.services.redis)
        for _ in range(count):
            rounds.enqueue(jobs.ROUND, result_ttl=0)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._process("clock"))
            yield [stack.enter_context(self._process("worker")) for _ in range(count)]

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

    def _record_orders(self, store_id: str, count: int) -> list[int]:
        """Store different orders as webhooks are stored, and say that they were routed; return the events' ids."""
        shopify = storefronts.get("shopify")
        for numbers in _portions([next(self._numbers) for _ in range(count)]):
            samples = [shopify.sample("orders/create", number, SECRET, SHOP) for number in numbers]
            arrived = [(shopify.envelope(item.headers, item.body), item.body) for item in samples]
            self.services.inbox.put(
                [inbox.Incoming(store_id=store_id, envelope=envelope, body=body) for envelope, body in arrived]
            )
        new = events.c.state == EventState.RECEIVED
        with self.services.database.write() as db:
            ids = list(db.execute(select(events.c.id).where(new).order_by(events.c.id)).scalars())
            db.execute(update(events).where(new).values(state=EventState.ROUTED, topic=Topic.ORDER_CREATED))
        return ids

    def _plan(self, connection: Connection, order: int) -> tuple[Step, Topic, Document]:
        """What the destination itself tracks of an order."""
        store = self.services.shops.by_id(connection.store_id)
        assert store is not None
        with self.services.database.read() as db:
            (event,) = inbox.by_ids(db, [order])
        topic, document = load_document(event, store)
        steps = destinations.get(connection.destination).plan(topic, document, store.facts, connection.values)
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
        version="0",
    )


def _portions(items: Sequence[int]) -> Iterator[Sequence[int]]:
    return (items[start : start + _TOGETHER] for start in range(0, len(items), _TOGETHER))
