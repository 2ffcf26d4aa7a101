"""Routing: an event becomes deliveries, according to its topic and to the connections of its store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError

from mappings.canonical.activity import (
    Cart,
    Checkout,
    Consent,
    Departure,
    Discard,
    Fulfilment,
    Merge,
    ParcelScan,
    Payment,
    Refund,
)
from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Customer, Order, ShopNotice, Topic
from mappings.schemas.schema import MappingError
from plugin import destinations, storefronts
from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.core.event import EventState
from plugin.core.step import Step
from plugin.destinations.base import ships
from plugin.routing.enrich import enrich
from plugin.routing.learn import learn, visitor_attributes
from plugin.routing.load import load_document
from plugin.rules import selection
from plugin.rules.assignment import Assigner
from plugin.storage import bookings, erasure, inbox, plans
from plugin.storage.version import UNVERSIONED, Version
from plugin.storefronts.base import Ignored

if TYPE_CHECKING:
    from sqlalchemy import Connection as Sql

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from plugin.core.event import Event
    from plugin.rules.assignment import CarrierAssignment
    from plugin.services import Services
    from plugin.storage.bookings import Booking
    from plugin.storage.stores import Connection, Store


_ERASING = frozenset({Topic.CUSTOMER_REDACTED, Topic.SHOP_REDACTED})


def route_due(services: Services, limit: int = 50) -> int:
    """Route events that were stored but not routed yet, oldest first; return how many. All in one transaction."""
    with services.database.write() as db:
        if not services.database.is_alone(db, "route"):
            return 0
        taken = inbox.take(db, limit)
        stores = {store_id: services.stores.by_id(store_id) for store_id in {event.store_id for event in taken}}
        owed = {store_id: services.stores.connections(store_id) for store_id in stores}
        for event in taken:
            store = stores[event.store_id]
            if store is not None:
                _Router(services, db, event, store, owed[event.store_id]).route()
    return len(taken)


class _Router:
    """What routes one event, inside the caller's transaction."""

    def __init__(self, services: Services, db: Sql, event: Event, store: Store, owed: list[Connection]) -> None:
        self._services = services
        self._db = db
        self._event = event
        self._store = store
        self._connections = owed
        self._history = NOTHING_KNOWN
        # What has to be kept about people; nothing where no connection receives customer data.
        self._attributes = visitor_attributes(owed)

    def route(self) -> None:
        """Route the event; whatever its body holds, it comes to rest in a state that says what happened."""
        known = storefronts.get(self._store.platform).topics.get(self._event.platform_topic)
        if known is None:
            self._rest(EventState.UNKNOWN, f"nothing is known of the topic {self._event.platform_topic[:60]!r}; kept")
        elif isinstance(known, Ignored):
            self._rest(EventState.IGNORED, known.reason)
        else:
            self._route_known()

    def _route_known(self) -> None:
        try:
            topic, document = load_document(self._event, self._store)
            with self._db.begin_nested():
                self._history = self._enrich(document)
                state, reason = self._follow(topic, document)
                self._learn(document)
        except MappingError as error:
            self._hold(str(error))
        except (Unavailable, OperationalError, InterfaceError, PendingRollbackError):
            raise
        except Exception as error:  # noqa: BLE001  (a bug in one mapping must not stop every other event)
            log.fault("routing failed", event=self._event.id)
            self._hold(f"a fault of Crossdock's own ({type(error).__name__}); please report it")
        else:
            plans.settle_held(self._db, self._event.id)
            self._rest(state, reason, topic=topic, document=document)
            if topic in _ERASING:
                # The request itself names the person it is about.
                inbox.blank(self._db, self._event)

    def _enrich(self, document: Document) -> History:
        if self._attributes is None:
            return NOTHING_KNOWN
        return enrich(self._db, self._event, self._store, document)

    def _learn(self, document: Document) -> None:
        if self._attributes is not None:
            database = self._services.database
            learn(database, self._db, self._event, document, self._history, attributes=self._attributes)

    def _follow(self, topic: Topic, document: Document) -> tuple[EventState, str | None]:
        version = _version(topic, document, self._event)
        assigned = self._assign(topic, document, version)
        steps = [
            (connection, step)
            for connection in self._connections
            if assigned is None
            or connection == assigned.connection
            or not ships(destinations.get(connection.destination))
            for step in self._steps(connection, topic, document)
        ]
        # Of a notice too: whoever received a customer's data may have to forget it.
        for connection, step in steps:
            timed = step if assigned is None else _timed(step, assigned)
            plans.plan(self._services.database, self._db, self._owner(connection, version), timed)
        if isinstance(document, ShopNotice):
            return erasure.obey(self._db, topic, document, self._store)
        reason = assigned.reason if assigned else None
        return EventState.ROUTED, reason or (None if steps else "no connection of this store asks for it")

    def _assign(self, topic: Topic, document: Document, version: Version) -> CarrierAssignment | None:
        """Return which of the shipping connections gets an order; None where that is no question."""
        carriers = selection.shipping(self._connections)
        if not carriers or not isinstance(document, Order):
            return None

        def take_back(holder: Connection, booking: Booking) -> None:
            self._take_back(holder, booking, document)

        return Assigner(self._services.database, self._db, self._event, carriers, take_back).assign(
            topic, document, version
        )

    def _take_back(self, holder: Connection, booking: Booking, order: Order) -> None:
        """Plan what a cancellation would do, as steps of their own, because another connection is to book the order."""
        for step in self._steps(holder, Topic.ORDER_CANCELLED, order):
            if step.action not in bookings.SPENDING:
                back = bookings.back_step(self._db, booking, step)
                plans.plan(self._services.database, self._db, self._owner(holder, booking.version), back)

    def _steps(self, connection: Connection, topic: Topic, document: Document) -> tuple[Step, ...]:
        vendor = destinations.get(connection.destination)
        return vendor.plan(topic, document, self._history, self._store.facts, connection.values)

    def _hold(self, reason: str) -> None:
        """Keep the event, and show a held delivery for each connection, since what it is owed can't be named yet."""
        step = Step(action="map", key=f"map:{self._event.id}", subject=f"event:{self._event.id}")
        for connection in self._connections:
            plans.plan_held(self._services.database, self._db, self._owner(connection, UNVERSIONED), step, reason)
        self._rest(EventState.HELD, reason)

    def _owner(self, connection: Connection, version: Version) -> plans.Owner:
        return plans.Owner(
            event_id=self._event.id,
            store_id=self._store.id,
            connection_id=connection.id,
            destination=connection.destination,
            lane=connection.lane,
            version=version,
        )

    def _rest(
        self, state: EventState, reason: str | None, topic: Topic | None = None, document: Document | None = None
    ) -> None:
        about = _refs(document, self._history) if document else (None, None)
        inbox.settle(
            self._db, self._event, state, reason=reason, topic=topic, document_ref=about[0], customer_ref=about[1]
        )
        tell = log.trouble if state in (EventState.HELD, EventState.UNKNOWN) else log.step
        tell("routed", event=self._event.id, store=self._store.id, state=state, reason=reason)


