"""Shipments: what bookings produced."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection as Sql
from sqlalchemy import null, select, update

from plugin.model import Booked
from plugin.storage import papers
from plugin.storage.tables import shipments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mappings.canonical import Message, Order, Receipt
    from plugin.model import Delivery
    from plugin.storage.database import Database


def keep(database: Database, db: Sql, delivery: Delivery, order: Order, receipt: Receipt) -> None:
    """Write down what the vendor says of a shipment, and keep its papers; what it does not say now stays as it was."""
    now = datetime.now(UTC)
    said = {
        "status": receipt.status,
        "carrier": receipt.carrier,
        "tracking_number": receipt.tracking_number,
        "tracking_url": receipt.tracking_url,
        "cost": str(receipt.cost.amount) if receipt.cost else None,
        "cost_currency": receipt.cost.currency if receipt.cost else None,
        "label_formats": ",".join(receipt.label_formats) or None,
        "messages": [_message(one) for one in receipt.messages] or None,
        "basis": receipt.basis,
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
    papers.keep(db, new, receipt.papers)


def booked(db: Sql, connection_id: str, order_ref: str, remote_id: str | None = None) -> Booked | None:
    """The newest shipment of an order at a connection, or the one with this remote id."""
    query = select(shipments).where(shipments.c.connection_id == connection_id)
    which = shipments.c.remote_id == remote_id if remote_id else shipments.c.order_ref == order_ref
    row = db.execute(query.where(which).order_by(shipments.c.id.desc()).limit(1)).first()
    return Booked(remote_id=row.remote_id, status=row.status, basis=row.basis) if row else None


def taken(db: Sql, delivery: Delivery, order_ref: str) -> frozenset[str]:
    """Remote ids that other deliveries own for an order of this number, in any store."""
    query = select(shipments.c.remote_id).where(
        shipments.c.destination == delivery.destination,
        shipments.c.order_ref == order_ref,
        shipments.c.delivery_id != delivery.id,
    )
    return frozenset(db.execute(query).scalars())


def erase(db: Sql, store_id: str, order_refs: Sequence[str] | None = None) -> None:
    """Forget what papers and histories say about people: of these orders, or of the whole store."""
    papers.erase(db, store_id, order_refs)
    theirs = shipments.c.store_id == store_id
    if order_refs is not None:
        theirs &= shipments.c.order_ref.in_(order_refs)
    db.execute(update(shipments).where(theirs).values(messages=null()))


def _message(one: Message) -> dict[str, str | None]:
    return {"text": one.text, "kind": one.kind, "at": one.at.isoformat() if one.at else None}
