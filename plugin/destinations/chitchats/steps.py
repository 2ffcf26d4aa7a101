"""The steps of a Chit Chats shipment: the call that each makes, and what its answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.core.outcome import Rejected
from plugin.core.redaction import redacted_reason
from plugin.destinations.chitchats import batches, booking, cancellation, polling, postage
from plugin.destinations.chitchats.calls import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, Work


def _refused(work: Work, answer: Response) -> Outcome:
    return Rejected(reason=redacted_reason(answer, work.sent, work.document), hold=True)


def read_response(work: Work, answer: Response) -> Outcome:
    """Return what an answer means to a step; refusals that nothing special is known of go to a person."""
    if answer.status >= REFUSED and work.action in _REFUSED:
        return _REFUSED[work.action](work, answer)
    return READ[work.action](work, answer)


PREPARE: dict[str, Callable[[Work], Request | Outcome]] = {
    "book": booking.build_request,
    "amend": booking.build_request,
    "cancel": cancellation.build_request,
    "price": postage.price,
    "buy": postage.buy,
    "wait": postage.wait,
    "label": postage.label,
    "batch": batches.build_request,
    "poll": polling.build_request,
    "track": polling.build_request,
}
READ: dict[str, Callable[[Work, Response], Outcome]] = {
    "book": booking.read_response,
    "amend": booking.read_response,
    "cancel": cancellation.read_response,
    "price": postage.priced,
    "buy": postage.bought,
    "wait": postage.waited,
    "label": postage.labelled,
    "batch": batches.read_response,
    "poll": polling.read_response,
    "track": polling.read_response,
}
_REFUSED: dict[str, Callable[[Work, Response], Outcome]] = {
    "price": _refused,
    "buy": postage.refused,
    "wait": _refused,
    "label": _refused,
}
# What changes nothing at the vendor has no look-up: it is simply done again.
FIND: dict[str, Callable[[Work], Request | None]] = {
    "book": booking.build_lookup,
    "amend": booking.build_lookup,
    "cancel": cancellation.build_lookup,
    "buy": postage.build_lookup,
    "batch": batches.build_lookup,
}
FOUND: dict[str, Callable[[Work, Response], Outcome | None]] = {
    "book": booking.read_lookup,
    "amend": booking.read_lookup,
    "cancel": cancellation.read_lookup,
    "buy": postage.read_lookup,
    "batch": batches.read_lookup,
}
