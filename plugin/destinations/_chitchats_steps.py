"""The steps of a Chit Chats shipment: the call that each makes, and what its answers mean."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.base import BodyIncomplete
from mappings.canonical import Receipt, Topic
from mappings.destinations import _chitchats_terms as terms
from mappings.destinations import chitchats as mapping
from plugin.destinations._chitchats_parts import DELETED, WATCH, call, is_live, order_of, remote_id_of, then
from plugin.mask import vendor_words
from plugin.model import Accepted, Deferred, Later, Rejected, Request, Skipped, Step, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin.http import Answer
    from plugin.model import Outcome, Work

_NO_CONTENT, _NOT_FOUND = 204, 404
# A purchase normally takes less than 3 seconds (the vendor's own sample polls twice a second).
_POLL = timedelta(seconds=1)
_BUYING = timedelta(hours=1)
# Without a delivery scan a shipment is archived after 60 days.
_ARCHIVED = timedelta(days=60)
_UNPAID = mapping.DRAFT_STATUSES | mapping.FAILED_STATUSES
_DELIVERED = frozenset({"delivered", "exception"})


def _book(work: Work) -> Request | Skipped:
    order = order_of(work)
    reason = "the order was cancelled" if work.topic is Topic.ORDER_CANCELLED else mapping.skip_reason(order)
    if reason is None and is_live(work.booked):
        reason = "the order is booked already"
    if reason:
        return Skipped(reason)
    body = mapping.body(order, terms.package(work.settings), platform=work.store.platform)
    return call(work, "POST", "/shipments", body=body)


def _buy(work: Work) -> Request | Skipped | Rejected:
    if not is_live(work.booked):
        return Skipped("the shipment was taken back before its postage was bought")
    if work.settings["postage_type"] == "unknown":
        raise BodyIncomplete("postage_type: auto_buy needs the postage to buy; set postage_type on the connection")
    return call(
        work, "PATCH", f"/shipments/{remote_id_of(work)}/buy", body={"postage_type": work.settings["postage_type"]}
    )


def _cancel(work: Work) -> Request | Skipped | Rejected:
    if work.booked is None or not is_live(work.booked):
        return Skipped("nothing was booked")
    if work.booked.status not in _UNPAID:
        return Rejected(
            reason=f"shipment {work.booked.remote_id} has its postage: ask Chit Chats for a refund", hold=True
        )
    return call(work, "DELETE", f"/shipments/{work.booked.remote_id}")


def _wait(work: Work) -> Request | Skipped | Rejected:
    """Look; but once a purchase failed, whoever has this tried again wants it made again."""
    return _buy(work) if _has_failed(work) else _look(work)


def only_looks(work: Work) -> bool:
    """Whether a step changes nothing at the vendor, so that it may simply be repeated."""
    return work.action in ("label", "track") or (work.action == "wait" and not _has_failed(work))


def _has_failed(work: Work) -> bool:
    return work.booked is not None and work.booked.status in mapping.FAILED_STATUSES


def _look(work: Work) -> Request:
    return call(work, "GET", f"/shipments/{remote_id_of(work)}", repeatable=True)


def _booked(work: Work, answer: Answer) -> Outcome:
    receipt = mapping.receipt(answer.json)
    note = (
        None if receipt.rate_count else "no rates came back: check ship_date, sizes, weight, HS codes and the address"
    )
    return Accepted(receipt=receipt, then=_buys(work, receipt), note=note)


def _buys(work: Work, receipt: Receipt) -> tuple[Step, ...]:
    """Whether money is spent: only if asked for, never for the documentation's sample or a voided payment."""
    order = order_of(work)
    wanted = work.settings["auto_buy"] == "yes" and not order.impossible_sample and order.payment_status != "voided"
    return then(work, receipt, "buy") if wanted else ()


def _bought(work: Work, answer: Answer) -> Outcome:
    receipt = mapping.receipt(answer.json)
    return Accepted(receipt=receipt, then=then(work, receipt, "wait", delay=_POLL))


