"""Lists of events, deliveries, shipments and papers, and one of each with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin.core.errors import ConfigError
from plugin.storage import inbox, queries, shipment_files

if TYPE_CHECKING:
    from plugin.services import Services


def list_events(
    opened: Services, *, state: str | None = None, store_id: str | None = None, customer: str | None = None
) -> list[dict[str, Any]]:
    """Return the events that fit, newest first; `customer` is the storefront's id of a customer."""
    return queries.list_events(opened.database, state=state, store_id=store_id, customer_ref=customer)


def show_event(opened: Services, event_id: int) -> dict[str, Any]:
    """Return an event with its `body` as text, None where it was erased; raise `ConfigError` if there is none."""
    row = _only(queries.list_events(opened.database, id=str(event_id)), "event")
    with opened.database.read() as db:
        body = inbox.by_ids(db, [event_id])[0].body
    return row | {"body": None if body is None else body.decode("utf-8", "backslashreplace")}


def list_deliveries(
    opened: Services, *, state: str | None = None, store_id: str | None = None, destination: str | None = None
) -> list[dict[str, Any]]:
    """Return the deliveries that fit, newest first."""
    return queries.list_deliveries(opened.database, state=state, store_id=store_id, destination=destination)


def show_delivery(opened: Services, delivery_id: int) -> dict[str, Any]:
    """Return a delivery with its attempts as `tries`, oldest first; raise `ConfigError` if there is none."""
    row = _only(queries.list_deliveries(opened.database, id=str(delivery_id)), "delivery")
    return row | {"tries": queries.list_attempts(opened.database, delivery_id)}


def list_shipments(opened: Services, *, state: str | None = None, store_id: str | None = None) -> list[dict[str, Any]]:
    """Return the shipments that fit, newest first; `state` is the vendor's word for one."""
    return queries.list_shipments(opened.database, status=state, store_id=store_id)


def show_shipment(opened: Services, shipment_id: int) -> dict[str, Any]:
    """Return a shipment; raise `ConfigError` if there is none of this id."""
    return _only(queries.list_shipments(opened.database, id=str(shipment_id)), "shipment")


def list_shipment_files(opened: Services, *, store_id: str | None = None) -> list[dict[str, Any]]:
    """Return the papers that are kept, such as return labels, newest first and without their data."""
    return shipment_files.listed(opened.database, store_id=store_id)


def read_shipment_file(opened: Services, file_id: int) -> bytes:
    """Return the bytes of a paper; raise `ConfigError` if there is none of this id, or if it was erased."""
    data = shipment_files.data(opened.database, file_id)
    if data is None:
        raise ConfigError("no paper with this id: `crossdock papers` lists them; a privacy request removes them")
    return data


def _only(rows: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if not rows:
        raise ConfigError(f"no {what} with this id")
    return rows[0]
