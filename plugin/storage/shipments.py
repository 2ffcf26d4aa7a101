"""Shipments: what bookings produced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection as Sql
from sqlalchemy import null, select, update

from mappings.canonical.orders import Money, Order
from mappings.canonical.receipt import Rate
from plugin.core.step import Booked
from plugin.storage import shipment_files
from plugin.storage.tables import deliveries, shipments, unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from mappings.canonical.receipt import Receipt
    from mappings.canonical.shipment_files import Message
    from plugin.core.delivery import Delivery
    from plugin.core.step import Work
    from plugin.storage.database import Database


# What is not delivered by then will not be; vendors stop looking too.
_LONGEST_WAY = timedelta(days=60)


def keep(database: Database, db: Sql, delivery: Delivery, order: Order, receipt: Receipt) -> None:
    """Write down what the vendor says of a shipment, and keep its files; what it does not say now stays as it was."""
    now = datetime.now(UTC)
    said = _said(receipt)
    known = {name: value for name, value in said.items() if value is not None} | {"updated_at": now}
    new = said | {
        "store_id": delivery.store_id,
        "connection_id": delivery.connection_id,
        "destination": delivery.destination,
        "delivery_id": delivery.id,
        "order_ref": order.ref,
        "order_number": order.number,
        "remote_id": receipt.remote_id,
        "label_formats": said["label_formats"] or "",
        "parcel": receipt.parcel or 1,
        "watched": bool(receipt.watched),
        "created_at": now,
        "updated_at": now,
    }
    insert = database.insert(shipments).values(new)
    db.execute(insert.on_conflict_do_update(index_elements=["connection_id", "remote_id"], set_=known))
    shipment_files.keep(db, new, receipt.files)


def learn(db: Sql, connection_id: str, receipt: Receipt) -> None:
    """Write down what a list says of a shipment that is known; of others nothing is kept."""
    known = {name: value for name, value in _said(receipt).items() if value is not None}
    this = (shipments.c.connection_id == connection_id, shipments.c.remote_id == receipt.remote_id)
    db.execute(update(shipments).where(*this).values(known | {"updated_at": datetime.now(UTC)}))


def complete(db: Sql, delivery: Delivery, work: Work) -> Work:
    """Add what is known of shipments to a step's work."""
    if not isinstance(work.document, Order):
        return replace(work, shipments=_watched(db, delivery.connection_id))
    known, ref = of_order(db, delivery.connection_id, work.document.ref), delivery.data.get("remote_id")
    about = [one for one in known if ref in (None, one.remote_id)]
    return replace(
        work,
        shipments=known,
        booked=about[-1] if about else None,
        later=_later(db, delivery) if ref else frozenset(),
        taken=_taken(db, delivery, work.document.ref) if delivery.doubtful else frozenset(),
    )


def of_order(db: Sql, connection_id: str, order_ref: str) -> tuple[Booked, ...]:
    """Return all shipments of an order at a connection, oldest first."""
    query = select(shipments).where(shipments.c.connection_id == connection_id, shipments.c.order_ref == order_ref)
    return tuple(_booked(row) for row in db.execute(query.order_by(shipments.c.id)))


def by_id(db: Sql, ident: int) -> tuple[str, Booked] | None:
    """Return a shipment by our own number, with the id of its connection."""
    row = db.execute(select(shipments).where(shipments.c.id == ident)).first()
    return (row.connection_id, _booked(row)) if row else None


def booked_by(db: Sql, connection_id: str, remote_id: str) -> dict[str, Any] | None:
    """Return the delivery that booked a shipment, its event and its store; None of one that nobody here knows."""
    query = select(deliveries.c.id.label("delivery_id"), deliveries.c.event_id, deliveries.c.store_id)
    joined = query.join(shipments, shipments.c.delivery_id == deliveries.c.id)
    which = (shipments.c.connection_id == connection_id, shipments.c.remote_id == remote_id)
    row = db.execute(joined.where(*which)).mappings().first()
    return None if row is None else dict(row)


