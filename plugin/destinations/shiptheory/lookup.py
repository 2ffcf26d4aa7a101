"""Finding out what became of a booking at Shiptheory whose answer was lost, or said nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.destinations.shiptheory import response
from plugin.core.outcome import Rejected
from plugin.destinations.shiptheory import calls, steps

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, Work


_NOT_FOUND = 404


def _found_one(work: Work, answer: Response) -> Outcome | None:
    """Return what a look by reference says of a call whose answer was lost, or said nothing."""
    reference = calls.reference_of(work)
    repeated = work.booked is not None and work.booked.status == calls.REPEATED
    if answer.status == _NOT_FOUND:
        if calls.is_live(work.booked):
            return steps.of_look(work, answer)
        return _taken(reference, "and what was booked under it can't be seen any more") if repeated else None
    found = response.shown(answer.json, reference)
    if not calls.is_ours(work, found):
        return _taken(reference, "and not for this order")
    return steps.of_shipment(work, found, "found after the answer was lost or empty")


def _taken(reference: str, why: str) -> Rejected:
    reason = f"reference {reference} was used before in this account, {why}; references are for ever"
    return Rejected(reason=f"{reason}: set reference_prefix, or book it by hand", hold=True)


def _found_any(work: Work, answer: Response) -> Outcome | None:
    """Return what all shipments of the order say: a live one is the booking, a dead one counts unless it is known."""
    everything = () if answer.status == _NOT_FOUND else response.listed(answer.json)
    ours = [one for one in everything if calls.is_ours(work, one)]
    for one in ours:
        if not one.is_dead:
            return steps.of_shipment(work, one, "found at Shiptheory under another reference")
    # All that a lost call can have left is under the reference that would be used now, or under a former prefix.
    wanted = calls.reference_of(work)
    left = [one for one in ours if one.receipt.remote_id == wanted] or ([] if work.booked else ours)
    return steps.of_shipment(work, left[0]) if left else None


def build_lookup(work: Work) -> Request | None:
    """Return the look-up of a booking: by its reference, or by its order where another reference may have been used.

    That is so once a booking came to nothing (somebody may have mended it there), and when the prefix has changed.
    """
    if work.action != "book":
        return None
    if calls.is_live(work.booked) and work.booked is not None:
        return calls.view(work, work.booked.remote_id)
    if not _may_be_elsewhere(work):
        return calls.view(work, calls.reference_of(work))
    query = {"channel_reference_id_2": calls.order_of(work).ref, "sort": "created", "direction": "desc", "limit": "100"}
    return calls.call(work.settings, "GET", "/shipments/list", query=query, repeatable=True)


def read_lookup(work: Work, answer: Response) -> Outcome | None:
    """Return what the look-up says."""
    if _may_be_elsewhere(work) and not calls.is_live(work.booked):
        return _found_any(work, answer)
    return _found_one(work, answer)


def _may_be_elsewhere(work: Work) -> bool:
    dead = work.booked is not None and calls.is_dead(work.booked)
    return dead or work.data.get("prefix", "") != calls.prefix_of(work)
