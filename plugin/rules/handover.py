"""How an order changes hands: not before its booking was taken back; meanwhile nobody books it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, select, update

from plugin.core.delivery import State
from plugin.core.outcome import Rejected, Skipped
from plugin.storage import bookings
from plugin.storage.tables import connections, deliveries

if TYPE_CHECKING:
    from plugin.core.delivery import Delivery
    from plugin.storage.bookings import Booking
    from plugin.storage.unit_of_work import UnitOfWork


_LETS_GO = (State.DONE, State.SKIPPED)
_TROUBLE = (State.HELD, State.FAILED)


def settled(unit: UnitOfWork, delivery: Delivery, state: State) -> None:
    """Pass an order on to the connection that waits for it, if a step that came to rest took its booking back.

    If it could not be taken back, nothing goes anywhere, and the step says so to a person.
    """
    if not _is_move(delivery) or state not in (*_LETS_GO, *_TROUBLE):
        return
    booking = bookings.of(unit, delivery.store_id, delivery.subject)
    if booking is None or booking.next_id is None or booking.connection_id != delivery.connection_id:
        return
    if state in _TROUBLE:
        _tell(unit, booking, delivery)
    elif not bookings.is_moving(unit, booking) and not _is_uncertain(unit, booking):
        _hand_over(unit, booking)


def _tell(unit: UnitOfWork, booking: Booking, delivery: Delivery) -> None:
    """Write the reason why it was to be taken back; an order that is assigned here again has no problem."""
    if booking.next_id == booking.connection_id:
        bookings.call_off(unit, booking)
        bookings.write(unit, replace(booking, next_id=None, problem=None))
        # What its newest version asks of a booking that stays was not planned while it was to move.
        bookings.again(unit, booking)
        return
    db = unit.sql()
    name = db.execute(select(connections.c.name).where(connections.c.id == booking.next_id)).scalar()
    because = f"the rules chose {name} ({booking.next_id}) after it was booked here, and it can't simply be taken back:"
    because += " leave it, or settle it with the vendor and replay this, which takes back what it may and books there"
    db.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(reason=because))
    bookings.write(unit, replace(booking, problem=because))


def _hand_over(unit: UnitOfWork, booking: Booking) -> None:
    """Return an order of which nothing is left here to the connection that waits; a cancelled one goes nowhere."""
    made = and_(deliveries.c.action == "book", deliveries.c.state == State.DONE)
    gone = {"state": State.SKIPPED, "reason": f"taken back: {bookings.ELSEWHERE}", "updated_at": datetime.now(UTC)}
    unit.sql().execute(update(deliveries).where(bookings.steps(booking), made).values(gone))
    to = booking.connection_id if booking.is_cancelled else booking.next_id
    bookings.write(unit, replace(booking, connection_id=to, next_id=None, problem=None))
    if not booking.is_cancelled:
        bookings.again(unit, booking)


def _is_uncertain(unit: UnitOfWork, booking: Booking) -> bool:
    """Return whether a booking may exist of which nobody could say so."""
    return bookings.exists_any(
        unit, bookings.steps(booking), and_(deliveries.c.doubtful, deliveries.c.state.in_(_TROUBLE))
    )


def concerns(delivery: Delivery) -> bool:
    """Return whether a step has to do with who books an order, so that `refusal` has to be asked before it is sent."""
    return delivery.action in bookings.SPENDING or _is_move(delivery)


def refusal(unit: UnitOfWork, delivery: Delivery) -> Skipped | Rejected | None:
    """Return why a step that is about to be sent must not be; None if it may."""
    booking = bookings.look(unit.sql(), delivery.store_id, delivery.subject)
    if booking is None:
        return None
    is_mine = booking.connection_id == delivery.connection_id
    if _is_move(delivery):
        return _refuse_back(unit, booking, is_mine=is_mine)
    if not is_mine or booking.next_id is not None:
        return Skipped(bookings.ELSEWHERE)
    if booking.is_cancelled:
        # Whatever version of the order this step was planned for.
        return Skipped("the order was cancelled")
    return None


def _refuse_back(unit: UnitOfWork, booking: Booking, *, is_mine: bool) -> Skipped | Rejected | None:
    if not is_mine or booking.next_id is None:
        return Skipped("the order is not to go to another connection any more")
    paid = bookings.exists_any(
        unit, bookings.steps(booking), and_(deliveries.c.action == "buy", deliveries.c.state == State.DONE)
    )
    if paid and booking.problem is None:
        return Rejected(reason="its postage is bought", hold=True)
    return None


def _is_move(delivery: Delivery) -> bool:
    return delivery.key.startswith(f"{bookings.MOVES}:")
