"""Shipments: what bookings produced."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection as Sql
from sqlalchemy import select

from plugin.model import Booked
from plugin.storage.tables import shipments

if TYPE_CHECKING:
    from mappings.canonical import Order, Receipt
    from plugin.model import Delivery
    from plugin.storage.database import Database


def keep(database: Database, db: Sql, delivery: Delivery, order: Order, receipt: Receipt) -> None:
    """Write down what the vendor says of a shipment; what it does not say this time stays as it was."""
    now = datetime.now(UTC)
    said = {
        "status": receipt.status,
        "carrier": receipt.carrier,
        "tracking_number": receipt.tracking_number,
        "tracking_url": receipt.tracking_url,
        "cost": str(receipt.cost.amount) if receipt.cost else None,
        "cost_currency": receipt.cost.currency if receipt.cost else None,
        "label_formats": ",".join(receipt.label_formats) or None,
    }
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
        "created_at": now,
        "updated_at": now,
    }
    insert = database.insert(shipments).values(new)
    db.execute(insert.on_conflict_do_update(index_elements=["connection_id", "remote_id"], set_=known))


def booked(db: Sql, connection_id: str, order_ref: str, remote_id: str | None = None) -> Booked | None:
    """The newest shipment of an order at a connection, or the one with this remote id."""
    query = select(shipments).where(shipments.c.connection_id == connection_id)
    which = shipments.c.remote_id == remote_id if remote_id else shipments.c.order_ref == order_ref
    row = db.execute(query.where(which).order_by(shipments.c.id.desc()).limit(1)).first()
    return Booked(remote_id=row.remote_id, status=row.status) if row else None


def bookings(db: Sql, connection_id: str, order_ref: str) -> tuple[Booked, ...]:
    """Every shipment of an order at a connection, oldest first."""
    query = select(shipments).where(shipments.c.connection_id == connection_id, shipments.c.order_ref == order_ref)
    rows = db.execute(query.order_by(shipments.c.id))
    return tuple(Booked(remote_id=row.remote_id, status=row.status) for row in rows)


def followed(db: Sql, connection_id: str, remote_id: str) -> tuple[str | None, str | None]:
    """Tracking number and status of a shipment as they were heard last; nothing of one that is new."""
    which = (shipments.c.connection_id == connection_id, shipments.c.remote_id == remote_id)
    row = db.execute(select(shipments.c.tracking_number, shipments.c.status).where(*which)).first()
    return (row.tracking_number, row.status) if row else (None, None)


def taken(db: Sql, delivery: Delivery, order_ref: str) -> frozenset[str]:
    """Remote ids that other deliveries own for an order of this number, in any store."""
    query = select(shipments.c.remote_id).where(
        shipments.c.destination == delivery.destination,
        shipments.c.order_ref == order_ref,
        shipments.c.delivery_id != delivery.id,
    )
    return frozenset(db.execute(query).scalars())
