"""Taking shipments back: drafts are deleted, paid postage is refunded, and what is on its way is a person's problem.

Each step below makes one call and keeps in the shipment's status how far it is. A refusal says little
(docs/vendors/chitchats.md §8), so it is never believed alone: the shipment is looked for first, by a search, as the 404
of a single shipment may also mean that the account is wrong.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.canonical.receipt import Receipt
from mappings.destinations import chitchats as mapping
from plugin.core.outcome import Deferred, Rejected, Skipped
from plugin.core.redaction import redacted_reason
from plugin.core.step import Request
from plugin.destinations.chitchats import calls

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Booked, Work

# Straight after a purchase: "Resource in use, please try again"; the official sample waits 2 seconds.
_IN_USE = re.compile(r"in use|try again", re.IGNORECASE)
_PAUSE = timedelta(seconds=2)


def build_request(work: Work) -> Request | Outcome:
    """Return the next call of a cancellation; skipped when nothing is left of what was booked."""
    left = calls.live_shipments(work)
    return take_back(work, left[0]) if left else Skipped("nothing was booked")


def take_back(work: Work, booked: Booked) -> Request | Outcome:
    """Return the call that takes this shipment back, or looks at it, or who has to act where there is none."""
    path = calls.path_of(booked.remote_id)
    if booked.status == calls.UNSURE or booked.status in mapping.REQUESTED_STATUSES:
        return look(work, booked)
    if booked.status in calls.UNPAID:
        return calls.call(work, "DELETE", path)
    if booked.status == "ready":
        return calls.call(work, "PATCH", f"{path}/refund")
    reason = f"shipment {booked.remote_id} is {booked.status}: it can't be taken back any more; ask Chit Chats"
    return Rejected(reason=reason, hold=True)


def look(work: Work, booked: Booked) -> Request:
    """Return a search for one shipment."""
    query = {"q": booked.remote_id, "limit": "1000"}
    return calls.call(work, "GET", "/shipments", query=query, repeatable=True)


def read_response(work: Work, answer: Response) -> Outcome:
    """Return what the call of a cancellation came to."""
    booked = calls.live_shipments(work)[0]
    outcome = learned(work, booked, answer)
    is_last = len(calls.live_shipments(work)) == 1
    receipt = outcome.receipt if isinstance(outcome, Deferred) else None
    if is_last and receipt is not None and not _may_come(receipt):
        return calls.accepted(receipt)
    return outcome


def learned(work: Work, booked: Booked, answer: Response) -> Outcome:
    """Return what the answer to `take_back` says of this shipment; the same step goes on from there."""
    request = take_back(work, booked)
    if not isinstance(request, Request):
        return request
    if request.method == "GET":
        return _seen(work, booked, answer)
    if answer.status >= calls.REFUSED:
        return _refused(work, booked, request, answer)
    if request.method == "DELETE":
        return calls.continue_step("deleted", calls.deleted_receipt(booked.remote_id))
    receipt = mapping.receipt(answer.json)
    # 200 says that the refund is asked for, whatever the status still shows.
    status = receipt.status if receipt.status in mapping.DEAD_STATUSES else "refund_requested"
    return calls.continue_step("the refund is asked for", replace(receipt, status=status, watched=False))


def _refused(work: Work, booked: Booked, request: Request, answer: Response) -> Outcome:
    words = redacted_reason(answer, work.sent, work.document)
    if _IN_USE.search(words):
        return calls.continue_step(words, after=_PAUSE, patience=calls.BUYING)
    unsure = Receipt(remote_id=booked.remote_id, status=calls.UNSURE)
    if answer.status == calls.NOT_FOUND:
        # It is gone, or the account is wrong; the search will tell which.
        return calls.continue_step(words, unsure, after=_PAUSE, patience=calls.BUYING)
    return calls.continue_step(words, unsure, refused=f"{request.method} {booked.remote_id}", words=words)


def _seen(work: Work, booked: Booked, answer: Response) -> Outcome:
    unknown = calls.unknown_account(answer.status)
    if unknown is not None:
        return unknown
    found = [one.receipt for one in mapping.listed(answer.json) if one.receipt.remote_id == booked.remote_id]
    receipt = found[0] if found else calls.deleted_receipt(booked.remote_id)
    if receipt.status in mapping.REQUESTED_STATUSES:
        return calls.continue_step("its postage is being bought", receipt, after=_PAUSE, patience=calls.BUYING)
    following = take_back(work, replace(booked, status=receipt.status)) if _may_come(receipt) else None
    if isinstance(following, Request) and work.data.get("refused") == f"{following.method} {booked.remote_id}":
        reason = f"shipment {booked.remote_id} is {receipt.status}, but Chit Chats won't take it back: "
        return Rejected(reason=reason + str(work.data.get("words")), hold=True, receipt=receipt)
    return calls.continue_step(f"it is {receipt.status}", receipt)


def build_lookup(work: Work) -> Request | None:
    """Return the look-up for a cancellation that may have arrived."""
    left = calls.live_shipments(work)
    return look(work, left[0]) if left else None


def read_lookup(work: Work, answer: Response) -> Outcome | None:
    """Return what became of the shipment; None says that it is still there, so that the call is made again."""
    booked = calls.live_shipments(work)[0]
    # What was refused once may be granted to whoever tries again.
    outcome = _seen(replace(work, data={}), booked, answer)
    receipt = outcome.receipt if isinstance(outcome, Deferred) else None
    if receipt is None:
        return outcome
    if _may_come(receipt):
        return None
    return calls.accepted(receipt) if len(calls.live_shipments(work)) == 1 else outcome


def _may_come(receipt: Receipt) -> bool:
    return receipt.status not in {*mapping.DEAD_STATUSES, calls.DELETED}
