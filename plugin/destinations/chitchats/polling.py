"""Looking at many shipments at once: pages of the list instead of a call for each (docs/vendors/chitchats.md §3).

There is one such step of each kind for a connection: `poll` for purchases that are under way, each second, and `track`
for parcels on their way, each hour. It ends when nothing is left to look at, and the next purchase takes it up again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.destinations import chitchats as mapping
from plugin.core.outcome import Deferred, Rejected, Skipped
from plugin.core.redaction import redacted_reason
from plugin.destinations.chitchats import calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mappings.canonical.receipt import Receipt
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Booked, Request, Work

# The largest page that the vendor makes.
PAGE = 1000
# What is not bought by then is looked at hourly, together with what is on its way.
_LONGEST_PURCHASE = timedelta(days=1)
_LONGEST_POLL = timedelta(minutes=1)
_RESTING = mapping.DEAD_STATUSES | {"delivered", "exception", "archived"}


def build_request(work: Work) -> Request | Outcome:
    """Return the next page, as long as anything is to be looked at."""
    if not _wanted(work):
        return Skipped("no purchase is under way" if work.action == "poll" else "no parcel is on its way")
    query = {"limit": str(PAGE), "page": str(work.data.get("page", 1))}
    return calls.call(work, "GET", "/shipments", query=query, repeatable=True)


def read_response(work: Work, answer: Response) -> Outcome:
    """Return what the page says of our shipments; the newest come first, so pages end where all of them were seen."""
    if answer.status >= calls.REFUSED:
        reason = redacted_reason(answer, None, None)
        return calls.unknown_account(answer.status) or Rejected(reason=reason)
    entries = mapping.listed(answer.json)
    wanted = {one.remote_id: one for one in _wanted(work)}
    listed = [one.receipt for one in entries if one.receipt.remote_id in wanted]
    receipts = tuple(_learned(receipt) for receipt in listed if _tells(receipt))
    left = int(work.data.get("left", len(wanted))) - len(listed)
    if len(entries) >= PAGE and left > 0:
        data = {"account": True, "page": int(work.data.get("page", 1)) + 1, "left": left}
        return _on("the next page", timedelta(), receipts, data)
    pause = calls.WATCH if work.action == "track" else _pause(wanted.values())
    return _on(f"{len(wanted)} looked at", pause, receipts, {"account": True, "page": 1})


def _on(reason: str, after: timedelta, receipts: tuple[Receipt, ...], data: Mapping[str, object]) -> Deferred:
    return Deferred.pending(reason, after, receipts=receipts, data=data)


def _wanted(work: Work) -> list[Booked]:
    return [one for one in work.shipments if _is_young(one) is (work.action == "poll")]


def _is_young(booked: Booked) -> bool:
    return booked.status in mapping.REQUESTED_STATUSES and booked.age < _LONGEST_PURCHASE


def _tells(receipt: Receipt) -> bool:
    """Return whether a list says something new: one that lags behind still calls a paid shipment unpaid."""
    return receipt.status not in mapping.DRAFT_STATUSES | mapping.REQUESTED_STATUSES


def _learned(receipt: Receipt) -> Receipt:
    return replace(receipt, watched=receipt.status not in _RESTING)


def _pause(wanted: Iterable[Booked]) -> timedelta:
    """Rarer the longer the youngest purchase takes."""
    return min(max(calls.POLL, min(one.age for one in wanted) / 10), _LONGEST_POLL)
