"""Who books an order: one of a store's connections, over all of them, for ever.

Only the connection that an order is given to may have a booking of it. It changes hands in one of two ways: at once,
while nothing of it was sent; or once the steps that take the booking back have come to rest, which
`plugin.rules.handover` takes care of. Three guards see to it: the lock on the order's row and its primary key here, and
`handover.refusal` just before a call is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select, update
from sqlalchemy import Connection as Sql

from mappings.canonical.orders import Topic
from plugin.core.delivery import UNFINISHED, State
from plugin.core.event import EventState
from plugin.storage.plans import bounded
from plugin.storage.tables import bookings, deliveries, events, shipments, spending
from plugin.storage.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Row

    from plugin.core.step import Step
    from plugin.storage.unit_of_work import UnitOfWork


# The steps of a shipping destination that make or pay a booking; see `plugin.destinations.base`.
SPENDING = ("book", "amend", "buy")
# The keys of steps that take a booking back because another connection is to have it begin so.
MOVES = "move"
ELSEWHERE = "the rules gave this order to another connection"
# In one order, so that no two transactions wait for each other.
_THESE = (
    select(bookings)
    .where(bookings.c.store_id == bindparam("in_store"), bookings.c.subject.in_(bindparam("these", expanding=True)))
    .order_by(bookings.c.subject)
    .with_for_update()
)
_LETS_GO = (State.DONE, State.SKIPPED)
_TROUBLE = (State.HELD, State.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Whose an order is; `next_id` waits until the booking at `connection_id` is taken back.

    `version` and `event_id` are of the newest webhook, `heard` holds the topics of all. `since` is when a rule took it.
    """

    store_id: str
    subject: str
    connection_id: str | None = None
    next_id: str | None = None
    rule: str | None = None
    since: datetime | None = None
    on_payment: bool = False
    heard: frozenset[Topic] = frozenset()
    version: Version
    event_id: int
    problem: str | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the newest version of the order is cancelled."""
        return self.version.cancelled


def expect(unit: UnitOfWork, store_id: str, subjects: Iterable[str]) -> None:
    """Ask at once whose these orders are, and lock them for this transaction, as `of` is about to."""
    unknown = sorted({subject for subject in subjects if not unit.knows(_place(store_id, subject))})
    if unknown:
        values = {"in_store": store_id, "these": unknown}
        found = {row.subject: _booking(row) for row in unit.query(_THESE, values)}
        for subject in unknown:
            unit.remember(_place(store_id, subject), found.get(subject))


def of(unit: UnitOfWork, store_id: str, subject: str) -> Booking | None:
    """Return whose an order is, locked for this transaction; None before any webhook of it came."""
    expect(unit, store_id, [subject])
    found: Booking | None = unit.recall(_place(store_id, subject))
    return found


def look(db: Sql, store_id: str, subject: str) -> Booking | None:
    """Return whose an order is, without a lock."""
    return _booking(db.execute(select(bookings).where(_same(bookings.c, store_id, subject))).first())


def write(unit: UnitOfWork, booking: Booking) -> None:
    """Write down whose an order is."""
    unit.remember(_place(booking.store_id, booking.subject), booking)
    now = datetime.now(UTC)
    unit.write(
        "write_booking",
        booking.store_id,
        booking.subject,
        booking.connection_id,
        booking.next_id,
        booking.rule,
        booking.since,
        booking.on_payment,
        ",".join(sorted(booking.heard)),
        str(booking.version),
        booking.event_id,
        booking.problem,
        now,
        now,
    )


def again(unit: UnitOfWork, booking: Booking) -> None:
    """Have the newest webhook of an order routed once more."""
    received = update(events).where(events.c.id == booking.event_id).values(state=EventState.RECEIVED)
    unit.sql().execute(received)


def withdraw_unsent(unit: UnitOfWork, booking: Booking, reason: str) -> bool:
    """Stop what was not sent yet at the connection that has the order; return whether nothing is left there.

    Whoever leased a step in order to send it loses the lease, so that it can't begin. What may have arrived is looked
    up; and if it did not, `refusal` keeps it from being sent again.
    """
    db, now = unit.sql(), datetime.now(UTC)
    mine = steps(booking)
    freed = {"lease": None, "leased_until": None, "updated_at": now}
    tried = or_(deliveries.c.attempts > 0, deliveries.c.doubtful)
    rests = deliveries.c.state.in_([State.SKIPPED, *_TROUBLE])
    doubts = or_(and_(rests, tried, deliveries.c.action != "buy"), _waits(doubtful=True))
    look_up = {"state": State.WAITING, "doubtful": True, "attempts": 0, "due_at": now}
    db.execute(update(deliveries).where(mine, doubts).values(look_up | freed))
    clean = or_(_waits(doubtful=False), and_(deliveries.c.state.in_(_TROUBLE), ~tried))
    db.execute(update(deliveries).where(mine, clean).values({"state": State.SKIPPED, "reason": reason} | freed))
    return not (exists_any(unit, mine, deliveries.c.state.in_(UNFINISHED)) or _is_made(unit, booking))


def _is_made(unit: UnitOfWork, booking: Booking) -> bool:
    """Return whether any shipment of the order is known there, live or not; one of several parcels may be enough."""
    of_order = select(shipments.c.id).join(deliveries, deliveries.c.id == shipments.c.delivery_id)
    mine = and_(shipments.c.connection_id == booking.connection_id, deliveries.c.subject == booking.subject)
    done = and_(deliveries.c.state == State.DONE, deliveries.c.action == "book")
    return exists_any(unit, steps(booking), done) or bool(
        unit.sql().execute(select(of_order.where(mine).exists())).scalar()
    )


def is_untouched(unit: UnitOfWork, booking: Booking) -> bool:
    """Return whether nothing of an order can have arrived yet at the connection that has it."""
    tried = or_(deliveries.c.attempts > 0, deliveries.c.doubtful, deliveries.c.state == State.DONE)
    return not exists_any(unit, steps(booking), tried)


def is_moving(unit: UnitOfWork, booking: Booking) -> bool:
    """Return whether steps that take the booking back are under way, or a person was shown why they can't."""
    return exists_any(unit, _taking_back(booking), deliveries.c.state.in_([*UNFINISHED, *_TROUBLE]))


