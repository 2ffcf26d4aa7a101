"""The assignment of an order to one of a store's shipping connections; it moves only when nothing is left behind.

The newest version of an order decides, whatever order its webhooks come in. See `plugin.storage.bookings`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin.rules import selection
from plugin.storage import bookings, plans
from plugin.storage.bookings import Booking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mappings.canonical.orders import Order, Topic
    from plugin.core.event import Event
    from plugin.rules.selection import Asked
    from plugin.storage.stores import Connection
    from plugin.storage.unit_of_work import UnitOfWork
    from plugin.storage.version import Version

NOT_WANTED = "no rule of a shipping connection takes this order"
_REMOVED = "its booking belongs to a connection that was removed"
_MOVES = "the rules chose another connection, which books it once the booking that there is was taken back"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierAssignment:
    """Who gets this webhook's order; nobody while the order changes hands, or when no rule takes it.

    `rule` has taken it, and its booking waits until `due_at`.
    """

    connection: Connection | None
    reason: str | None = None
    rule: str | None = None
    due_at: datetime | None = None


class Assigner:
    """What assigns one version of an order to a connection, inside the caller's transaction.

    `take_back` plans the steps that take a booking back from the connection that has it.
    """

    def __init__(
        self,
        unit: UnitOfWork,
        event: Event,
        carriers: Sequence[Connection],
        take_back: Callable[[Connection, Booking], None],
    ) -> None:
        self._unit = unit
        self._event = event
        self._carriers = carriers
        self._take_back = take_back

    def assign(self, topic: Topic, order: Order, version: Version) -> CarrierAssignment:
        """Return who books this version, after writing down what it changes."""
        subject = subject_of(order)
        known = bookings.of(self._unit, self._event.store_id, subject)
        if known is not None and version < known.version:
            return self._late(known, topic)
        event = self._event
        before = known or Booking(store_id=event.store_id, subject=subject, version=version, event_id=event.id)
        booking = replace(before, version=version, event_id=event.id, heard=before.heard | {topic})
        asked = selection.chosen(selection.ask(self._carriers, order, booking.heard))
        booking = self._decide(booking, asked, order)
        bookings.write(self._unit, booking)
        over = booking.is_cancelled or selection.is_settled(order)
        assigned = self._assignment(booking, None if over else asked)
        if known is not None and (over or known.rule != booking.rule):
            bookings.reschedule(self._unit, booking, assigned.due_at or datetime.now(UTC))
        return assigned

    def _decide(self, booking: Booking, asked: Asked | None, order: Order) -> Booking:
        """Return the booking with whose the order is from now on."""
        if booking.connection_id is None:
            return replace(self._ruled(booking, asked), connection_id=asked.connection.id) if asked else booking
        if booking.is_cancelled or selection.is_settled(order):
            return booking
        if asked is None:
            return self._let_go(booking)
        if asked.connection.id == booking.connection_id:
            return self._keep(self._ruled(booking, asked))
        return self._move(booking, asked)

    def _ruled(self, booking: Booking, asked: Asked) -> Booking:
        """Return the booking under a rule that takes it; its window runs from then, or since one awaited payment."""
        anew = booking.since is None or (asked.awaits_payment and not booking.on_payment)
        return replace(
            booking,
            rule=asked.rule.name,
            since=self._event.received_at if anew else booking.since,
            on_payment=booking.on_payment or asked.awaits_payment,
        )

    def _let_go(self, booking: Booking) -> Booking:
        """Return the booking that no rule takes any more: what was not sent is skipped, what was booked stays."""
        if booking.next_id is not None or not bookings.is_untouched(self._unit, booking):
            return booking
        bookings.withdraw_unsent(self._unit, booking, NOT_WANTED)
        return replace(booking, connection_id=None, rule=None, since=None, on_payment=False)

    def _keep(self, booking: Booking) -> Booking:
        """Return the booking that stays; one that is just being taken back is made here again afterwards."""
        if booking.next_id is None:
            return booking
        if bookings.is_under_way(self._unit, booking):
            return replace(booking, next_id=booking.connection_id)
        bookings.call_off(self._unit, booking)
        return replace(booking, next_id=None, problem=None)

    def _move(self, booking: Booking, asked: Asked) -> Booking:
        """Return the booking as it moves elsewhere: at once if nothing was sent, else once it is taken back."""
        holder = self._carrier(booking.connection_id)
        if holder is None:
            return booking
        moved = replace(self._ruled(booking, asked), next_id=asked.connection.id)
        if booking.next_id is not None and bookings.is_moving(self._unit, booking):
            return moved
        if bookings.withdraw_unsent(self._unit, booking, bookings.ELSEWHERE):
            return replace(moved, connection_id=asked.connection.id, next_id=None, problem=None)
        self._take_back(holder, booking)
        return moved

    def _late(self, known: Booking, topic: Topic) -> CarrierAssignment:
        """Note the topic of an older version, which decides nothing; a new topic has the newest asked about again."""
        if topic not in known.heard:
            bookings.write(self._unit, replace(known, heard=known.heard | {topic}))
            bookings.again(self._unit, known)
        return self._assignment(known, None)

    def _assignment(self, booking: Booking, asked: Asked | None) -> CarrierAssignment:
        if booking.connection_id is None:
            return CarrierAssignment(connection=None, reason=NOT_WANTED)
        holder = self._carrier(booking.connection_id)
        if holder is None:
            return CarrierAssignment(connection=None, reason=_REMOVED)
        if booking.next_id is not None and not booking.is_cancelled:
            return CarrierAssignment(connection=None, reason=_MOVES)
        waits = asked is not None and booking.since is not None and asked.connection.id == holder.id
        due_at = booking.since + asked.hold if waits and asked and booking.since else None
        return CarrierAssignment(connection=holder, rule=booking.rule, due_at=due_at)

    def _carrier(self, connection_id: str | None) -> Connection | None:
        return next((item for item in self._carriers if item.id == connection_id), None)


def subject_of(order: Order) -> str:
    """Return the subject of the steps of an order at a shipping destination."""
    return plans.bounded(f"order:{order.ref}")