def _timed(step: Step, assigned: CarrierAssignment) -> Step:
    """Return the step as its rule has it: a booking waits until the rule's hold window ends."""
    if step.action != "book" or assigned.rule is None:
        return step
    delay = assigned.due_at - datetime.now(UTC) if assigned.due_at else timedelta()
    return replace(step, delay=max(step.delay, delay), data={**step.data, "rule": assigned.rule})


def _version(topic: Topic, document: Document, event: Event) -> Version:
    """Return how new a document is, by its own time, else by when its event came."""
    cancelled = isinstance(document, Order) and (
        topic is Topic.ORDER_CANCELLED or (document.cancelled_at is not None and not document.impossible_sample)
    )
    dated = (Order, Customer, Cart, Checkout, Fulfilment)
    updated_at = document.updated_at if isinstance(document, dated) else None
    return Version(cancelled, updated_at or event.received_at)


def _refs(document: Document, history: History) -> tuple[str | None, str | None]:
    """Return the references of the document and the customer of an event, for privacy requests to find it by."""
    if isinstance(document, (Order, Checkout)):
        return document.ref, document.customer.ref if document.customer else None
    if isinstance(document, (Refund, Payment, Fulfilment, ParcelScan)):
        order = history.order
        return document.order_ref, order.customer.ref if order and order.customer else None
    if isinstance(document, (Cart, Discard)):
        return document.ref if isinstance(document, Cart) else document.cart_ref, None
    if isinstance(document, (Customer, Departure)):
        return None, document.ref
    if isinstance(document, Merge):
        return None, document.kept_ref
    return None, document.customer_ref if isinstance(document, (Consent, ShopNotice)) else None
