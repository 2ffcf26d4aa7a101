"""The steps of a Chit Chats shipment: the call that each makes, and what its answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.core.outcome import Rejected
from plugin.core.redaction import vendor_words
from plugin.core.step import Request
from plugin.destinations.chitchats import batches, booking, postage
from plugin.destinations.chitchats import cancellation as taking_back
from plugin.destinations.chitchats import polling as lists
from plugin.destinations.chitchats.calls import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin.core.outcome import Outcome
    from plugin.core.response import Answer
    from plugin.core.step import Work


def _refused(work: Work, answer: Answer) -> Outcome:
    prepared = PREPARE[work.action](work)
    sent = prepared if isinstance(prepared, Request) else None
    return Rejected(reason=vendor_words(answer, sent, work.document), hold=True)


def read(work: Work, answer: Answer) -> Outcome:
    """What an answer means to a step; refusals that nothing special is known of go to a person."""
    if answer.status >= REFUSED and work.action in _REFUSED:
        return _REFUSED[work.action](work, answer)
    return READ[work.action](work, answer)


PREPARE: dict[str, Callable[[Work], Request | Outcome]] = {
    "book": booking.prepare,
    "amend": booking.prepare,
    "cancel": taking_back.prepare,
    "price": postage.price,
    "buy": postage.buy,
    "wait": postage.wait,
    "label": postage.label,
    "batch": batches.prepare,
    "poll": lists.prepare,
    "track": lists.prepare,
}
READ: dict[str, Callable[[Work, Answer], Outcome]] = {
    "book": booking.read,
    "amend": booking.read,
    "cancel": taking_back.read,
    "price": postage.priced,
    "buy": postage.bought,
    "wait": postage.waited,
    "label": postage.labelled,
    "batch": batches.read,
    "poll": lists.read,
    "track": lists.read,
}
_REFUSED: dict[str, Callable[[Work, Answer], Outcome]] = {
    "price": _refused,
    "buy": postage.refused,
    "wait": _refused,
    "label": _refused,
}
# What changes nothing at the vendor has no look-up: it is simply done again.
FIND: dict[str, Callable[[Work], Request | None]] = {
    "book": booking.find,
    "amend": booking.find,
    "cancel": taking_back.find,
    "buy": postage.find,
    "batch": batches.find,
}
FOUND: dict[str, Callable[[Work, Answer], Outcome | None]] = {
    "book": booking.found,
    "amend": booking.found,
    "cancel": taking_back.found,
    "buy": postage.found,
    "batch": batches.found,
}
