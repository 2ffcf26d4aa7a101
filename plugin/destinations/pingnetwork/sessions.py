"""Access that was bought: a session for each line whose SKU the settings name, paused when the order is taken back.

The vendor documents how to open, look at and pause a session, and no list of sessions: one whose answer was lost can't
be found again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.canonical.orders import ORDER_TOPICS, Order, Topic
from mappings.canonical.receipt import Receipt
from mappings.destinations import pingnetwork as mapping
from mappings.schemas.schema import MappingError, PayloadRejected
from plugin.core.outcome import Accepted, Deferred, Rejected, Skipped, Unknown
from plugin.core.redaction import redacted_reason
from plugin.core.step import Step
from plugin.destinations.pingnetwork import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.orders import Line
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, StoreFacts, Work

_NOT_FOUND, _REFUSED = 404, 400
_PAID = frozenset({"paid", "partially_refunded"})
_OVER = frozenset({mapping.PAUSED, mapping.GONE})


def plan(topic: Topic, document: Document, store: StoreFacts, values: Mapping[str, str]) -> tuple[Step, ...]:
    """Return a session for each paid line that sells access, and a pause once the order is cancelled or refunded."""
    if topic not in ORDER_TOPICS or not isinstance(document, Order):
        return ()
    subject = f"person:{settings.buyer_id(document, store, values)}"
    over = _taken_back(topic, document) is not None
    if not over and not _is_paid(topic, document):
        return ()
    # Of an order that is taken back too: what waits or failed is skipped, and a webhook that is late finds it settled.
    # Otherwise never by a newer version: it would open again a session whose answer was lost.
    steps = tuple(
        Step(
            action="session",
            key=f"session:{document.ref}:{line.ref}",
            subject=subject,
            newest=over,
            data={"line": line.ref},
        )
        for line in _sold(document, values)
    )
    pause_it = Step(action="pause", key=f"pause:{document.ref}", subject=subject, newest=True)
    return (*steps, pause_it) if steps and over else steps


def _sold(order: Order, values: Mapping[str, str]) -> Iterator[Line]:
    skus = settings.pairs(values.get("session_skus", ""))
    return (line for line in order.lines if line.sku in skus)


def _is_paid(topic: Topic, order: Order) -> bool:
    return topic is Topic.ORDER_PAID or order.payment_status in _PAID


def _taken_back(topic: Topic | None, order: Order) -> str | None:
    if topic is Topic.ORDER_CANCELLED or order.cancelled_at is not None:
        return "the order was cancelled"
    return "the order was refunded" if order.fully_refunded else None


def start(work: Work) -> Request | Skipped:
    """Return the call that opens the session of a line that was paid for and is no parcel."""
    order, line = _order(work), _line(work)
    reason = _taken_back(work.topic, order) or _unsold(order, line)
    if reason:
        return Skipped(reason)
    zone = settings.pairs(work.settings.get("session_skus", "")).get(line.sku or "")
    if zone is None:
        raise MappingError("session_skus no longer names the SKU of this line")
    reusable = work.settings["session_reusable"] == "yes" if settings.knows_reusable(work.settings) else None
    body = mapping.session(settings.buyer_id(order, work.store, work.settings), zone, reusable=reusable)
    return settings.call(work, "POST", "sessions_path", body=body)


def _unsold(order: Order, line: Line) -> str | None:
    if order.test:
        return "a test order"
    return "the line is to be shipped, so it is no access" if line.requires_shipping else None


def pause(work: Work) -> Request | Skipped | Rejected:
    """Return the call that pauses a session of the order: the one named, or the first that still runs."""
    live = _live(work)
    if not live:
        return Skipped("no session of this order is open")
    if not settings.can_pause(work.settings):
        reason = f"session {live[0]} can't be paused: only reusable ones of version 2 can; end it with the vendor"
        return Rejected(reason=reason, hold=True)
    return settings.call(work, "PATCH", "session_pause_path", repeatable=True, remote_id=live[0])


def _live(work: Work) -> list[str]:
    named = work.data.get("remote_id")
    open_ones = [one.remote_id for one in work.shipments if one.status not in _OVER]
    return [one for one in open_ones if named in (None, one)]


def started(work: Work, answer: Response) -> Outcome:
    """Return the session with its id; a success that says less may have opened one, which can't be looked up."""
    if answer.status >= _REFUSED:
        # An unknown zone is 404: the settings name it, so it is tried again when they change.
        return Rejected(reason=redacted_reason(answer, work.sent, work.document), hold=answer.status == _NOT_FOUND)
    try:
        return Accepted(receipt=mapping.receipt(answer.json))
    except PayloadRejected as error:
        return Unknown(reason=str(error))


def paused(work: Work, answer: Response) -> Outcome:
    """Paused, or gone; then the other sessions of the order, each by a step of its own."""
    this, *others = _live(work)
    if answer.status == _NOT_FOUND:
        return Accepted(receipt=Receipt(remote_id=this, status=mapping.GONE), then=_rest(work, others))
    if answer.status >= _REFUSED:
        return Rejected(reason=redacted_reason(answer, work.sent, work.document), hold=True)
    try:
        done = mapping.is_paused(answer.json)
    except PayloadRejected as error:
        return Deferred.retry(str(error))
    if not done:
        return Rejected(reason=f"the vendor says that session {this} is not paused", hold=True)
    return Accepted(receipt=Receipt(remote_id=this, status=mapping.PAUSED), then=_rest(work, others))


def _rest(work: Work, others: list[str]) -> tuple[Step, ...]:
    order = _order(work)
    subject = f"person:{settings.buyer_id(order, work.store, work.settings)}"
    return tuple(
        Step(action="pause", key=f"pause:{order.ref}:{one}", subject=subject, data={"remote_id": one}) for one in others
    )


def _order(work: Work) -> Order:
    if not isinstance(work.document, Order):
        raise PayloadRejected("the event holds no order")
    return work.document


def _line(work: Work) -> Line:
    for line in _order(work).lines:
        if line.ref == work.data.get("line"):
            return line
    raise PayloadRejected("the order no longer has this line")
