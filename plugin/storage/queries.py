"""Queries for what commands and pages show. Nothing here changes anything, and no body or secret leaves through it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, literal, or_, select, union_all

from plugin.core.delivery import Priority, State
from plugin.core.event import EventState
from plugin.storage.stores import ConnectionState
from plugin.storage.tables import (
    attempts,
    connections,
    deliveries,
    events,
    notable,
    notable_event,
    received,
    shipments,
    unfinished,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection as Sql
    from sqlalchemy import Row, Select, Table, TextClause

    from plugin.storage.database import Database


_SENDING = deliveries.c.state == State.SENDING
# No states.
_SOME, _ALL = "some of them", "all of them"


def list_events(database: Database, **wanted: str | None) -> list[dict[str, Any]]:
    """Return the newest events, newest first; `wanted` names columns and the value each must have."""
    return _rows(database, _filtered(select(events), events.c, wanted).order_by(events.c.id.desc()), _event)


def list_deliveries(database: Database, **wanted: str | None) -> list[dict[str, Any]]:
    """Return the newest deliveries, newest first."""
    query = _filtered(select(deliveries), deliveries.c, wanted)
    # So that an index is found, which there is for every state but the one that most are in.
    if wanted.get("state") == State.SENDING:
        query = query.where(deliveries.c.id.in_(select(deliveries.c.id).where(unfinished(), _SENDING)))
    elif wanted.get("state") not in (None, State.DONE):
        query = query.where(notable())
    return _rows(database, query.order_by(deliveries.c.id.desc()), _delivery)


def list_shipments(database: Database, **wanted: str | None) -> list[dict[str, Any]]:
    """Return the newest shipments, newest first."""
    query = _filtered(select(shipments), shipments.c, wanted).order_by(shipments.c.id.desc())
    return _rows(database, query, _shipment)


def list_attempts(database: Database, delivery_id: int) -> list[dict[str, Any]]:
    """Return every HTTP try of a delivery, oldest first, redacted as it was written."""
    query = select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id)
    return _rows(database, query, _attempt)


def counts(database: Database) -> dict[str, dict[str, int]]:
    """Return how many events and deliveries are in each state, also of states with none."""
    with database.read() as db:
        return {
            "events": dict.fromkeys(map(str, EventState), 0) | _event_counts(db),
            "deliveries": dict.fromkeys(map(str, State), 0) | _delivery_counts(db),
        }


def oldest_due(database: Database) -> datetime | None:
    """Return since when the longest-waiting due delivery is due; None if nothing is due."""
    with database.read() as db:
        query = select(func.min(deliveries.c.due_at)).where(_owed(), deliveries.c.due_at <= datetime.now(UTC))
        return db.execute(query).scalar()


def is_idle(database: Database) -> bool:
    """Return whether nothing is left that the line can do; what is held, paused or only watched does not count."""
    with database.read() as db:
        if db.execute(select(events.c.id).where(events.c.state == EventState.RECEIVED).limit(1)).first():
            return False
        return db.execute(select(deliveries.c.id).where(_owed()).limit(1)).first() is None


def backlogs(database: Database) -> dict[str, int]:
    """Return how many unfinished deliveries each lane has, apart from parcels that are only watched."""
    with database.read() as db:
        query = select(deliveries.c.lane, func.count()).where(_owed()).group_by(deliveries.c.lane)
        return {lane: count for lane, count in db.execute(query)}  # noqa: C416  (rows are no plain tuples)


def _owed() -> Any:  # noqa: ANN401  (an SQL condition)
    active = select(connections.c.id).where(connections.c.state == ConnectionState.ACTIVE)
    urgent = or_(deliveries.c.priority < Priority.WATCH, deliveries.c.due_at <= datetime.now(UTC))
    return and_(unfinished(), deliveries.c.connection_id.in_(active), urgent)


def _event_counts(db: Sql) -> dict[str, int]:
    """Return the events by state; a state that is in no index is what remains of all."""
    found, fresh, everything = _by_state(db, events, notable_event(), received())
    routed = everything - fresh - sum(found.values())
    return found | {EventState.RECEIVED: fresh, EventState.ROUTED: max(0, routed)}


def _delivery_counts(db: Sql) -> dict[str, int]:
    found, owed, everything = _by_state(db, deliveries, notable(), unfinished())
    sending = owed - found.get(State.WAITING, 0) - found.get(State.UNKNOWN, 0)
    done = everything - sending - sum(found.values())
    return found | {State.SENDING: max(0, sending), State.DONE: max(0, done)}


def _by_state(db: Sql, table: Table, notable: TextClause, some: TextClause) -> tuple[dict[str, int], int, int]:
    """Return the rows that are notable, by state, those among `some`, and all, as numbers.

    In one statement, which is what PostgreSQL looks at all at once: between two, a difference would be of two moments.
    """
    named = select(table.c.state, func.count()).where(notable).group_by(table.c.state)
    of_some = select(literal(_SOME), func.count()).select_from(table).where(some)
    of_all = select(literal(_ALL), func.count()).select_from(table)
    found = {state: count for state, count in db.execute(union_all(named, of_some, of_all))}  # noqa: C416  (rows are no plain tuples)
    return found, found.pop(_SOME), found.pop(_ALL)


def _filtered(query: Select[Any], columns: Any, wanted: Mapping[str, str | None]) -> Select[Any]:  # noqa: ANN401
    for name, value in wanted.items():
        if value is not None:
            query = query.where(columns[name] == value)
    return query


def _rows(database: Database, query: Select[Any], shape: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    with database.read() as db:
        return [shape(row) for row in db.execute(query)]


def _event(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "store": row.store_id,
        "topic": row.platform_topic,
        "state": row.state,
        "reason": row.reason,
        "received_at": row.received_at.isoformat(),
        "webhook_id": row.webhook_id,
        "document": row.document_ref,
        "customer": row.customer_ref,
    }


def _delivery(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "event": row.event_id,
        "store": row.store_id,
        "connection": row.connection_id,
        "destination": row.destination,
        "action": row.action,
        "what": row.data.get("fact", row.action),
        "rule": row.data.get("rule"),
        "subject": row.subject,
        "state": row.state,
        "attempts": row.attempts,
        "due_at": row.due_at.isoformat(),
        "reason": row.reason,
    }


def _shipment(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "store": row.store_id,
        "connection": row.connection_id,
        "destination": row.destination,
        "order": row.order_ref,
        "order_number": row.order_number,
        "remote_id": row.remote_id,
        "state": row.status,
        "tracking_number": row.tracking_number,
        "tracking_url": row.tracking_url,
        "cost": f"{row.cost} {row.cost_currency}" if row.cost else None,
        "parcel": row.parcel,
        "rates": row.rates or [],
        "label_formats": row.label_formats.split(",") if row.label_formats else [],
        "messages": row.messages or [],
    }


def _attempt(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        "milliseconds": row.milliseconds,
        "purpose": row.purpose,
        "request": row.request,
        "status": row.status,
        "answer": row.answer,
        "outcome": row.outcome,
        "reason": row.reason,
    }
