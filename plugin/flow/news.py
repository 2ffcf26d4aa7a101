"""News: what became of our own bookings is told to the store's other connections, like anything else that happened.

It is planned in the transaction that writes the news down, so it is neither lost nor told twice; a shop that hears of
the same parcel afterwards tells of it again, and finds it told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError

from mappings.activity import Parcel, Tracking
from mappings.canonical import Order, Topic
from plugin import destinations, log, telling
from plugin.errors import Unavailable
from plugin.flow.recall import recall
from plugin.storage import inbox, parcels, plans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection as Sql

    from mappings.receipt import Receipt
    from plugin.model import Delivery
    from plugin.services import Services
    from plugin.storage.shops import Connection


def tell(services: Services, db: Sql, delivery: Delivery, order: Order, receipt: Receipt) -> None:
    """Plan what follows from a receipt that is about to be kept: that a parcel was sent, that it arrived.

    Never raises for what it plans: a booking is written down whatever telling of it comes to.
    """
    parcels_of_it = list(_news(db, delivery, order, receipt))
    if not parcels_of_it:
        return
    try:
        with db.begin_nested():
            for parcel in parcels_of_it:
                _plan(services, db, delivery, parcel)
    except (Unavailable, OperationalError, InterfaceError, PendingRollbackError):
        raise
    except Exception:  # noqa: BLE001  (a bug in telling must not lose a booking that was paid for)
        log.fault("news not told", delivery=delivery.id)


def _news(db: Sql, delivery: Delivery, order: Order, receipt: Receipt) -> Iterator[Parcel]:
    if not receipt.tracking_number:
        return
    number, status = parcels.followed(db, delivery.connection_id, receipt.remote_id)
    tracking = Tracking(number=receipt.tracking_number, url=receipt.tracking_url)
    at = datetime.now(UTC)
    if number != receipt.tracking_number:
        yield Parcel(order=order, tracking=tracking, carrier=receipt.carrier, delivered=False, at=at)
    if receipt.delivered and status != receipt.status:
        yield Parcel(order=order, tracking=tracking, carrier=receipt.carrier, delivered=True, at=at)


def _plan(services: Services, db: Sql, delivery: Delivery, parcel: Parcel) -> None:
    owed = services.shops.connections(delivery.store_id)
    store = services.shops.by_id(delivery.store_id)
    if store is None or telling.attributes(connection.values for connection in owed) is None:
        return
    events = inbox.by_ids(db, [delivery.event_id])
    order = recall(db, events[0], store, parcel.order) if events else parcel.order
    known = replace(parcel, order=order) if isinstance(order, Order) else parcel
    for connection in owed:
        vendor = destinations.get(connection.destination)
        for step in vendor.plan(Topic.PARCEL_BOOKED, known, store.facts, connection.values):
            plans.plan(services.database, db, _owner(delivery, connection), step)


def _owner(delivery: Delivery, connection: Connection) -> plans.Owner:
    return plans.Owner(
        event_id=delivery.event_id,
        store_id=delivery.store_id,
        connection_id=connection.id,
        destination=connection.destination,
        lane=connection.lane,
        version="",
    )
