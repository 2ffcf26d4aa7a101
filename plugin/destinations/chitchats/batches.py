"""Putting bought shipments into an open batch (chitchats.md section 9); without one, one is opened.

One step makes these calls one after the other, and those of a connection wait for each other, so that a hundred
purchases do not open a hundred batches. What it found is in its data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.destinations import chitchats as mapping
from mappings.schemas.schema import PayloadRejected
from plugin.core.outcome import Accepted, Rejected, Skipped
from plugin.core.redaction import vendor_words
from plugin.core.step import Request
from plugin.destinations.chitchats import calls as parts

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.core.response import Answer
    from plugin.core.step import Work


def prepare(work: Work) -> Request | Outcome:
    """Look for an open batch, or open one, or put the shipment into it."""
    if not parts.is_live(work.booked):
        return Skipped("the shipment was taken back")
    batch = work.data.get("batch")
    if batch is not None:
        body = {"batch_id": batch, "shipment_ids": [parts.remote_id_of(work)]}
        return parts.call(work, "PATCH", "/shipments/add_to_batch", body=body, repeatable=True)
    if work.data.get("opens"):
        return parts.call(work, "POST", "/batches", body={})
    return _list(work)


def read(work: Work, answer: Answer) -> Outcome:
    """What the call came to."""
    if answer.status >= parts.REFUSED:
        return _refused(work, answer)
    if work.data.get("batch") is not None:
        return Accepted(note=f"in batch {work.data['batch']}")
    if work.data.get("opens"):
        return _into(work, _number(answer))
    batch = mapping.open_batch(answer.json, work.data.get("closed"))
    return _into(work, batch) if batch else parts.again("no batch is open", **{**work.data, "opens": True})


def find(work: Work) -> Request | None:
    """Whether the batch was opened after all; the other calls are simply made again."""
    return _list(work) if work.data.get("opens") and work.data.get("batch") is None else None


def found(work: Work, answer: Answer) -> Outcome | None:
    """None says that none was opened."""
    batch = mapping.open_batch(answer.json, work.data.get("closed"))
    return _into(work, batch) if batch else None


def _list(work: Work) -> Request:
    return parts.call(work, "GET", "/batches", query={"state": "pending", "limit": "1000"}, repeatable=True)


def _into(work: Work, batch: int) -> Outcome:
    return parts.again(f"batch {batch}", **{**work.data, "batch": batch})


def _refused(work: Work, answer: Answer) -> Outcome:
    """A batch may have been closed since it was found; the next one is tried, and after that a person."""
    prepared = prepare(work)
    words = vendor_words(answer, prepared if isinstance(prepared, Request) else None, work.document)
    batch = work.data.get("batch")
    if batch is not None and work.data.get("closed") is None:
        return parts.again(words, **{**work.data, "batch": None, "opens": None, "closed": batch})
    known = parts.no_account(answer.status) if batch is None else None
    return known or Rejected(reason=f"{words}; put shipment {parts.remote_id_of(work)} into a batch by hand", hold=True)


def _number(answer: Answer) -> int:
    """A batch's number is the end of its address; the body of the answer is not documented (section 2)."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    last = headers.get("location", "").rstrip("/").rpartition("/")[2].removesuffix(".json")
    if not last.isascii() or not last.isdigit():
        raise PayloadRejected("chitchats batch: no number in its Location")
    return int(last)
