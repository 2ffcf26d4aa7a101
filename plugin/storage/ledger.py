"""What is owed: deliveries are planned once, leased by one process at a time, and settled by what became of them."""

from __future__ import annotations

import itertools
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Integer, and_, bindparam, case, exists, insert, or_, select, update
from sqlalchemy import Connection as Sql

from plugin.model import Delivery, State
from plugin.storage.shops import ConnectionState
from plugin.storage.tables import attempts, connections, deliveries, unfinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row, Select

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
    data: Mapping[str, Any] | None = None
    attempt: Attempt | None = None


def _active() -> ColumnElement[bool]:
    return connections.c.state == ConnectionState.ACTIVE


def _due() -> Select[tuple[int]]:
    earlier = deliveries.alias("earlier")
    blocked = exists().where(
        earlier.c.connection_id == deliveries.c.connection_id,
        earlier.c.subject == deliveries.c.subject,
        earlier.c.id < deliveries.c.id,
        unfinished("earlier"),
    )
    now = bindparam("now", type_=deliveries.c.due_at.type)
    free = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= now)
    active = deliveries.c.connection_id.in_(select(connections.c.id).where(_active()))
    is_due = deliveries.c.due_at <= bindparam("due_by", type_=deliveries.c.due_at.type)
    return (
        select(deliveries.c.id)
        .where(deliveries.c.lane == bindparam("in_lane"), unfinished(), is_due, free, active, ~blocked)
        .order_by(deliveries.c.priority, deliveries.c.id)
        .limit(bindparam("most", type_=Integer))
    )


# Built once: putting a statement together takes SQLAlchemy several times as long as a database takes to run it.
_LANES = select(connections.c.lane).distinct().where(_active())
_ONE_DUE = _due()
# As a common table expression, which PostgreSQL evaluates once; as a plain subquery it may be run again for each row.
_chosen = _due().with_for_update(skip_locked=True, of=deliveries).cte("chosen")
_LEASE = (
    update(deliveries)
    .where(deliveries.c.id == _chosen.c.id)
    .values(lease=bindparam("token"), leased_until=bindparam("until"))
    .returning(deliveries)
)
_held = and_(deliveries.c.id == bindparam("held_id"), deliveries.c.lease == bindparam("held_lease"))
_BEGIN = (
    update(deliveries)
    .where(
        _held,
        deliveries.c.leased_until > bindparam("now", type_=deliveries.c.due_at.type),
        # A newer version of the order may have come since it was prepared.
        deliveries.c.event_id == bindparam("for_event"),
    )
    .values(
        state=bindparam("to_state"),
        attempts=deliveries.c.attempts + bindparam("spent", type_=Integer),
        leased_until=bindparam("until"),
        updated_at=bindparam("now", type_=deliveries.c.due_at.type),
    )
)
_GIVE_BACK = update(deliveries).where(_held).values(lease=None, leased_until=None)
_outdated = and_(
    bindparam("rests", type_=Boolean), deliveries.c.event_id != bindparam("for_event", type_=deliveries.c.event_id.type)
)
_SETTLE = (
    update(deliveries)
    .where(_held)
    .values(
        # What an older version of the order came to says nothing about the newer one that arrived meanwhile.
        state=case((_outdated, State.WAITING.value), else_=bindparam("to_state")),
        reason=bindparam("why"),
        due_at=bindparam("due"),
        attempts=deliveries.c.attempts - bindparam("refunded", type_=Integer),
        doubtful=bindparam("doubt"),
        losses=deliveries.c.losses + bindparam("lost", type_=Integer),
        lease=None,
        leased_until=None,
        updated_at=bindparam("now", type_=deliveries.c.due_at.type),
    )
)
_ATTEMPT = insert(attempts)


class Ledger:
    """The deliveries table, as a worker sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lease(self, lane: str, limit: int) -> list[Delivery]:
        """Take up to `limit` due deliveries of a lane, most urgent first, so that no other process takes them.

        A delivery waits for every earlier one about the same subject. One that was being sent when its process died is
        among them once that lease has ended, in state `sending`: whether it arrived has to be found out.
        """
        values = {"in_lane": lane, "most": limit, "token": f"{_process}:{next(_tokens)}"}
        with self._database.write() as db:
            now = self._database.now(db)
            rows = db.execute(_LEASE, values | {"now": now, "due_by": now, "until": now + LEASE}).all()
        return sorted((_delivery(row) for row in rows), key=lambda delivery: delivery.id)

    def due_lanes(self, within: timedelta = timedelta()) -> set[str]:
        """The lanes that have something to do now, or `within` this time: neither blocked nor in other hands."""
        with self._database.read() as db:
            now = self._database.now(db)
            lanes = db.execute(_LANES).scalars().all()
            values = {"most": 1, "now": now, "due_by": now + within}
            return {lane for lane in lanes if db.execute(_ONE_DUE, values | {"in_lane": lane}).first()}

    def begin(self, leased: Iterable[tuple[Delivery, bool]]) -> set[int]:
        """Commit the intent before anything goes out; return the ids that still are what was prepared.

        The flag says whether the call itself is sent, which spends an attempt, or only what became of it is looked up.
        """
        begun: set[int] = set()
        with self._database.write() as db:
            now = self._database.now(db)
            for delivery, sends in leased:
                values = {
                    "held_id": delivery.id,
                    "held_lease": delivery.lease,
                    "for_event": delivery.event_id,
                    "to_state": State.SENDING if sends else State.UNKNOWN,
                    "spent": int(sends),
                    "now": now,
                    "until": now + LEASE,
                }
                if db.execute(_BEGIN, values).rowcount:
                    begun.add(delivery.id)
        return begun

    def give_back(self, leased: Sequence[Delivery]) -> None:
        """End leases of deliveries that were not begun."""
        if leased:
            with self._database.write() as db:
                db.execute(_GIVE_BACK, [{"held_id": item.id, "held_lease": item.lease} for item in leased])


def settle(db: Sql, result: Result) -> bool:
    """Write down a result and its attempt; return False when the lease was lost, and then change nothing else."""
    now = datetime.now(UTC)
    values = {
        "held_id": result.delivery.id,
        "held_lease": result.delivery.lease,
        "for_event": result.delivery.event_id,
        "to_state": result.state,
        "rests": result.state in (State.SKIPPED, State.HELD, State.FAILED),
        "why": result.reason,
        "due": result.due_at or now,
        "refunded": int(result.refund_attempt),
        "doubt": result.doubtful,
        "lost": int(result.lost),
        "now": now,
    }
    kept = db.execute(_SETTLE, values).rowcount > 0
    if kept and result.data is not None:
        db.execute(update(deliveries).where(deliveries.c.id == result.delivery.id).values(data=dict(result.data)))
    if result.attempt is not None:
        db.execute(_ATTEMPT, {"delivery_id": result.delivery.id} | _fields(result.attempt))
    return kept


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
