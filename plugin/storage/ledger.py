"""What is owed: deliveries are planned once, leased by one process at a time, and settled by what became of them."""

from __future__ import annotations

import itertools
import os
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection as Sql
from sqlalchemy import and_, exists, func, insert, or_, select, update

from plugin.model import Delivery, State
from plugin.storage.shops import ConnectionState
from plugin.storage.tables import attempts, connections, deliveries, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Row

    from plugin.storage.database import Database

# Longer than the longest call: whoever may still be sending still holds the lease. See `plugin.http.TOTAL_SECONDS`.
LEASE = timedelta(seconds=45)

_tokens = itertools.count()
_process = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP try, masked. `purpose` is `send` or `find`; `status` is None when no answer came."""

    at: datetime
    milliseconds: int
    purpose: str
    request: str
    status: int | None
    answer: str | None
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What becomes of one leased delivery."""

    delivery: Delivery
    state: State
    reason: str | None = None
    due_at: datetime | None = None
    doubtful: bool = False
    refund_attempt: bool = False
    lost: bool = False
    attempt: Attempt | None = None


def with_attempt(result: Result, attempt: Attempt | None) -> Result:
    """The result together with the HTTP try that led to it."""
    return replace(result, attempt=attempt)


class Ledger:
    """The deliveries table, as a worker sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lease(self, lane: str, limit: int) -> list[Delivery]:
        """Take up to `limit` due deliveries of a lane, most urgent first, so that no other process takes them.

        A delivery waits for every earlier one about the same subject. One that was being sent when its process died is
        among them once that lease has ended, in state `sending`: whether it arrived has to be found out.
        """
        now = datetime.now(UTC)
        token = f"{_process}:{next(_tokens)}"
        chosen = (
            _due(now).where(deliveries.c.lane == lane).limit(limit).with_for_update(skip_locked=True, of=deliveries)
        )
        taken = (
            update(deliveries)
            .where(deliveries.c.id.in_(chosen.scalar_subquery()))
            .values(lease=token, leased_until=now + LEASE)
            .returning(deliveries)
        )
        with self._database.write() as db:
            rows = db.execute(taken).all()
        return sorted((_delivery(row) for row in rows), key=lambda delivery: delivery.id)

    def due_lanes(self) -> set[str]:
        """The lanes that have something due now."""
        with self._database.read() as db:
            lanes = db.execute(select(connections.c.lane).distinct().where(_active())).scalars().all()
            return {lane for lane in lanes if self._is_due(db, lane)}

    def next_due(self) -> datetime | None:
        """When the earliest delivery that nobody holds falls due; None when nothing is owed."""
        with self._database.read() as db:
            query = select(func.min(deliveries.c.due_at)).join(connections).where(unfinished(), _active())
            return db.execute(query).scalar()

    def begin(self, leased: Iterable[tuple[Delivery, bool]]) -> set[int]:
        """Commit the intent before anything goes out; return the ids whose lease still holds.

        The flag says whether the call itself is sent, which spends an attempt, or only what became of it is looked up.
        """
        now = datetime.now(UTC)
        begun: set[int] = set()
        with self._database.write() as db:
            for delivery, sends in leased:
                values = {
                    "state": State.SENDING if sends else State.UNKNOWN,
                    "attempts": deliveries.c.attempts + (1 if sends else 0),
                    "leased_until": now + LEASE,
                    "updated_at": now,
                }
                held = _held(delivery) & (deliveries.c.leased_until > now)
                if db.execute(update(deliveries).where(held).values(values)).rowcount:
                    begun.add(delivery.id)
        return begun

    def give_back(self, leased: Sequence[Delivery]) -> None:
        """End leases of deliveries that were not begun."""
        with self._database.write() as db:
            for delivery in leased:
                db.execute(update(deliveries).where(_held(delivery)).values(lease=None, leased_until=None))

    def _is_due(self, db: Sql, lane: str) -> bool:
        query = _due(datetime.now(UTC)).where(deliveries.c.lane == lane).limit(1)
        return db.execute(query).first() is not None


def settle(db: Sql, result: Result) -> bool:
    """Write down a result and its attempt; return False when the lease was lost, and then change nothing else."""
    now = datetime.now(UTC)
    values = {
        "state": result.state,
        "reason": result.reason,
        "due_at": result.due_at or now,
        "attempts": deliveries.c.attempts - (1 if result.refund_attempt else 0),
        "doubtful": result.doubtful,
        "losses": deliveries.c.losses + (1 if result.lost else 0),
        "lease": None,
        "leased_until": None,
        "updated_at": now,
    }
    kept = db.execute(update(deliveries).where(_held(result.delivery)).values(values)).rowcount > 0
    if result.attempt is not None:
        db.execute(insert(attempts).values(delivery_id=result.delivery.id, **_fields(result.attempt)))
    return kept


def _due(now: datetime) -> Any:  # noqa: ANN401  (a SELECT of ids; its generic type says nothing more)
    earlier = deliveries.alias("earlier")
    blocked = exists().where(
        earlier.c.connection_id == deliveries.c.connection_id,
        earlier.c.subject == deliveries.c.subject,
        earlier.c.id < deliveries.c.id,
        unfinished("earlier"),
    )
    free = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now)
    active = deliveries.c.connection_id.in_(select(connections.c.id).where(_active()))
    return (
        select(deliveries.c.id)
        .where(unfinished(), deliveries.c.due_at <= now, free, active, ~blocked)
        .order_by(deliveries.c.priority, deliveries.c.id)
    )


def _active() -> ColumnElement[bool]:
    return connections.c.state == ConnectionState.ACTIVE


def _held(delivery: Delivery) -> ColumnElement[bool]:
    return and_(deliveries.c.id == delivery.id, deliveries.c.lease == delivery.lease)


def _fields(attempt: Attempt) -> dict[str, object]:
    return {name: getattr(attempt, name) for name in Attempt.__slots__}


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        store_id=row.store_id,
        connection_id=row.connection_id,
        destination=row.destination,
        lane=row.lane,
        action=row.action,
        key=row.key,
        subject=row.subject,
        content=row.content,
        state=State(row.state),
        attempts=row.attempts,
        # Its process died while it was being sent.
        doubtful=row.doubtful or row.state == State.SENDING,
        losses=row.losses,
        created_at=row.created_at,
        lease=row.lease,
        leased_until=row.leased_until,
        data=row.data,
    )
