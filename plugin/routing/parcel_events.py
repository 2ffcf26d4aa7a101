"""Events of parcels that we booked, planned for the store's other connections like anything else that happened.

They are planned in the transaction that writes the receipt down, so they are neither lost nor sent twice; a shop that
reports the same parcel afterwards finds its events sent already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError

from mappings.canonical.activity import Parcel, Tracking
from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Order, Topic
from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.routing.enrich import enrich
from plugin.routing.learn import visitor_attributes
from plugin.routing.load import load_document
from plugin.storage import inbox, plans, shipments

if TYPE_CHECKING:
    from collections.abc import Callable

    from mappings.canonical.receipt import Receipt
    from plugin.core.delivery import Delivery
    from plugin.services import Services
    from plugin.storage.stores import Connection
    from plugin.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which delivery booked a parcel, and for which event."""

    delivery_id: int
    event_id: int
    store_id: str
    connection_id: str


def plan_parcel_events(
    services: Services, unit: UnitOfWork, delivery: Delivery, order: Order, receipt: Receipt
) -> None:
    """Plan what follows from a receipt that is about to be kept: that a parcel was sent, that it arrived.

    Never raises for what it plans: a booking is written down whatever comes of its events.
    """
    origin = Origin(
        delivery_id=delivery.id,
        event_id=delivery.event_id,
        store_id=delivery.store_id,
        connection_id=delivery.connection_id,
    )
    _plan_events(services, unit, origin, receipt, lambda: order)


def plan_listed_parcel_events(services: Services, unit: UnitOfWork, connection_id: str, receipt: Receipt) -> None:
    """Plan the same for a parcel that a list named, which is known by its remote id alone."""
    found = shipments.booked_by(unit.sql(), connection_id, receipt.remote_id)
    if found is not None:
        origin = Origin(connection_id=connection_id, **found)
        _plan_events(services, unit, origin, receipt, lambda: _order(services, unit, origin))


def _plan_events(
    services: Services, unit: UnitOfWork, origin: Origin, receipt: Receipt, find: Callable[[], Order | None]
) -> None:
    news = _arrivals(unit, origin.connection_id, receipt)
    order = find() if news else None
    if order is None:
        return
    tracking = Tracking(number=receipt.tracking_number or "", url=receipt.tracking_url)
    at = datetime.now(UTC)
    try:
        with unit.part():
            for delivered in news:
                parcel = Parcel(order=order, tracking=tracking, carrier=receipt.carrier, delivered=delivered, at=at)
                _plan(services, unit, origin, parcel)
    except (Unavailable, OperationalError, InterfaceError, PendingRollbackError):
        raise
    except Exception:  # noqa: BLE001  (a bug in these events must not lose a booking that was paid for)
        log.fault("parcel events not planned", delivery=origin.delivery_id)


def _arrivals(unit: UnitOfWork, connection_id: str, receipt: Receipt) -> list[bool]:
    """Return what is new about the parcel: that it was sent (False), that it arrived (True)."""
    if not receipt.tracking_number:
        return []
    number, status = shipments.followed(unit.sql(), connection_id, receipt.remote_id)
    sent = [False] if number != receipt.tracking_number else []
    return sent + ([True] if receipt.delivered and status != receipt.status else [])


def _order(services: Services, unit: UnitOfWork, origin: Origin) -> Order | None:
    """Return the order as its event has it; None once a privacy request erased it."""
    store, events = services.stores.by_id(origin.store_id), inbox.by_ids(unit.sql(), [origin.event_id])
    if store is None or not events:
        return None
    try:
        _, document = load_document(events[0], store)
    except PayloadRejected:
        return None
    return document if isinstance(document, Order) else None


def _plan(services: Services, unit: UnitOfWork, origin: Origin, parcel: Parcel) -> None:
    owed = services.stores.connections(origin.store_id)
    store = services.stores.by_id(origin.store_id)
    if store is None or visitor_attributes(owed) is None:
        return
    events = inbox.by_ids(unit.sql(), [origin.event_id])
    history = enrich(unit, events[0], store, parcel.order) if events else NOTHING_KNOWN
    for connection in owed:
        vendor = destinations.get(connection.destination)
        for step in vendor.plan(Topic.PARCEL_BOOKED, parcel, history, store.facts, connection.values):
            plans.plan(unit, _owner(origin, connection), step)


def _owner(origin: Origin, connection: Connection) -> plans.Owner:
    return plans.Owner(
        event_id=origin.event_id,
        store_id=origin.store_id,
        connection_id=connection.id,
        destination=connection.destination,
        lane=connection.lane,
    )
