"""Preview: the rules and calls that a document leads to, by the same parts as the real thing. Pure: nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Order
from mappings.schemas.schema import MappingError
from plugin import destinations
from plugin.core.outcome import Accepted
from plugin.core.step import WAIT, Booked, Request, Work
from plugin.destinations.base import ships
from plugin.rules import selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mappings.canonical.document import Document
    from mappings.canonical.orders import Topic
    from plugin.core.step import Step, StoreFacts
    from plugin.rules.selection import Asked
    from plugin.storage.stores import Connection

# More parcels than these would rather be a mistake; see `mappings.shipping.parcels`.
_MOST_CALLS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewCall:
    """One step, with its request or with the `reason` why there is none.

    `later` steps follow from the booking; `note` says when a step is taken.
    """

    connection: Connection
    action: str
    request: Request | None = None
    reason: str | None = None
    delay: timedelta = timedelta()
    later: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The rules that were asked, and the calls in the order in which they would go out."""

    asked: tuple[Asked, ...]
    calls: tuple[PreviewCall, ...]

    @property
    def chosen(self) -> Asked | None:
        """The rule that takes the order, None if none does."""
        return selection.chosen(self.asked)


def preview(
    store: StoreFacts,
    connections: Sequence[Connection],
    topic: Topic,
    document: Document,
    *,
    heard: frozenset[Topic],
    at: datetime,
) -> Preview:
    """Return what a document leads to at these connections; `heard` are the topics that came of its order before."""
    asked: list[Asked] = []
    if isinstance(document, Order):
        asked = selection.ask(selection.shipping(connections), document, heard | {topic})
    taken = selection.chosen(asked)
    calls = [
        call
        for connection in connections
        if _is_asked(connection, document, taken)
        for call in _ConnectionPreview(store, connection, topic, document, at).calls(taken)
    ]
    return Preview(asked=tuple(asked), calls=tuple(calls))


def _is_asked(connection: Connection, document: Document, taken: Asked | None) -> bool:
    if not isinstance(document, Order) or not ships(destinations.get(connection.destination)):
        return True
    return taken is not None and taken.connection == connection


class _ConnectionPreview:
    """The calls of one connection."""

    def __init__(
        self, store: StoreFacts, connection: Connection, topic: Topic, document: Document, at: datetime
    ) -> None:
        self._vendor = destinations.get(connection.destination)
        self._store = store
        self._connection = connection
        self._topic = topic
        self._document = document
        self._at = at

    def calls(self, taken: Asked | None) -> Iterator[PreviewCall]:
        """Yield the call of every step that the document asks for, and what follows from a booking."""
        steps = self._vendor.plan(self._topic, self._document, NOTHING_KNOWN, self._store, self._connection.values)
        login = self._vendor.profile(self._connection.values).login
        if login is not None and steps:
            note = "only where no token is at hand that still holds"
            yield PreviewCall(connection=self._connection, action="login", request=login.request, note=note)
        for step in steps:
            if step.action == WAIT:
                yield from self._after_wait(step)
                continue
            hold = taken.hold if taken and ships(self._vendor) and step.action == "book" else timedelta()
            found = self._calls_of_step(replace(step, delay=max(step.delay, hold)))
            yield from found
            if step.action == "book" and found[0].request is not None:
                yield from self._after_booking()

    def _after_wait(self, step: Step) -> Iterator[PreviewCall]:
        """Yield what would go out at the end of a wait."""
        ended = self._vendor.build_request(self._work(step.action, step))
        for following in ended.then if isinstance(ended, Accepted) else ():
            call = self._call(replace(following, delay=step.delay), self._work(following.action, following))
            yield replace(call, later=True, note="only if nothing comes meanwhile")

    def _calls_of_step(self, step: Step) -> list[PreviewCall]:
        """Return the call of a step; a booking of several parcels makes one for each."""
        work = self._work(step.action, step)
        found = [self._call(step, work)]
        while step.action == "book" and found[-1].request is not None and len(found) < _MOST_CALLS:
            made = Booked(remote_id=f"SHIPMENT-{len(found)}", status="unpaid", parcel=len(found))
            work = replace(work, booked=made, shipments=(*work.shipments, made))
            following = self._call(step, work)
            if following.request is None or following.request == found[-1].request or following.request.body is None:
                break
            found.append(following)
        return found

    def _after_booking(self) -> Iterator[PreviewCall]:
        """Yield what follows from the booking; after a step that would not be taken, the others without a request."""
        ends: str | None = None
        for later in self._vendor.profile(self._connection.values).later:
            known = PreviewCall(
                connection=self._connection, action=later.action, later=True, note=later.help, reason=ends
            )
            if later.booked is None or ends:
                yield known
                continue
            work = replace(self._work(later.action), booked=later.booked, shipments=(later.booked,))
            work = replace(work, data={"remote_id": later.booked.remote_id})
            request, reason = self._request(work)
            yield replace(known, request=request, reason=reason)
            ends = None if request else f"not without {later.action}"

    def _work(self, action: str, step: Step | None = None) -> Work:
        message = step.message if step else None
        return Work(
            action=action,
            topic=None if message is not None else self._topic,
            document=None if message is not None else self._document,
            store=self._store,
            settings=self._connection.values,
            data=step.data if step else {},
            message=message,
            at=self._at,
        )

    def _call(self, step: Step, work: Work) -> PreviewCall:
        note = "only if it differs from what was sent last" if step.only_if_changed else None
        request, reason = self._request(work)
        return PreviewCall(
            connection=self._connection,
            action=step.action,
            request=request,
            reason=reason,
            delay=step.delay,
            note=note,
        )

    def _request(self, work: Work) -> tuple[Request | None, str | None]:
        """Return the call as it would be sent, or why there is none."""
        try:
            prepared = self._vendor.build_request(work)
        except MappingError as error:
            return None, f"held: {error}"
        if not isinstance(prepared, Request):
            return None, prepared.note if isinstance(prepared, Accepted) else prepared.reason
        batch = self._vendor.profile(self._connection.values).batch
        if batch is not None and isinstance(prepared.body, bytes):
            return batch.bundle([prepared.body], self._at), None
        return prepared, None
