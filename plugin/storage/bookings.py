"""Who books an order: one of a store's connections, over all of them, for ever.

Only the connection that an order is given to may have a booking of it. It changes hands in one of two ways: at once,
while nothing of it was sent; or once the steps that take the booking back have come to rest, which `settled` hears.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy import Connection as Sql

from mappings.canonical import Topic
from plugin.model import UNFINISHED, EventState, Rejected, Skipped, State
from plugin.storage.tables import bookings, connections, deliveries, events, spending

if TYPE_CHECKING:
    from sqlalchemy import Row

    from plugin.model import Delivery
    from plugin.storage.database import Database

# The steps of a shipping destination that make or pay a booking; see `plugin.destinations.base`.
SPENDING = ("book", "buy")
# Marks the steps that take a booking back because another connection is to have it.
MOVES = "moves"
ELSEWHERE = "the rules gave this order to another connection"
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
    version: str
    event_id: int
    problem: str | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the newest version is of a cancelled order (`plugin.flow.route` says so in its first letter)."""
        return self.version.startswith("1")


def of(db: Sql, store_id: str, subject: str) -> Booking | None:
    """Whose an order is, locked for this transaction; None before anything was heard of it."""
    query = select(bookings).where(_same(bookings.c, store_id, subject)).with_for_update()
    return _booking(db.execute(query).first())


def look(db: Sql, store_id: str, subject: str) -> Booking | None:
    """The same, without a lock."""
    return _booking(db.execute(select(bookings).where(_same(bookings.c, store_id, subject))).first())


def write(database: Database, db: Sql, booking: Booking) -> None:
    """Write down whose an order is."""
    now = datetime.now(UTC)
    row = {name: getattr(booking, name) for name in Booking.__slots__}
    row |= {"heard": ",".join(sorted(booking.heard)), "updated_at": now}
    insert = database.insert(bookings).values(row | {"created_at": now})
    db.execute(insert.on_conflict_do_update(index_elements=["store_id", "subject"], set_=row))


def again(db: Sql, booking: Booking) -> None:
    """Have the newest webhook of an order routed once more."""
    db.execute(update(events).where(events.c.id == booking.event_id).values(state=EventState.RECEIVED))


def set_aside(db: Sql, booking: Booking, reason: str) -> bool:
    """Stop what was not sent yet at the connection that has the order; return whether nothing is left there.

    Whoever leased a step in order to send it loses the lease, so that it can't begin. What may have arrived is looked
    up; and if it did not, `refusal` keeps it from being sent again.
    """
    now = datetime.now(UTC)
    mine = _steps(booking)
    freed = {"lease": None, "leased_until": None, "updated_at": now}
    tried = or_(deliveries.c.attempts > 0, deliveries.c.doubtful)
    rests = deliveries.c.state.in_([State.SKIPPED, *_TROUBLE])
    doubts = or_(and_(rests, tried, deliveries.c.action == "book"), _waits(doubtful=True))
    look_up = {"state": State.WAITING, "doubtful": True, "attempts": 0, "due_at": now}
    db.execute(update(deliveries).where(mine, doubts).values(look_up | freed))
    clean = or_(_waits(doubtful=False), and_(deliveries.c.state.in_(_TROUBLE), ~tried))
    db.execute(update(deliveries).where(mine, clean).values({"state": State.SKIPPED, "reason": reason} | freed))
    under_way = deliveries.c.state.in_(UNFINISHED)
    made = and_(deliveries.c.state == State.DONE, deliveries.c.action == "book")
    return not _any(db, mine, or_(under_way, made))


def is_untouched(db: Sql, booking: Booking) -> bool:
    """Whether nothing of an order can have arrived yet at the connection that has it."""
    tried = or_(deliveries.c.attempts > 0, deliveries.c.doubtful, deliveries.c.state == State.DONE)
    return not _any(db, _steps(booking), tried)


def is_moving(db: Sql, booking: Booking, group: str) -> bool:
    """Whether steps that take the booking back are under way, or a person was told why they can't."""
    return _any(db, _taking_back(booking, group), deliveries.c.state.in_([*UNFINISHED, *_TROUBLE]))


def is_under_way(db: Sql, booking: Booking, group: str) -> bool:
    """Whether steps that take the booking back can still do so."""
    return _any(db, _taking_back(booking, group), deliveries.c.state.in_(UNFINISHED))


def moves_so_far(db: Sql, booking_connection: str, group: str) -> int:
    """How many steps were planned so far in order to take a booking back."""
    query = select(func.count()).where(deliveries.c.connection_id == booking_connection, deliveries.c.grouping == group)
    return db.execute(query).scalar_one()


def call_off(db: Sql, booking: Booking, group: str) -> None:
    """The order stays where it is after all: what was stopped for the move goes on."""
    now = datetime.now(UTC)
    rest = {"state": State.SKIPPED, "reason": "the rules chose this connection again", "updated_at": now}
    stuck = deliveries.c.state.in_(_TROUBLE)
    db.execute(update(deliveries).where(_taking_back(booking, group), stuck).values(rest))
    go_on = {"state": State.WAITING, "reason": None, "due_at": now, "updated_at": now}
    stopped = and_(deliveries.c.state == State.SKIPPED, deliveries.c.reason.startswith(ELSEWHERE, autoescape=True))
    unpaid = and_(_steps(booking), deliveries.c.action == "buy", stopped)
    db.execute(update(deliveries).where(unpaid).values(go_on))