def _waited(work: Work, answer: Answer) -> Outcome:
    receipt = mapping.receipt(answer.json)
    if receipt.status in mapping.FAILED_STATUSES:
        reason = "the purchase failed at Chit Chats: check the account's credits and the postage, then replay"
        return Rejected(reason=reason, hold=True, receipt=receipt)
    if receipt.status in mapping.PAID_STATUSES:
        return Accepted(receipt=receipt, then=(*then(work, receipt, "label"), *then(work, receipt, "track")))
    if receipt.status in mapping.DEAD_STATUSES:
        return Rejected(reason=f"the shipment is {receipt.status}", hold=True)
    return _busy(f"the purchase is under way ({receipt.status})", receipt)


def _labelled(work: Work, answer: Answer) -> Outcome:
    del work
    receipt = mapping.receipt(answer.json)
    if not receipt.label_formats:
        return _busy("the label is not there yet", receipt)
    return Accepted(receipt=receipt)


def _busy(reason: str, receipt: Receipt) -> Deferred:
    return Deferred(reason=reason, after=_POLL, waiting=True, patience=_BUYING, receipt=receipt)


def _tracked(work: Work, answer: Answer) -> Outcome:
    del work
    receipt = mapping.receipt(answer.json)
    if receipt.status in _DELIVERED | mapping.DEAD_STATUSES:
        return Accepted(receipt=receipt)
    reason = f"on its way ({receipt.status})"
    return Deferred(reason=reason, after=WATCH, waiting=True, patience=_ARCHIVED, receipt=receipt)


def _cancelled(work: Work, answer: Answer) -> Outcome:
    if answer.status != _NO_CONTENT:
        return Unknown(reason=f"{answer.status} instead of 204 to a deletion")
    return Accepted(receipt=Receipt(remote_id=remote_id_of(work), status=DELETED))


def _found_booking(work: Work, answer: Answer) -> Outcome | None:
    order = order_of(work)
    for listed in mapping.listed(answer.json):
        ours = listed.order_id == order.ref and listed.order_store in (None, terms.order_store(work.store.platform))
        if ours and listed.remote_id not in work.taken and listed.status not in mapping.DEAD_STATUSES:
            receipt = Receipt(remote_id=listed.remote_id, status=listed.status)
            return Accepted(receipt=receipt, then=_buys(work, receipt), note="found after the answer was lost")
    return None


def _found_purchase(work: Work, answer: Answer) -> Outcome | None:
    if answer.status == _NOT_FOUND:
        return Rejected(reason="the shipment is gone from Chit Chats", hold=True)
    receipt = mapping.receipt(answer.json)
    if receipt.status in _UNPAID:
        return None
    if work.action == "wait":
        return _waited(work, answer)
    return Accepted(
        receipt=receipt, then=then(work, receipt, "wait"), note="found to be bought after the answer was lost"
    )


def _found_deleted(work: Work, answer: Answer) -> Outcome | None:
    if answer.status == _NOT_FOUND:
        return Accepted(receipt=Receipt(remote_id=remote_id_of(work), status=DELETED))
    mapping.receipt(answer.json)
    return None


def refused(work: Work, answer: Answer) -> Outcome:
    prepared = PREPARE[work.action](work)
    words = vendor_words(answer, prepared if isinstance(prepared, Request) else None, work.document)
    if work.action == "cancel" and answer.status == _NOT_FOUND:
        return Accepted(receipt=Receipt(remote_id=remote_id_of(work), status=DELETED))
    return Rejected(reason=words, hold=work.action != "book")


LATER = (
    Later(action="buy", help="as soon as the draft is made; the postage is charged", status="unpaid"),
    Later(action="wait", help="asked each second until the purchase came true", status="postage_requested"),
    Later(action="label", help="read again until the label is there", status="ready"),
    Later(action="track", help="asked hourly until it is delivered", status="ready"),
)
PREPARE: dict[str, Callable[[Work], Request | Skipped | Rejected]] = {
    "book": _book,
    "buy": _buy,
    "cancel": _cancel,
    "wait": _wait,
    "label": _look,
    "track": _look,
}
READ: dict[str, Callable[[Work, Answer], Outcome]] = {
    "book": _booked,
    "buy": _bought,
    "cancel": _cancelled,
    "wait": _waited,
    "label": _labelled,
    "track": _tracked,
}
FOUND: dict[str, Callable[[Work, Answer], Outcome | None]] = {
    "book": _found_booking,
    "buy": _found_purchase,
    "wait": _found_purchase,
    "cancel": _found_deleted,
}
