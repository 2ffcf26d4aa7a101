"""Map: what a leased delivery needs to be sent is put together anew each time, from the stored event."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from mappings.base import MappingError, PayloadRejected
from mappings.canonical import Order
from plugin import destinations, log
from plugin.errors import Unavailable
from plugin.flow.route import load_document
from plugin.limits import limits_of_lane
from plugin.model import Accepted, Rejected, Request, State, Unknown, Work
from plugin.storage import inbox, parcels

if TYPE_CHECKING:
    from mappings.canonical import Document, Topic
    from plugin.destinations.base import Destination
    from plugin.model import Delivery, Outcome, RateLimit
    from plugin.services import Services
    from plugin.storage.shops import Connection, Store

_MOST_DOCUMENTS = 256
# Settings that were changed this lately may still be used; what is owed never depends on this cache.
_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A delivery with its call. `finds` says that the call only asks what became of an earlier one."""

    delivery: Delivery
    vendor: Destination
    connection: Connection
    work: Work
    request: Request
    finds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A delivery that needs no call."""

    delivery: Delivery
    outcome: Outcome
    vendor: Destination
    work: Work | None


class Preparer:
    """Prepares deliveries; keeps documents, stores and connections for a moment, as a person's calls share them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._documents: OrderedDict[int, tuple[Topic, Document]] = OrderedDict()
        self._stores: dict[str, Store] = {}
        self._connections: dict[str, Connection] = {}
        self._fresh_until = 0.0

    def prepare(self, delivery: Delivery) -> Prepared | Settled:
        """The call to make, or the outcome when there is none to make: skipped, or held with what is missing."""
        vendor = destinations.get(delivery.destination)
        work: Work | None = None
        try:
            work = self._work(delivery)
            return self._decide(delivery, vendor, work)
        except MappingError as error:
            outcome = Rejected(reason=str(error), hold=True)
        except (Unavailable, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001  (a bug in one mapping must not stop every other lane)
            log.fault("mapping failed", delivery=delivery.id)
            outcome = Rejected(
                reason=f"a fault of Crossdock's own ({type(error).__name__}); please report it", hold=True
            )
        return Settled(delivery=delivery, outcome=outcome, vendor=vendor, work=work)

    def _decide(self, delivery: Delivery, vendor: Destination, work: Work) -> Prepared | Settled:
        doubt = self._doubt(delivery, vendor, work)
        finds = isinstance(doubt, Request)
        request = doubt if doubt is not None else vendor.prepare(work)
        if isinstance(request, Request):
            connection = self._connection(delivery.connection_id)
            return Prepared(
                delivery=delivery, vendor=vendor, connection=connection, work=work, request=request, finds=finds
            )
        return Settled(delivery=delivery, outcome=request, vendor=vendor, work=work)

    def _doubt(self, delivery: Delivery, vendor: Destination, work: Work) -> Request | Outcome | None:
        """The look-up when the call may have arrived already; None when it is safe to send it."""
        if not delivery.doubtful:
            return None
        search = vendor.find(work)
        if search is not None:
            return search
        request = vendor.prepare(work) if delivery.state is State.SENDING else None
        if isinstance(request, Request) and not request.repeatable:
            return self._noted(delivery) or Unknown(reason="the process died while it was being sent")
        return None

    def _noted(self, delivery: Delivery) -> Accepted | None:
        try:
            taken = self._services.pace.was_accepted(delivery.lane, delivery.id)
        except RedisError:
            return None
        return Accepted(note="accepted just before its worker died") if taken else None

    def _work(self, delivery: Delivery) -> Work:
        self._forget()
        connection = self._connection(delivery.connection_id)
        topic, document = (None, None) if delivery.data.get("account") else self._document(delivery)
        work = Work(
            action=delivery.action,
            topic=topic,
            document=document,
            store=self._store(delivery.store_id).facts,
            settings=connection.values,
            data=delivery.data,
        )
        if document is None or isinstance(document, Order):
            with self._services.database.read() as db:
                return parcels.complete(db, delivery, work)
        return work

    def _document(self, delivery: Delivery) -> tuple[Topic, Document]:
        known = self._documents.get(delivery.event_id)
        if known is None:
            with self._services.database.read() as db:
                events = inbox.by_ids(db, [delivery.event_id])
            if not events:
                raise PayloadRejected("the event is gone")
            known = load_document(events[0], self._store(delivery.store_id))
            self._documents[delivery.event_id] = known
            if len(self._documents) > _MOST_DOCUMENTS:
                self._documents.popitem(last=False)
        return known

    def _store(self, store_id: str) -> Store:
        if store_id not in self._stores:
            store = self._services.shops.by_id(store_id)
            if store is None:
                raise PayloadRejected("the store is gone")
            self._stores[store_id] = store
        return self._stores[store_id]

    def _connection(self, connection_id: str) -> Connection:
        if connection_id not in self._connections:
            self._connections = {item.id: item for item in self._services.shops.connections()}
        if connection_id not in self._connections:
            raise PayloadRejected("the connection is gone")
        found = self._connections[connection_id]
        if found.unreadable:
            raise PayloadRejected(found.reason or "its credentials can't be read")
        return found

    def limits(self, lane: str) -> tuple[RateLimit, ...]:
        """What all connections of a lane ask for together."""
        if not any(item.lane == lane for item in self._connections.values()):
            self._connections = {item.id: item for item in self._services.shops.connections()}
        return limits_of_lane(item for item in self._connections.values() if item.lane == lane)

    def _forget(self) -> None:
        if time.monotonic() > self._fresh_until:
            self._stores.clear()
            self._connections.clear()
            self._fresh_until = time.monotonic() + _SECONDS
