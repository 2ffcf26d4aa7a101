"""What every step of a Chit Chats shipment is made of: the call, the order, the shipment, and what comes next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mappings.canonical.orders import Order
from mappings.canonical.receipt import Receipt
from mappings.destinations import chitchats as mapping
from mappings.schemas.schema import MappingError, PayloadRejected
from plugin.core.delivery import Priority
from plugin.core.outcome import Accepted, Deferred, Outcome
from plugin.core.step import Request, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from plugin.core.step import Booked, Work

NO_CONTENT, CREATED, REFUSED, NOT_FOUND = 204, 201, 400, 404
# Parcels are looked at hourly: international numbers move only at hand-off.
WATCH = timedelta(hours=1)
# A purchase normally takes less than 3 seconds (the vendor's own sample polls twice a second).
POLL = timedelta(seconds=1)
BUYING = timedelta(hours=1)
NOW = timedelta()
# Ours: a shipment that we took back, and one that we were not let take back, so that it has to be looked at.
DELETED = "deleted"
UNSURE = "unsure"
UNPAID = mapping.DRAFT_STATUSES | mapping.FAILED_STATUSES


def order_of(work: Work) -> Order:
    """Return the order that a step is about."""
    if not isinstance(work.document, Order):
        raise PayloadRejected("the event holds no order")
    return work.document


def why_not_to_buy(document: Document | None) -> str | None:
    """Return the reason why postage must never be bought for an order; None when it may be bought."""
    if not isinstance(document, Order):
        return None
    if document.impossible_sample:
        return "the documentation's sample: no postage is ever bought for it"
    return "its payment was voided: no postage is bought for it" if document.payment_status == "voided" else None


def remote_id_of(work: Work) -> str:
    """Return the shipment that a step is about."""
    known = work.data.get("remote_id") or (work.booked.remote_id if work.booked else None)
    if known is None:
        raise MappingError("no shipment is known for this step")
    return str(known)


def is_live(booked: Booked | None) -> bool:
    """Return whether a parcel may still come of it."""
    return booked is not None and booked.status not in {*mapping.DEAD_STATUSES, DELETED}


def live_shipments(work: Work) -> list[Booked]:
    """Return the shipments of the order of which a parcel may still come."""
    return [one for one in work.shipments if is_live(one)]


def follow_up(work: Work, remote_id: str, action: str, **more: Any) -> Step:  # noqa: ANN401  (fields of a step)
    """Return a step about one shipment; it waits for whatever else is owed about the same order."""
    known: dict[str, Any] = {"key": f"{action}:{remote_id}", "subject": f"order:{order_of(work).ref}"}
    data = {"remote_id": remote_id} | dict(more.pop("data", {}))
    return Step(**({"action": action} | known | more), data=data)


def step_for_all_shipments(action: str, delay: timedelta, priority: Priority = Priority.LIVE) -> Step:
    """Return the step of this kind that reads all shipments of the connection; it is taken up again after it ended."""
    data = {"account": True, "page": 1}
    return Step(action=action, key=action, subject=action, newest=True, priority=priority, delay=delay, data=data)


def continue_step(
    reason: str, *receipts: Receipt, after: timedelta = NOW, patience: timedelta | None = None, **data: object
) -> Deferred:
    """Return that the same step goes on with another call; `data` replaces its data, if any is given."""
    receipt = receipts[0] if receipts else None
    return Deferred.pending(reason, after, patience, receipt=receipt, data=data or None)


def unknown_account(answer_status: int) -> Outcome | None:
    """Return what a 404 to a list or a creation means: there is no such account, so every other call would fail too.

    For a single shipment 404 may as well mean that it is gone (docs/vendors/chitchats.md §1).
    """
    if answer_status != NOT_FOUND:
        return None
    return Deferred.unauthorized("404: Chit Chats knows no account with this client_id; check it")


def deleted_receipt(remote_id: str) -> Receipt:
    """Return the receipt of a shipment that was deleted at the vendor."""
    return Receipt(remote_id=remote_id, status=DELETED, watched=False)


def accepted(receipt: Receipt, note: str | None = None, *steps: Step) -> Accepted:
    """Return that the step is done, with what was learned of the shipment and the steps that follow."""
    return Accepted(receipt=receipt, note=note, then=steps)


def path_of(remote_id: str) -> str:
    """Return a shipment's path: ids are upper case in answers and lower case in addresses (§5)."""
    return f"/shipments/{remote_id.lower()}"


def call(
    work: Work,
    method: str,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
    repeatable: bool = False,
) -> Request:
    """Return a call of the account's API."""
    return request(work.settings, method, path, body=body, query=query, repeatable=repeatable)


def request(
    values: Mapping[str, str],
    method: str,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
    repeatable: bool = False,
) -> Request:
    """Return a call of the account that these settings name."""
    return Request(
        method=method,
        path=f"/api/v1/clients/{values['client_id']}{path}",
        # The raw token: the vendor wants no `Bearer` before it.
        headers={"Authorization": values["token"]},
        query=query or {},
        body=body,
        repeatable=repeatable,
    )
