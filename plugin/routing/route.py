"""Routing: an event becomes deliveries, according to its topic and to the connections of its store."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
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
from plugin import destinations
from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.core.event import EventState
from plugin.core.step import Step
from plugin.destinations.base import ships
from plugin.routing.enrich import enrich, names_of
from plugin.routing.learn import learn, visitor_attributes
from plugin.routing.load import Reading
from plugin.rules import selection
from plugin.rules.assignment import Assigner, subject_of
from plugin.storage import bookings, claims, erasure, identity, inbox, plans
from plugin.storage.unit_of_work import UnitOfWork
from plugin.storage.version import UNVERSIONED, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
    """Route events that were stored but not routed yet, oldest first; return how many. All in one transaction.

    Several processes share the work on PostgreSQL: each takes events about orders and people that no other has at hand.
    """
    ahead = _read_ahead(services, limit)
    try:
        with services.database.write() as db:
            return _route(services, db, limit, ahead, careful=False)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001  (whatever it was must not stop every other event)
        # Perhaps the database refuses a row of one of them. If it was something else, that fails again below.
        log.fault("routing failed together")
        return _route_apart(services, limit)


def _read_ahead(services: Services, limit: int) -> dict[int, Reading]:
    """Read what is about to be routed where reading it later would keep others from writing: on SQLite."""
    if services.database.is_postgresql:
        return {}
    with services.database.read() as db:
        seen = inbox.look(db, limit)
    stores = {store_id: services.stores.by_id(store_id) for store_id in {event.store_id for event in seen}}
    return {event.id: Reading.of(event, store) for event in seen if (store := stores[event.store_id]) is not None}


def _route_apart(services: Services, limit: int) -> int:
    """Route each in a transaction of its own, so that what can't be written is one event's trouble alone."""
    count = 0
    for _ in range(limit):
        with services.database.write() as db:
            routed = _route(services, db, 1, {}, careful=True)
        if not routed:
            break
        count += routed
    return count


def _route(services: Services, db: Sql, limit: int, ahead: Mapping[int, Reading], *, careful: bool) -> int:
    """Route events in the caller's transaction, some of which were read before; return how many.

    `careful`: whatever the database refuses is found out event by event, and undone alone.
    """
    unit = UnitOfWork(services.database, db)
    with claims.turn_to_take(services.database, db) as is_ours:
        taken = inbox.take(db, limit) if is_ours else []
        routers = _routers(services, unit, taken, ahead)
        routers = claims.claim(services.database, db, [(router, router.claim) for router in routers])
    for together in _runs(routers):
        if not careful:
            _expect(unit, together)
        for router in together:
            router.decide(careful=careful)
        if not careful:
            plans.expect(unit, (group for router in together for group in router.groups()))
        for router in together:
            router.write(careful=careful)
        plans.settle_held(unit, [router.event.id for router in together if router.is_decided])
        unit.flush()
    return len(routers)


def _routers(
    services: Services, unit: UnitOfWork, taken: Sequence[Event], ahead: Mapping[int, Reading]
) -> list[_Router]:
    stores = {store_id: services.stores.by_id(store_id) for store_id in {event.store_id for event in taken}}
    owed = {store_id: services.stores.connections(store_id) for store_id in stores}
    return [
        _Router(unit, _read_now(event, store, ahead.get(event.id)), store, owed[event.store_id])
        for event in taken
        if (store := stores[event.store_id]) is not None
    ]


def _read_now(event: Event, store: Store, before: Reading | None) -> Reading:
    """Return what was read of an event before, unless it was erased since; else read it."""
    return before if before is not None and before.event == event else Reading.of(event, store)


def _runs(routers: Sequence[_Router]) -> Iterator[list[_Router]]:
    """Yield what can be routed together: of each order one event, since what it led to is written before the next.

    A notice, which may erase what others would remember, is alone.
    """
    run: list[_Router] = []
    orders: set[tuple[str, str]] = set()
    for router in routers:
        if run and (router.is_notice or run[-1].is_notice or not orders.isdisjoint(router.orders)):
            yield run
            run, orders = [], set()
        run.append(router)
        orders.update(router.orders)
    if run:
        yield run


def _expect(unit: UnitOfWork, routers: Sequence[_Router]) -> None:
    """Ask at once for what is known of all people and orders that these are about."""
    names, subjects = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for router in routers:
        if router.document is not None:
            store_id = router.event.store_id
            names[store_id] += names_of(router.document) if router.remembers else ()
            if isinstance(router.document, Order) and router.carriers:
                subjects[store_id].append(subject_of(router.document))
    for store_id, asked in names.items():
        identity.find(unit, store_id, dict.fromkeys(asked))
    for store_id, asked in subjects.items():
        bookings.expect(unit, store_id, asked)


class _Router:
    """What routes one event that was read: first `decide`, then `write`, inside the caller's transaction.

    Whatever its body holds, it comes to rest in a state that says what happened, and the others go on.
    """

    def __init__(self, unit: UnitOfWork, reading: Reading, store: Store, owed: list[Connection]) -> None:
        self.event, self.topic, self.document = reading.event, reading.topic, reading.document
        self._unit = unit
        self._store = store
        self._connections = owed
        self.carriers = selection.shipping(owed)
        self._history = NOTHING_KNOWN
        self._steps: list[tuple[plans.Owner, Step]] = []
        # What has to be kept about people; nothing where no connection receives customer data.
        self._attributes = visitor_attributes(owed)
        self._state = EventState.ROUTED
        self._reason: str | None = None
        self._decided = False
        if reading.rests is not None:
            self._state, self._reason = reading.rests
        elif reading.error is not None:
            with self._held_if_wrong():
                raise reading.error

    @property
    def is_decided(self) -> bool:
        """Whether it could be mapped, so that what it is owed is known."""
        return self._decided

    @property
    def is_notice(self) -> bool:
        """Whether it is about the shop itself, which may ask for others to be erased."""
        return isinstance(self.document, ShopNotice)

    @property
    def remembers(self) -> bool:
        """Whether what it says of its person is kept."""
        return self._attributes is not None

    @property
    def claim(self) -> claims.Claim:
        """What no other process may have at hand meanwhile: what it is about, or for a notice its whole store."""
        about = [] if self.document is None else [*names_of(self.document), *(f"order:{ref}" for _, ref in self.orders)]
        return claims.Claim(store_id=self.event.store_id, names=frozenset(about), whole_store=self.is_notice)

    @property
    def orders(self) -> list[tuple[str, str]]:
        """The order that it is about, by its store and reference; at most one."""
        document = self.document
        ref = document.ref if isinstance(document, Order) else getattr(document, "order_ref", None)
        return [(self.event.store_id, ref)] if ref else []

    def groups(self) -> Iterator[tuple[str, str]]:
        """Yield the connection and the group of each step that is owed only if something changed."""
        for owner, step in self._steps:
            if step.only_if_changed and step.group:
                yield owner.connection_id, step.group

    def decide(self, *, careful: bool) -> None:
        """Find out what is owed, and remember what the document says."""
        if self.document is not None and self.topic is not None:
            with self._held_if_wrong(), self._unit.part(saved=careful):
                self._history = self._enrich(self.document)
                self._steps = list(self._follow(self.topic, self.document))
                self._learn(self.document)
                self._decided = True

    def write(self, *, careful: bool) -> None:
        """Write down what is owed, and what became of the event."""
        if self._decided:
            with self._held_if_wrong(), self._unit.part(saved=careful):
                self._write(self.document, self.topic)
        if not self._decided:
            self._write_undecided()

    @contextmanager
    def _held_if_wrong(self) -> Iterator[None]:
        try:
            yield
        except MappingError as error:
            self._hold(str(error))
        except (Unavailable, OperationalError, InterfaceError, PendingRollbackError):
            raise
        except Exception as error:  # noqa: BLE001  (a bug in one mapping must not stop every other event)
            log.fault("routing failed", event=self.event.id)
            self._hold(f"a fault of Crossdock's own ({type(error).__name__}); please report it")

    def _hold(self, reason: str) -> None:
        self._state, self._reason, self._decided = EventState.HELD, reason, False

    def _write(self, document: Document | None, topic: Topic | None) -> None:
        # Of a notice too: whoever received a customer's data may have to forget it.
        for owner, step in self._steps:
            plans.plan(self._unit, owner, step)
        if isinstance(document, ShopNotice) and topic is not None:
            self._state, self._reason = erasure.obey(self._unit.sql(), topic, document, self._store)
        self._rest(topic, document)
        if topic in _ERASING:
            # The request itself names the person it is about.
            inbox.blank(self._unit.sql(), self.event)

    def _write_undecided(self) -> None:
        """Keep the event; where it is held, show a held delivery for each connection: what it is owed is unknown."""
        if self._state is EventState.HELD:
            step = Step(action="map", key=f"map:{self.event.id}", subject=f"event:{self.event.id}")
            for connection in self._connections:
                plans.plan_held(self._unit, self._owner(connection, UNVERSIONED), step, self._reason or "")
        self._rest(None, None)

    def _enrich(self, document: Document) -> History:
        if self._attributes is None:
            return NOTHING_KNOWN
        return enrich(self._unit, self.event, self._store, document)

    def _learn(self, document: Document) -> None:
        if self._attributes is not None:
            learn(self._unit, self.event, document, self._history, attributes=self._attributes)

    def _follow(self, topic: Topic, document: Document) -> Iterator[tuple[plans.Owner, Step]]:
        version = _version(topic, document, self.event)
        assigned = self._assign(topic, document, version)
        self._reason = assigned.reason if assigned else None
        is_owed = False
        for connection in self._connections:
            mine = assigned is None or connection == assigned.connection
            if mine or not ships(destinations.get(connection.destination)):
                for step in self._steps_of(connection, topic, document):
                    is_owed = True
                    yield self._owner(connection, version), step if assigned is None else _timed(step, assigned)
        if not is_owed:
            self._reason = self._reason or "no connection of this store asks for it"

    def _assign(self, topic: Topic, document: Document, version: Version) -> CarrierAssignment | None:
        """Return which of the shipping connections gets an order; None where that is no question."""
        if not self.carriers or not isinstance(document, Order):
            return None

        def take_back(holder: Connection, booking: Booking) -> None:
            self._take_back(holder, booking, document)

        return Assigner(self._unit, self.event, self.carriers, take_back).assign(topic, document, version)

    def _take_back(self, holder: Connection, booking: Booking, order: Order) -> None:
        """Plan what a cancellation would do, as steps of their own, because another connection is to book the order."""
        for step in self._steps_of(holder, Topic.ORDER_CANCELLED, order):
            if step.action not in bookings.SPENDING:
                back = bookings.back_step(self._unit, booking, step)
                plans.plan(self._unit, self._owner(holder, booking.version), back)

    def _steps_of(self, connection: Connection, topic: Topic, document: Document) -> tuple[Step, ...]:
        vendor = destinations.get(connection.destination)
        return vendor.plan(topic, document, self._history, self._store.facts, connection.values)

    def _owner(self, connection: Connection, version: Version) -> plans.Owner:
        return plans.Owner(
            event_id=self.event.id,
            store_id=self._store.id,
            connection_id=connection.id,
            destination=connection.destination,
            lane=connection.lane,
            version=version,
        )

    def _rest(self, topic: Topic | None, document: Document | None) -> None:
        document_ref, customer_ref = _refs(document, self._history) if document else (None, None)
        inbox.settle(
            self._unit,
            self.event,
            self._state,
            reason=self._reason,
            topic=topic,
            document_ref=document_ref,
            customer_ref=customer_ref,
        )
        tell = log.trouble if self._state in (EventState.HELD, EventState.UNKNOWN) else log.step
        tell("routed", event=self.event.id, store=self._store.id, state=self._state, reason=self._reason)


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