def reschedule(db: Sql, booking: Booking, due_at: datetime) -> None:
    """A booking that waits and was never tried is due at another time."""
    waits = and_(_waits(doubtful=False), deliveries.c.action == "book", deliveries.c.attempts == 0)
    db.execute(update(deliveries).where(_steps(booking), waits).values(due_at=due_at))


def settled(database: Database, db: Sql, delivery: Delivery, state: State) -> None:
    """A step came to rest; if it took a booking back, the order goes to the connection that waits for it.

    If it could not be taken back, nothing goes anywhere, and the step says so to a person.
    """
    if MOVES not in delivery.data or state not in (*_LETS_GO, *_TROUBLE):
        return
    booking = of(db, delivery.store_id, delivery.subject)
    if booking is None or booking.next_id is None or booking.connection_id != delivery.connection_id:
        return
    if state in _TROUBLE:
        _tell(database, db, booking, delivery)
    elif not is_moving(db, booking, delivery.data[MOVES]) and not _is_uncertain(db, booking):
        _hand_over(database, db, booking)


def _tell(database: Database, db: Sql, booking: Booking, delivery: Delivery) -> None:
    """Add to the reason why it was to be taken back; an order that is chosen here again has no problem."""
    if booking.next_id == booking.connection_id:
        call_off(db, booking, delivery.data[MOVES])
        write(database, db, replace(booking, next_id=None, problem=None))
        return
    name = db.execute(select(connections.c.name).where(connections.c.id == booking.next_id)).scalar()
    because = f"the rules chose {name} ({booking.next_id}) after it was booked here; settle it with the vendor, "
    because += "then replay this, which takes it back as far as the vendor lets, and books there"
    mine = update(deliveries).where(deliveries.c.id == delivery.id)
    db.execute(mine.values(reason=func.coalesce(deliveries.c.reason, "") + "; " + because))
    write(database, db, replace(booking, problem=because))


def _hand_over(database: Database, db: Sql, booking: Booking) -> None:
    """Nothing is left of it here. A cancelled order goes nowhere."""
    made = and_(deliveries.c.action == "book", deliveries.c.state == State.DONE)
    gone = {"state": State.SKIPPED, "reason": f"taken back: {ELSEWHERE}", "updated_at": datetime.now(UTC)}
    db.execute(update(deliveries).where(_steps(booking), made).values(gone))
    to = booking.connection_id if booking.is_cancelled else booking.next_id
    write(database, db, replace(booking, connection_id=to, next_id=None, problem=None))
    if not booking.is_cancelled:
        again(db, booking)


def _is_uncertain(db: Sql, booking: Booking) -> bool:
    """Whether a booking may exist of which nobody could say so."""
    return _any(db, _steps(booking), and_(deliveries.c.doubtful, deliveries.c.state.in_(_TROUBLE)))


def concerns(delivery: Delivery) -> bool:
    """Whether a step has to do with who books an order, so that `refusal` has to be asked before it is sent."""
    return delivery.action in SPENDING or MOVES in delivery.data


def refusal(db: Sql, delivery: Delivery) -> Skipped | Rejected | None:
    """Why a step that is about to be sent must not be."""
    booking = look(db, delivery.store_id, delivery.subject)
    if booking is None:
        return None
    is_mine = booking.connection_id == delivery.connection_id
    if MOVES in delivery.data:
        return _refuse_back(db, booking, is_mine=is_mine)
    if not is_mine or booking.next_id is not None:
        return Skipped(ELSEWHERE)
    if delivery.action == "buy" and booking.is_cancelled:
        return Skipped("the order was cancelled")
    return None


def _refuse_back(db: Sql, booking: Booking, *, is_mine: bool) -> Skipped | Rejected | None:
    if not is_mine or booking.next_id is None:
        return Skipped("the order is not to go to another connection any more")
    paid = _any(db, _steps(booking), and_(deliveries.c.action == "buy", deliveries.c.state == State.DONE))
    if paid and booking.problem is None:
        return Rejected(reason="its postage is bought", hold=True)
    return None


def _steps(booking: Booking) -> ColumnElement[bool]:
    return and_(
        deliveries.c.connection_id == booking.connection_id,
        deliveries.c.subject == booking.subject,
        spending(),
    )


def _taking_back(booking: Booking, group: str) -> ColumnElement[bool]:
    return and_(deliveries.c.connection_id == booking.connection_id, deliveries.c.grouping == group)


def _waits(*, doubtful: bool) -> ColumnElement[bool]:
    return and_(deliveries.c.state == State.WAITING, deliveries.c.doubtful == doubtful)


def _any(db: Sql, *where: ColumnElement[bool]) -> bool:
    return bool(db.execute(select(exists().where(*where))).scalar())


def _same(columns: Any, store_id: str, subject: str) -> ColumnElement[bool]:  # noqa: ANN401  (of a table)
    return and_(columns.store_id == store_id, columns.subject == subject)


def _booking(row: Row[Any] | None) -> Booking | None:
    if row is None:
        return None
    values = {name: getattr(row, name) for name in Booking.__slots__}
    return Booking(**values | {"heard": frozenset(map(Topic, filter(None, row.heard.split(","))))})
