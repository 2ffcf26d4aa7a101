"""The steps at Shiptheory: the call that each makes, and what its answers mean. A 200 is read, never believed.

See docs/vendors/shiptheory.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.canonical.orders import Topic
from mappings.canonical.receipt import Receipt
from mappings.destinations import shiptheory as mapping
from mappings.destinations.shiptheory import enums, label, response
from mappings.shipping import parcels
from plugin.core.outcome import Accepted, Deferred, Rejected, Skipped, Unknown
from plugin.core.redaction import impersonal
from plugin.destinations.shiptheory import calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from mappings.schemas.schema import PayloadRejected
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, Work


_NOT_FOUND = 404
_UNSAID = {"Failed": "it gives no reason", "Ignored": "no shipping rule of the account fits it"}
_AT_ONCE = timedelta()
# Asking whether something that moves by itself is ready becomes rarer the longer it takes.
_POLL, _MOVING = timedelta(seconds=2), timedelta(hours=1)
# A person at Shiptheory approves, or gives what is missing.
_WATCH, _WATCHED = timedelta(minutes=10), timedelta(days=30)


def _book(work: Work) -> Request | Skipped | Rejected:
    order = calls.order_of(work)
    cancelled = work.topic is Topic.ORDER_CANCELLED
    if not cancelled and work.booked is not None and work.booked.status in response.MOVING_STATUSES:
        return calls.view(work, work.booked.remote_id)
    reason = "the order was cancelled" if cancelled else parcels.skip_reason(order)
    if reason is None and calls.is_live(work.booked):
        reason = "the order is booked already"
    if reason:
        return Skipped(reason)
    return _unchanged(work) or _booking(work)


def _booking(work: Work) -> Request:
    body = mapping.body(
        calls.order_of(work),
        enums.terms(work.settings),
        reference=calls.reference_of(work),
        store=work.store.address,
        platform=work.store.platform,
    )
    return calls.call(work.settings, "POST", "/shipments", body=body)


def _unchanged(work: Work) -> Rejected | None:
    """Return a refusal to book again what came to nothing, when a newer version of the order changes nothing about it.

    The same version again is somebody's wish: a replay, or other settings.
    """
    known, order = work.booked, calls.order_of(work)
    if known is None or not calls.is_dead(known) or known.content is None:
        return None
    if known.content != calls.content_of(order) or known.as_of == order.updated_at:
        return None
    receipt = calls.of_version(work, Receipt(remote_id=known.remote_id, status=known.status))
    reason = f"shipment {known.remote_id} is {known.status}, and the order's newer version changes nothing about it"
    return Rejected(reason=f"{reason}; mend what is wrong, then replay", hold=True, receipt=receipt)


def _cancel(work: Work) -> Request | Skipped | Rejected:
    """Look first: the vendor has no way to cancel, but somebody may have done it there."""
    if work.booked is None or not (calls.is_live(work.booked) or work.booked.status == calls.REPEATED):
        return Skipped("nothing was booked")
    return calls.view(work, work.booked.remote_id)


def _check(work: Work) -> Request | Skipped | Rejected:
    """Tell of what changed about an order that is booked already: the vendor has no way to change a shipment."""
    if work.booked is None or not calls.is_live(work.booked) or work.booked.content is None:
        return Skipped("nothing was booked")
    changed = calls.change_reason(calls.order_of(work), work.booked.content)
    if changed is None:
        return Skipped("what is booked is what the order asks for")
    how = "Shiptheory has no way to change a shipment by its API: change it with Shiptheory and the carrier"
    return Rejected(reason=f"{changed} after it was booked as {work.booked.remote_id}, and {how}", hold=True)


def _send_back(work: Work) -> Request | Skipped | Rejected:
    if "return_service" not in work.settings:
        return Skipped("no return_service is set")
    if work.booked is None or work.booked.status != response.COMPLETE:
        found = f"its shipment is {work.booked.status}" if work.booked else "the order was never booked"
        return Skipped(f"nothing to send back: {found}")
    body = mapping.return_body(
        calls.order_of(work),
        enums.terms(work.settings),
        reference=work.booked.remote_id,
        service=int(work.settings["return_service"]),
        expires_on=_expiry(work),
    )
    return calls.call(work.settings, "POST", "/returns", body=body)


def _expiry(work: Work) -> date:
    return (work.at + timedelta(days=int(work.settings["return_days"]))).date()


def _look(work: Work) -> Request | Skipped | Rejected:
    return calls.view(work, calls.remote_id_of(work))


def only_looks(work: Work) -> bool:
    """Return whether a step changes nothing at the vendor, so that it may simply be repeated."""
    return work.action in ("label", "watch", "cancel")


def _booked(work: Work, answer: Response) -> Outcome:
    """§4 and §5: booked is what a carrier took; everything else is asked about, or said by the message alone."""
    if work.booked is not None and work.booked.status in response.MOVING_STATUSES:
        return of_look(work, answer)
    reference = calls.reference_of(work)
    said = response.booking(answer.json)
    receipt = calls.of_version(
        work,
        Receipt(
            remote_id=reference,
            status=said.status or (response.COMPLETE if said.is_booked else calls.REPEATED),
            tracking_number=said.tracking_number,
            carrier=said.carrier,
        ),
    )
    if said.is_booked:
        return Accepted(receipt=receipt, then=calls.follow_up(receipt, "label", _AT_ONCE))
    if said.status is not None and said.status not in response.DEAD_STATUSES:
        return of_shipment(work, response.Shown(receipt=receipt))
    if said.status is not None:
        # Why, only its history says.
        return Unknown(reason=f"200, but the shipment is {said.status}: it is looked at", settle=_AT_ONCE)
    if said.is_empty:
        reason = f"200 and nothing in it: reference {reference} was used before; it is looked at"
        return Deferred(reason=reason, after=_POLL, waiting=True, doubtful=True, receipt=receipt)
    hint = "; check delivery_service and increment" if "carrier settings" in (said.message or "") else ""
    return Rejected(reason=f"200, but not booked: {calls.refusal_words(work, answer)}{hint}", hold=True)


def of_shipment(work: Work, found: response.Shown, note: str | None = None) -> Outcome:
    """Return what a booking came to, by the shipment that is there under its reference."""
    receipt = calls.of_version(work, found.receipt)
    if found.is_dead:
        why = impersonal(response.complaints(receipt.messages) or _UNSAID[receipt.status], None, work.document)
        return Rejected(reason=f"shipment {receipt.remote_id} is {receipt.status}: {why}", hold=True, receipt=receipt)
    if found.is_booked:
        return Accepted(receipt=receipt, then=calls.follow_up(receipt, "label", _AT_ONCE), note=note)
    if receipt.status in response.MOVING_STATUSES:
        return Deferred.pending(f"being booked ({receipt.status})", _POLL, _MOVING, receipt=receipt)
    waits = f"{receipt.status}: waits for a person at Shiptheory (approval, or more data)"
    return Accepted(receipt=receipt, then=calls.follow_up(receipt, "watch", _WATCH), note=waits)


def of_look(work: Work, answer: Response) -> Outcome:
    """Return what a booking came to, by a look at a shipment that was there before."""
    reference = work.booked.remote_id if work.booked else calls.reference_of(work)
    if answer.status == _NOT_FOUND:
        receipt = calls.of_version(work, Receipt(remote_id=reference, status=calls.GONE))
        anew = "; a replay books anew" if work.action == "book" else ""
        return Rejected(reason=f"shipment {reference} is gone from Shiptheory{anew}", hold=True, receipt=receipt)
    return of_shipment(work, response.shown(answer.json, reference))


def _watched(work: Work, answer: Response) -> Outcome:
    outcome = of_look(work, answer)
    if isinstance(outcome, Accepted) and outcome.receipt is not None and outcome.then[0].action == "watch":
        reason = outcome.note or outcome.receipt.status
        return Deferred.pending(reason, _WATCH, _WATCHED, receipt=outcome.receipt)
    return outcome


def _labelled(work: Work, answer: Response) -> Outcome:
    found = response.shown(answer.json, calls.remote_id_of(work))
    if found.receipt.label_formats:
        return Accepted(receipt=found.receipt)
    reason = "the label is not there yet"
    return Deferred.pending(reason, _POLL, _MOVING, receipt=found.receipt)


def _called_off(work: Work, answer: Response) -> Outcome:
    reference = calls.remote_id_of(work)
    if answer.status == _NOT_FOUND:
        return Accepted(receipt=Receipt(remote_id=reference, status=calls.GONE), note="it is gone from Shiptheory")
    found = response.shown(answer.json, reference)
    if found.is_dead:
        return Accepted(receipt=found.receipt, note=f"nothing to call off: it is {found.receipt.status}")
    where = f"{found.receipt.status}, {found.receipt.carrier or 'no carrier yet'}"
    reason = f"the order was cancelled, but its shipment {reference} is booked ({where})"
    how = "Shiptheory has no way to cancel by its API: cancel it with Shiptheory and the carrier"
    return Rejected(reason=f"{reason}, and {how}", hold=True, receipt=found.receipt)


def _returned(work: Work, answer: Response) -> Outcome:
    paper = label.return_label(answer.json, _expiry(work))
    receipt = Receipt(remote_id=calls.remote_id_of(work), status=response.COMPLETE, files=(paper,))
    return Accepted(receipt=receipt, note=f"return label {paper.tracking_number}, good until {paper.expires_on}")


def unreadable(work: Work, error: PayloadRejected) -> Outcome:
    """Return what an answer that says nothing means: views are repeated, anything else may have happened."""
    return Deferred.retry(str(error)) if only_looks(work) else Unknown(reason=str(error))


def refused(work: Work, answer: Response) -> Outcome:
    """Return what a refusal in words means; only a booking that was certainly not made may simply fail."""
    looked = only_looks(work) or (work.action == "book" and calls.is_live(work.booked))
    if answer.status == _NOT_FOUND and looked:
        return _called_off(work, answer) if work.action == "cancel" else of_look(work, answer)
    said = calls.refusal_words(work, answer)
    return Rejected(reason=said, hold=work.action != "book")


PREPARE: dict[str, Callable[[Work], Request | Skipped | Rejected]] = {
    "book": _book,
    "cancel": _cancel,
    "check": _check,
    "label": _look,
    "return": _send_back,
    "watch": _look,
}
READ: dict[str, Callable[[Work, Response], Outcome]] = {
    "book": _booked,
    "cancel": _called_off,
    "label": _labelled,
    "return": _returned,
    "watch": _watched,
}
