"""Putting bought shipments into an open batch (docs/vendors/chitchats.md §9); without one, one is opened.

One step makes these calls one after the other, and those of a connection wait for each other, so that a hundred
purchases do not open a hundred batches. What it found is in its data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.destinations import chitchats as mapping
from mappings.schemas.schema import PayloadRejected
from plugin.core.outcome import Accepted, Rejected, Skipped
from plugin.core.redaction import redacted_reason
from plugin.destinations.chitchats import calls

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, Work


def build_request(work: Work) -> Request | Outcome:
    """Look for an open batch, or open one, or put the shipment into it."""
    if not calls.is_live(work.booked):
        return Skipped("the shipment was taken back")
    batch = work.data.get("batch")
    if batch is not None:
        body = {"batch_id": batch, "shipment_ids": [calls.remote_id_of(work)]}
        return calls.call(work, "PATCH", "/shipments/add_to_batch", body=body, repeatable=True)
    if work.data.get("opens"):
        return calls.call(work, "POST", "/batches", body={})
    return _list(work)


def read_response(work: Work, answer: Response) -> Outcome:
    """Return what the list, the new batch or the putting in came to; mostly the step goes on with another call."""
    if answer.status >= calls.REFUSED:
        return _refused(work, answer)
    if work.data.get("batch") is not None:
        return Accepted(note=f"in batch {work.data['batch']}")
    if work.data.get("opens"):
        return _into(work, _number(answer))
    batch = mapping.open_batch(answer.json, work.data.get("closed"))
    return _into(work, batch) if batch else calls.continue_step("no batch is open", **{**work.data, "opens": True})


def build_lookup(work: Work) -> Request | None:
    """Return the call that lists open batches, if one was being opened; None for calls that are made again."""
    return _list(work) if work.data.get("opens") and work.data.get("batch") is None else None


def read_lookup(work: Work, answer: Response) -> Outcome | None:
    """Return how the step goes on with the batch that was opened; None when none was."""
    batch = mapping.open_batch(answer.json, work.data.get("closed"))
    return _into(work, batch) if batch else None


def _list(work: Work) -> Request:
    return calls.call(work, "GET", "/batches", query={"state": "pending", "limit": "1000"}, repeatable=True)


def _into(work: Work, batch: int) -> Outcome:
    return calls.continue_step(f"batch {batch}", **{**work.data, "batch": batch})


def _refused(work: Work, answer: Response) -> Outcome:
    """Return what follows from a refusal: the next batch is tried, as this one may have been closed; then a person."""
    words = redacted_reason(answer, work.sent, work.document)
    batch = work.data.get("batch")
    if batch is not None and work.data.get("closed") is None:
        return calls.continue_step(words, **{**work.data, "batch": None, "opens": None, "closed": batch})
    known = calls.unknown_account(answer.status) if batch is None else None
    return known or Rejected(reason=f"{words}; put shipment {calls.remote_id_of(work)} into a batch by hand", hold=True)


def _number(answer: Response) -> int:
    """Return the number of a new batch: the end of its address, as the body of the answer is not documented (§2)."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    last = headers.get("location", "").rstrip("/").rpartition("/")[2].removesuffix(".json")
    if not last.isascii() or not last.isdigit():
        raise PayloadRejected("chitchats batch: no number in its Location")
    return int(last)
