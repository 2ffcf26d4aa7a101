"""Accepted webhooks: stored before they are answered, taken once to be routed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, func, select, update

from plugin.core.event import Event, EventState
from plugin.storage.compression import compress, decompress
from plugin.storage.handwritten_sql import INSERT_EVENT, INSERT_EVENTS
from plugin.storage.tables import NAMELESS, events, received
from plugin.storage.utc_datetime import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy import Connection as Sql

    from plugin.core.event import Envelope
    from plugin.storage.database import Database
    from plugin.storage.unit_of_work import UnitOfWork

# What identifies a webhook comes from an unsigned header, so its length is ours to bound.
_LONGEST_NAME = 200
# A compressed body is never empty.
_ERASED = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A verified webhook as it arrived."""

    store_id: str
    envelope: Envelope
    body: bytes = field(repr=False)


class Inbox:
    """The events table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, arrived: Sequence[Incoming]) -> list[bool]:
        """Commit webhooks that arrived together; return for each whether it was new: one is kept once."""
        now = datetime.now(UTC)
        rows = [_row(incoming, now) for incoming in arrived]
        if self._database.is_postgresql:
            with self._database.statement() as db:
                return _put_together(db, rows)
        with self._database.write() as db:
            return _put_singly(db, rows)

    def is_waiting(self) -> bool:
        """Return whether any event was not routed yet."""
        with self._database.read() as db:
            return db.execute(select(events.c.id).where(_RECEIVED).limit(1)).first() is not None


# The values of one event, in the order of `EVENT_COLUMNS`.
_Row = tuple[str | bytes | datetime | None, ...]
_RECEIVED = events.c.state == EventState.RECEIVED
_LOOK = select(events).where(received()).order_by(events.c.id).limit(bindparam("most", type_=Integer))
_TAKE = _LOOK.with_for_update(skip_locked=True)
_THESE = select(events).where(events.c.id.in_(bindparam("these", expanding=True)))


def _put_singly(db: Sql, rows: Sequence[_Row]) -> list[bool]:
    """Insert row by row: SQLite runs in our own process, and asked through its driver each costs next to nothing."""
    cursor = db.connection.cursor()
    try:
        return [cursor.execute(INSERT_EVENT, [_driven(value) for value in row]).rowcount > 0 for row in rows]
    finally:
        cursor.close()


def _driven(value: str | bytes | datetime | None) -> str | bytes | None:
    """Return a value as SQLAlchemy would hand it to the driver."""
    return as_text(value) if isinstance(value, datetime) else value


def _put_together(db: Sql, rows: Sequence[_Row]) -> list[bool]:
    """Insert all rows by one statement, whose text never changes: PostgreSQL is a network journey away."""
    columns = tuple(list(values) for values in zip(*rows, strict=True))
    found = {tuple(row) for row in db.exec_driver_sql(INSERT_EVENTS, columns)}
    new = []
    for row in rows:
        new.append(row[:2] in found)
        # The same one again in this very group is not.
        found.discard(row[:2])
    return new


def take(db: Sql, limit: int) -> list[Event]:
    """Lock up to `limit` unrouted events, oldest first, for the rest of this transaction; others pass them over."""
    return [_event(row) for row in db.execute(_TAKE, {"most": limit})]


def look(db: Sql, limit: int) -> list[Event]:
    """Return up to `limit` unrouted events, oldest first, without taking them."""
    return [_event(row) for row in db.execute(_LOOK, {"most": limit})]


def by_ids(db: Sql, ids: Sequence[int]) -> list[Event]:
    """Return these events, with their bodies."""
    return [_event(row) for row in db.execute(_THESE, {"these": list(ids)})]


def settle(
    unit: UnitOfWork,
    event: Event,
    state: EventState,
    *,
    reason: str | None = None,
    topic: str | None = None,
    document_ref: str | None = None,
    customer_ref: str | None = None,
) -> None:
    """Write down what became of an event."""
    unit.write("settle_event", state, reason, topic, document_ref, customer_ref, event.id)


def blank(db: Sql, event: Event) -> None:
    """Erase the body of one event."""
    db.execute(update(events).where(events.c.id == event.id).values(body=_ERASED))


def erase(db: Sql, store_id: str, where: ColumnElement[bool] | None = None) -> int:
    """Erase the bodies of a store's events, of all or of those that fit; return how many there were."""
    chosen = [events.c.store_id == store_id, func.length(events.c.body) > 0, *([] if where is None else [where])]
    return db.execute(update(events).where(*chosen).values(body=_ERASED)).rowcount


def unread(db: Sql, store_id: str) -> Iterator[Event]:
    """Yield a store's events of which nobody knows whom they are about: ignored on purpose, or not readable."""
    query = select(events).where(events.c.store_id == store_id, NAMELESS, func.length(events.c.body) > 0)
    for row in db.execute(query.order_by(events.c.id).execution_options(yield_per=100)):
        yield _event(row)


def _row(incoming: Incoming, now: datetime) -> _Row:
    """Return the values of `EVENT_COLUMNS` for a webhook that arrived."""
    envelope = incoming.envelope
    return (
        incoming.store_id,
        _bounded(envelope.webhook_id),
        envelope.platform_topic[:_LONGEST_NAME],
        envelope.api_version[:32] if envelope.api_version else None,
        envelope.triggered_at,
        now,
        EventState.RECEIVED.value,
        # Here and not where it arrived: the writer does it while nobody else has anything to do.
        compress(incoming.body),
    )


def _bounded(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def _event(row: Row[Any]) -> Event:
    return Event(
        id=row.id,
        store_id=row.store_id,
        platform_topic=row.platform_topic,
        received_at=row.received_at,
        body=decompress(row.body),
        triggered_at=row.triggered_at,
    )