def is_under_way(unit: UnitOfWork, booking: Booking) -> bool:
    """Return whether steps that take the booking back can still do so."""
    return exists_any(unit, _taking_back(booking), deliveries.c.state.in_(UNFINISHED))


def back_step(unit: UnitOfWork, booking: Booking, step: Step) -> Step:
    """Return a step that takes a booking back, under a key of its own, which `handover.settled` looks for."""
    number = unit.sql().execute(select(func.count()).where(_taking_back(booking))).scalar_one()
    return replace(step, key=f"{MOVES}:{number}:{step.key}", group=group_of(booking), newest=False)


def group_of(booking: Booking) -> str:
    """Return the group of all steps that take a booking back."""
    return bounded(f"{MOVES}:{booking.subject}")


def call_off(unit: UnitOfWork, booking: Booking) -> None:
    """Leave the order where it is after all: what was stopped for the move goes on."""
    db, now = unit.sql(), datetime.now(UTC)
    rest = {"state": State.SKIPPED, "reason": "the rules chose this connection again", "updated_at": now}
    stuck = deliveries.c.state.in_(_TROUBLE)
    db.execute(update(deliveries).where(_taking_back(booking), stuck).values(rest))
    go_on = {"state": State.WAITING, "reason": None, "due_at": now, "updated_at": now}
    stopped = and_(steps(booking), deliveries.c.state == State.SKIPPED, deliveries.c.reason == ELSEWHERE)
    newest = select(func.max(deliveries.c.id)).where(stopped, deliveries.c.action == "amend").scalar_subquery()
    mine = and_(stopped, or_(deliveries.c.action != "amend", deliveries.c.id == newest))
    db.execute(update(deliveries).where(mine).values(go_on))


def reschedule(unit: UnitOfWork, booking: Booking, due_at: datetime) -> None:
    """Set when a booking is due that waits and was never tried."""
    waits = and_(_waits(doubtful=False), deliveries.c.action == "book", deliveries.c.attempts == 0)
    unit.sql().execute(update(deliveries).where(steps(booking), waits).values(due_at=due_at))


def steps(booking: Booking) -> ColumnElement[bool]:
    """Return the condition of every step that makes or pays a booking at the connection that has the order."""
    return and_(
        deliveries.c.connection_id == booking.connection_id,
        deliveries.c.subject == booking.subject,
        spending(),
    )


def _taking_back(booking: Booking) -> ColumnElement[bool]:
    return and_(deliveries.c.connection_id == booking.connection_id, deliveries.c.grouping == group_of(booking))


def _waits(*, doubtful: bool) -> ColumnElement[bool]:
    return and_(deliveries.c.state == State.WAITING, deliveries.c.doubtful == doubtful)


def exists_any(unit: UnitOfWork, *where: ColumnElement[bool]) -> bool:
    """Return whether there is any delivery that meets all conditions."""
    return bool(unit.sql().execute(select(exists().where(*where))).scalar())


def _place(store_id: str, subject: str) -> tuple[str, str, str]:
    return ("booking", store_id, subject)


def _same(columns: Any, store_id: str, subject: str) -> ColumnElement[bool]:  # noqa: ANN401  (of a table)
    return and_(columns.store_id == store_id, columns.subject == subject)


def _booking(row: Row[Any] | None) -> Booking | None:
    if row is None:
        return None
    values = {name: getattr(row, name) for name in Booking.__slots__}
    heard = frozenset(map(Topic, filter(None, row.heard.split(","))))
    return Booking(**values | {"heard": heard, "version": Version.parse(row.version)})
