"""What is owed: deliveries are planned once, leased by one process at a time, and settled by what became of them."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from plugin.core.delivery import Delivery, Priority, State
from plugin.storage import ledger_sql as sql
from plugin.storage.handwritten_sql import DIALECTS
from plugin.storage.tables import deliveries
from plugin.storage.utc_datetime import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection as Sql

    from plugin.storage.database import Database

# Longer than the longest call, `plugin.transport.call.TOTAL_SECONDS`: who may still be sending still holds the lease.
LEASE = timedelta(seconds=45)
# What follows an earlier delivery of its subject is passed over while that one waits. Looking at it again and again
# would cost more than postponing it once; for less than this it would not.
_LONG = timedelta(seconds=5)
# How many deliveries of one subject a batch may take up one after the other at most in one lease.
_DEEPEST = 4

# The column holds 64 characters, and so may the name of a machine.
_machine = os.uname().nodename[:24]


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One HTTP try, redacted. `purpose` is `send` or `find`; `status` is None when no answer came."""

    at: datetime
    milliseconds: int
    purpose: str
    request: str
    status: int | None
    answer: str | None
    outcome: str
    reason: str | None


@dataclass(slots=True, kw_only=True)
class Result:
    """What becomes of one leased delivery; what is known of it grows while it is put together."""

    delivery: Delivery
    state: State
    reason: str | None = None
    due_at: datetime | None = None
    doubtful: bool = False
    refund_attempt: bool = False
    lost: bool = False
    data: Mapping[str, Any] | None = None
    attempt: Attempt | None = None

    @property
    def is_plain(self) -> bool:
        """Done, and nothing more to be said: what nearly all come to."""
        return self.state is State.DONE and self.reason is None and not (self.doubtful or self.refund_attempt)


