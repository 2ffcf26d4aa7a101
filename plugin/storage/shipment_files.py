"""Shipment files: what vendors give once and never again, such as a return label; kept in the table `papers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection as Sql
from sqlalchemy import delete, insert, select

from mappings.canonical.shipment_files import ShipmentFile
from plugin.storage.tables import shipment_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin.storage.database import Database


_OF_SHIPMENT = (
    *("store_id", "connection_id", "destination", "delivery_id", "order_ref", "order_number", "remote_id"),
    "created_at",
)


def keep(db: Sql, shipment: Mapping[str, object], kept: Sequence[ShipmentFile]) -> None:
    """Store the files that came with a shipment, whose row as it was inserted is given."""
    about = {name: shipment[name] for name in _OF_SHIPMENT}
    for one in kept:
        db.execute(insert(shipment_files).values(about | {name: getattr(one, name) for name in ShipmentFile.__slots__}))


def listed(database: Database, **wanted: str | None) -> list[dict[str, Any]]:
    """Return the files that are kept, newest first, without their data; `wanted` names columns."""
    known = [column for column in shipment_files.c if column.name != "data"]
    query = select(*known).order_by(shipment_files.c.id.desc())
    for name, value in wanted.items():
        query = query if value is None else query.where(shipment_files.c[name] == value)
    with database.read() as db:
        return [_row(row) for row in db.execute(query).mappings()]


def data(database: Database, ident: int) -> bytes | None:
    """Return the bytes of one file; None if it is not there, or was erased."""
    with database.read() as db:
        found: bytes | None = db.execute(select(shipment_files.c.data).where(shipment_files.c.id == ident)).scalar()
    return found


def erase(db: Sql, store_id: str, order_refs: Sequence[str] | None = None) -> None:
    """Delete the files of these orders, or of the whole store."""
    theirs = shipment_files.c.store_id == store_id
    if order_refs is not None:
        theirs &= shipment_files.c.order_ref.in_(order_refs)
    db.execute(delete(shipment_files).where(theirs))


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "store": row["store_id"],
        "destination": row["destination"],
        "kind": row["kind"],
        "order": row["order_ref"],
        "order_number": row["order_number"],
        "remote_id": row["remote_id"],
        "tracking_number": row["tracking_number"],
        "media_type": row["media_type"],
        "expires_on": row["expires_on"].isoformat() if row["expires_on"] else None,
        "created_at": row["created_at"].isoformat(),
    }