def followed(db: Sql, connection_id: str, remote_id: str) -> tuple[str | None, str | None]:
    """Return the tracking number and status that a shipment had last; nothing of one that is new."""
    which = (shipments.c.connection_id == connection_id, shipments.c.remote_id == remote_id)
    row = db.execute(select(shipments.c.tracking_number, shipments.c.status).where(*which)).first()
    return (row.tracking_number, row.status) if row else (None, None)


def _watched(db: Sql, connection_id: str) -> tuple[Booked, ...]:
    since = datetime.now(UTC) - _LONGEST_WAY
    query = select(shipments).where(shipments.c.connection_id == connection_id, shipments.c.watched)
    return tuple(_booked(row) for row in db.execute(query.where(shipments.c.created_at > since)))


def _later(db: Sql, delivery: Delivery) -> frozenset[str]:
    """Return the actions that are still owed about the same subject, planned after this one."""
    query = select(deliveries.c.action).where(
        deliveries.c.connection_id == delivery.connection_id,
        deliveries.c.subject == delivery.subject,
        deliveries.c.id > delivery.id,
        unfinished(),
    )
    return frozenset(db.execute(query).scalars())


def _taken(db: Sql, delivery: Delivery, order_ref: str) -> frozenset[str]:
    """Return remote ids that other deliveries own for an order of this number, in any store."""
    query = select(shipments.c.remote_id).where(
        shipments.c.destination == delivery.destination,
        shipments.c.order_ref == order_ref,
        shipments.c.delivery_id != delivery.id,
    )
    return frozenset(db.execute(query).scalars())


def erase(db: Sql, store_id: str, order_refs: Sequence[str] | None = None) -> None:
    """Forget what files and histories say about people: of these orders, or of the whole store."""
    shipment_files.erase(db, store_id, order_refs)
    theirs = shipments.c.store_id == store_id
    if order_refs is not None:
        theirs &= shipments.c.order_ref.in_(order_refs)
    db.execute(update(shipments).where(theirs).values(messages=null()))


def _said(receipt: Receipt) -> dict[str, Any]:
    return {
        "status": receipt.status,
        "carrier": receipt.carrier,
        "tracking_number": receipt.tracking_number,
        "tracking_url": receipt.tracking_url,
        "cost": str(receipt.cost.amount) if receipt.cost else None,
        "cost_currency": receipt.cost.currency if receipt.cost else None,
        "label_formats": ",".join(receipt.label_formats) or None,
        "rates": None if receipt.rates is None else [_written(rate) for rate in receipt.rates],
        "messages": [_message(one) for one in receipt.messages] or None,
        "parcel": receipt.parcel,
        "content": receipt.content,
        "as_of": receipt.as_of,
        "watched": receipt.watched,
    }


def _booked(row: Row[Any]) -> Booked:
    return Booked(
        remote_id=row.remote_id,
        status=row.status,
        parcel=row.parcel,
        content=row.content,
        as_of=row.as_of,
        label_formats=tuple(filter(None, row.label_formats.split(","))),
        rates=tuple(_rate(one) for one in row.rates or ()),
        watched=row.watched,
        age=datetime.now(UTC) - row.updated_at,
    )


def _written(rate: Rate) -> dict[str, Any]:
    amount, currency = str(rate.cost.amount), rate.cost.currency
    days = list(rate.days) if rate.days else None
    said = {"service": rate.service, "name": rate.name, "cost": amount, "currency": currency}
    return said | {"tracked": rate.tracked, "days": days}


def _rate(kept: dict[str, Any]) -> Rate:
    return Rate(
        service=kept["service"],
        name=kept["name"],
        cost=Money(amount=Decimal(kept["cost"]), currency=kept["currency"]),
        tracked=kept["tracked"],
        days=(kept["days"][0], kept["days"][1]) if kept["days"] else None,
    )


def _message(one: Message) -> dict[str, str | None]:
    return {"text": one.text, "kind": one.kind, "at": one.at.isoformat() if one.at else None}