class Ledger:
    """The deliveries table, as a worker sees it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lease(self, lane: str, limit: int, *, followers: bool = False) -> list[Delivery]:
        """Take up to `limit` due deliveries of one lane in a transaction of its own; see `lease_each`."""
        with self._database.write() as db:
            return self.lease_each(db, {lane: limit}, {lane} if followers else frozenset())

    def lease_each(self, db: Sql, limits: Mapping[str, int], crowded: Iterable[str] = ()) -> list[Delivery]:
        """Take due deliveries of each lane, most urgent first, so that no other process takes them.

        A delivery waits for every earlier one about the same subject, except that lanes in `crowded`, which send
        several in one call, take what follows along. One that was being sent when its process died is among them once
        that lease has ended, in state `sending`: whether it arrived has to be found out.
        """
        following = frozenset(crowded)
        now = self._database.now(db)
        taken: list[Delivery] = []
        for lane, limit in limits.items():
            taken += self._take(db, now, lane, limit, followers=lane in following)
        return taken

    def _take(self, db: Sql, now: datetime, lane: str, limit: int, *, followers: bool) -> list[Delivery]:
        token = _token()
        values = {"in_lane": lane, "token": token, "now": now, "due_by": now, "until": now + LEASE}
        taken: list[Delivery] = []
        for priority in Priority:
            if len(taken) < limit:
                rows = db.execute(sql.LEASE_UPDATE, values | {"of": priority.value, "most": limit - len(taken)}).all()
                taken += sorted(map(sql.delivery, rows), key=lambda delivery: delivery.id)
        last = taken if followers else []
        for _ in range(_DEEPEST):
            if not last:
                break
            named = json.dumps([delivery.id for delivery in last])
            rows = db.execute(sql.FOLLOW[self._database.is_postgresql], values | {"named": named}).all()
            last = sorted(map(sql.delivery, rows), key=lambda delivery: delivery.id)
            taken += last
        return taken

    def due_lanes(self, within: timedelta = timedelta()) -> set[str]:
        """Return the lanes that have something due now, or `within` this time: neither blocked nor leased."""
        with self._database.read() as db:
            now = self._database.now(db)
            return set(db.execute(sql.DUE_LANES, {"now": now, "due_by": now + within}).scalars())

    def begin(self, db: Sql, leased: Iterable[tuple[Delivery, bool]]) -> set[int]:
        """Write down the intent, to be committed before anything goes out; return the ids still as they were prepared.

        The flag says whether the call itself is sent, which spends an attempt, or only what became of it is looked up.
        """
        kinds: dict[bool, list[Delivery]] = {True: [], False: []}
        for delivery, sends in leased:
            kinds[sends].append(delivery)
        begun: set[int] = set()
        if kinds[True] or kinds[False]:
            now = self._database.now(db)
            for sends, chosen in kinds.items():
                state = State.SENDING if sends else State.UNKNOWN
                values = {"to_state": state.value, "spent": int(sends), "now": now, "until": now + LEASE}
                begun.update(self._each(db, "begin", chosen, values))
        return begun

    def give_back(self, leased: Sequence[Delivery]) -> None:
        """End leases of deliveries that were not begun."""
        if leased:
            with self._database.write() as db:
                self._each(db, "give_back", leased, {})

    def settle_all(self, db: Sql, results: Sequence[Result]) -> set[int]:
        """Write down results and their attempts; return the ids whose lease still held, the others changed nothing."""
        plain = [result.delivery for result in results if result.is_plain]
        kept = self._each(db, "finish", plain, {"now": datetime.now(UTC)})
        kept |= {result.delivery.id for result in results if not result.is_plain and _settle(db, result)}
        tried = [row for result in results if (row := self._row(result)) is not None]
        if tried:
            db.exec_driver_sql(DIALECTS[self._database.is_postgresql].insert_attempt, tried)
        return kept

    def _row(self, result: Result) -> tuple[object, ...] | None:
        attempt = result.attempt
        if attempt is None:
            return None
        at = attempt.at if self._database.is_postgresql else as_text(attempt.at)
        rest = (attempt.request, attempt.status, attempt.answer, attempt.outcome, attempt.reason)
        return (result.delivery.id, at, attempt.milliseconds, attempt.purpose, *rest)

    def _each(self, db: Sql, what: str, chosen: Sequence[Delivery], values: Mapping[str, object]) -> set[int]:
        if not chosen:
            return set()
        statement = sql.EACH[what, self._database.is_postgresql]
        return set(db.execute(statement, {**values, "given": sql.given(chosen)}).scalars().all())


def _token() -> str:
    """Return a lease's name, unique for ever; made anew each time, as forks would all count on from one number."""
    return f"{_machine}:{os.getpid()}:{secrets.token_hex(8)}"


def _settle(db: Sql, result: Result) -> bool:
    now = datetime.now(UTC)
    delivery, due = result.delivery, result.due_at or now
    values = {
        "held_id": delivery.id,
        "held_lease": delivery.lease,
        "for_event": delivery.event_id,
        "to_state": result.state,
        "rests": result.state in (State.SKIPPED, State.HELD, State.FAILED),
        "why": result.reason,
        "due": due,
        "urgency": _urgency(result),
        "refunded": int(result.refund_attempt),
        "doubt": result.doubtful,
        "lost": int(result.lost),
        "now": now,
    }
    kept = db.execute(sql.SETTLE, values).rowcount > 0
    if kept and due - now > _LONG:
        db.execute(
            sql.POSTPONE, {"of": delivery.connection_id, "about": delivery.subject, "after": delivery.id} | {"due": due}
        )
    if kept and result.data is not None:
        db.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(data=dict(result.data)))
    return kept


def _urgency(result: Result) -> Priority:
    """Return the priority from now on: what failed once lets what is new go first."""
    again = result.state is State.WAITING and not result.refund_attempt
    return Priority.RETRY if again and result.delivery.priority is Priority.LIVE else result.delivery.priority
