"""Booking: one unpaid draft for each parcel of an order, brought in line when the order changes.

The vendor has no call that changes a shipment (docs/vendors/chitchats.md §2), so a draft whose order changed is deleted
and made anew under the same order; once its postage is bought a person has to decide. One step makes all calls, one
after the other, so that it always knows which shipment a lost answer belongs to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mappings.canonical.orders import Topic
from mappings.destinations import chitchats as mapping
from mappings.shipping.parcels import Parcel
from plugin.core.outcome import Accepted, Rejected, Skipped
from plugin.core.redaction import redacted_reason
from plugin.core.step import Request, Step
from plugin.destinations.chitchats import calls, cancellation

if TYPE_CHECKING:
    from mappings.canonical.orders import Order
    from mappings.canonical.receipt import Receipt
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Booked, Work


def build_request(work: Work) -> Request | Outcome:
    """Return the next call: take back what is outdated, then make what is missing."""
    following = _following(work)
    if not isinstance(following, Parcel):
        return following
    order = calls.order_of(work)
    body = mapping.body(order, _package(work), platform=work.store.platform, number=following.number)
    return calls.call(work, "POST", "/shipments", body=body)


def read_response(work: Work, answer: Response) -> Outcome:
    """Return what the call came to."""
    stale = _stale(work)
    if stale:
        return cancellation.learned(work, stale[0], answer)
    parcel = _missing(work)[0]
    if answer.status >= calls.REFUSED:
        words = redacted_reason(answer, work.sent, work.document)
        return calls.unknown_account(answer.status) or Rejected(reason=words)
    receipt = _ours(work, parcel, mapping.receipt(answer.json))
    if not receipt.rates:
        # Nothing can be bought for it, so it does not count as what the order asks for.
        return Rejected(reason=mapping.NO_RATES, hold=True, receipt=replace(receipt, content=""))
    return _booked(work, receipt)


def build_lookup(work: Work) -> Request | None:
    """Return the look-up for the call that may have arrived: the draft to be deleted, or a draft for this order."""
    following = _following(work)
    if isinstance(following, Request):
        return cancellation.look(work, _stale(work)[0])
    query = {"q": calls.order_of(work).ref, "limit": "1000"}
    return calls.call(work, "GET", "/shipments", query=query, repeatable=True)


def read_lookup(work: Work, answer: Response) -> Outcome | None:
    """Return the draft of this very order that nobody else owns; none says that the lost call did not arrive."""
    unknown = calls.unknown_account(answer.status)
    if unknown is not None:
        return unknown
    entries = mapping.listed(answer.json)
    stale = _stale(work)
    if stale:
        return _found_outdated(stale[0], entries)
    known = work.taken | {one.remote_id for one in work.shipments}
    order, store = calls.order_of(work), mapping.order_store(work.store.platform)
    for one in entries:
        ours = one.order_id == order.ref and one.order_store in (None, store)
        if ours and one.receipt.remote_id not in known and one.receipt.status not in mapping.DEAD_STATUSES:
            return _found_booking(work, one)
    return None


def buys(work: Work, remote_id: str) -> tuple[Step, ...]:
    """Return whether money is spent: only if asked for, and only for an order that is to be paid."""
    wanted = work.settings["auto_buy"] == "yes" and calls.why_not_to_buy(calls.order_of(work)) is None
    # Taken up again if it was skipped because the order was about to change.
    return (calls.follow_up(work, remote_id, "buy", newest=True),) if wanted else ()


def _following(work: Work) -> Request | Outcome | Parcel:
    order = calls.order_of(work)
    reason = _skip_reason(work, order)
    if reason:
        return Skipped(reason)
    stale = _stale(work)
    if stale:
        return _replace(work, stale[0])
    missing = _missing(work)
    if missing:
        return missing[0]
    if not calls.live_shipments(work):
        return Skipped(mapping.skip_reason(order) or "nothing is left to be booked")
    steps = tuple(step for one in calls.live_shipments(work) for step in buys(work, one.remote_id))
    return Accepted(note="it is booked as the order asks for", then=steps)


def _skip_reason(work: Work, order: Order) -> str | None:
    """Return why nothing is to be done. A cancellation takes back by itself; `amend` amends what is booked."""
    if work.topic is Topic.ORDER_CANCELLED:
        return "the order was cancelled"
    if work.action == "book":
        return None if calls.live_shipments(work) else mapping.skip_reason(order)
    if any(one.as_of and one.as_of > order.updated_at for one in work.shipments):
        return "a newer version of the order is booked already"
    ours = [one for one in work.shipments if calls.is_live(one) or one.status == calls.DELETED]
    if not ours:
        return "nothing of this order is booked"
    # What was fulfilled meanwhile is still on its way; only what is called off is taken back.
    return None if mapping.is_called_off(order) and not order.cancelled_at else mapping.skip_reason(order)


def _replace(work: Work, booked: Booked) -> Request | Outcome:
    if booked.status in calls.UNPAID or booked.status == calls.UNSURE:
        return cancellation.take_back(work, booked)
    off = mapping.is_called_off(calls.order_of(work))
    reason = (
        f"the order {'needs no parcel any more' if off else 'changed its address or lines'}, but shipment"
        f" {booked.remote_id} has its postage already"
        f" ({booked.status}): keep it, or ask Chit Chats for a refund and book again by hand"
    )
    return Rejected(reason=reason, hold=True)


def _wanted(work: Work) -> dict[int, tuple[Parcel, str]]:
    """Return the parcels that there should be; none once the order is called off."""
    order = calls.order_of(work)
    if mapping.skip_reason(order):
        return {}
    return {one.number: (one, mapping.fingerprint(order, one)) for one in mapping.parcels(order, _package(work))}


def _stale(work: Work) -> list[Booked]:
    """Return the live shipments that are known not to be what the order asks for."""
    wanted = {number: fingerprint for number, (_, fingerprint) in _wanted(work).items()}
    return [
        one for one in calls.live_shipments(work) if one.content is not None and one.content != wanted.get(one.parcel)
    ]


def _missing(work: Work) -> list[Parcel]:
    """Return the parcels that are not booked yet."""
    there = {one.parcel for one in calls.live_shipments(work)}
    return [parcel for number, (parcel, _) in _wanted(work).items() if number not in there]


def _ours(work: Work, parcel: Parcel, receipt: Receipt) -> Receipt:
    order = calls.order_of(work)
    return replace(receipt, parcel=parcel.number, content=mapping.fingerprint(order, parcel), as_of=order.updated_at)


def _booked(work: Work, receipt: Receipt, note: str | None = None) -> Outcome:
    if len(_missing(work)) > 1:
        return calls.continue_step(f"parcel {receipt.parcel} is booked", receipt)
    earlier = [one.remote_id for one in calls.live_shipments(work)]
    steps = (step for remote_id in (*earlier, receipt.remote_id) for step in buys(work, remote_id))
    return calls.accepted(receipt, note, *steps)


def _found_booking(work: Work, entry: mapping.Listed) -> Outcome:
    missing = _missing(work)
    if not missing:
        return calls.accepted(entry.receipt, "found after the answer was lost")
    body = mapping.body(calls.order_of(work), _package(work), platform=work.store.platform, number=missing[0].number)
    receipt = _ours(work, missing[0], entry.receipt)
    if not mapping.is_same(entry.sent, body):
        # It was made from an older version of the order.
        return calls.continue_step("found, but the order changed since", replace(receipt, content=""))
    outcome = _booked(work, receipt, "found after the answer was lost")
    if isinstance(outcome, Accepted) and not outcome.then:
        return replace(outcome, then=(calls.follow_up(work, receipt.remote_id, "price"),))
    return outcome


def _found_outdated(booked: Booked, entries: tuple[mapping.Listed, ...]) -> Outcome | None:
    """Return how the step goes on after a lost deletion; None to delete again."""
    seen = [one.receipt for one in entries if one.receipt.remote_id == booked.remote_id]
    receipt = seen[0] if seen else calls.deleted_receipt(booked.remote_id)
    return calls.continue_step("deleted", receipt) if receipt.status != booked.status else None


def _package(work: Work) -> mapping.Package:
    return mapping.package(work.settings)
