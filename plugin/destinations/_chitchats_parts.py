"""What every step of a Chit Chats shipment is made of: the call, the order, the shipment, and what comes next."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.base import MappingError, PayloadRejected
from mappings.canonical import Order
from mappings.destinations import chitchats as mapping
from plugin.model import Priority, Request, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical import Receipt
    from plugin.model import Booked, Work

# Parcels are looked at hourly: international numbers move only at hand-off.
WATCH = timedelta(hours=1)
# Ours, for a draft that we deleted: the vendor knows it no more.
DELETED = "deleted"


def then(work: Work, receipt: Receipt, action: str, delay: timedelta = timedelta()) -> tuple[Step, ...]:
    watch = action == "track"
    step = Step(
        action=action,
        key=f"{action}:{receipt.remote_id}",
        subject=f"shipment:{receipt.remote_id}" if watch else _subject(work),
        priority=Priority.WATCH if watch else Priority.LIVE,
        delay=WATCH if watch else delay,
        data={"remote_id": receipt.remote_id},
    )
    return (step,)


def _subject(work: Work) -> str:
    return f"order:{order_of(work).ref}"


def order_of(work: Work) -> Order:
    if not isinstance(work.document, Order):
        raise PayloadRejected("the event holds no order")
    return work.document


def remote_id_of(work: Work) -> str:
    known = work.data.get("remote_id") or (work.booked.remote_id if work.booked else None)
    if known is None:
        raise MappingError("no shipment is known for this step")
    return str(known)


def is_live(booked: Booked | None) -> bool:
    return booked is not None and booked.status not in {*mapping.DEAD_STATUSES, DELETED}


def call(
    work: Work,
    method: str,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
    repeatable: bool = False,
) -> Request:
    return Request(
        method=method,
        path=f"/api/v1/clients/{work.settings['client_id']}{path}",
        # The raw token: the vendor wants no `Bearer` before it.
        headers={"Authorization": work.settings["token"]},
        query=query or {},
        body=body,
        repeatable=repeatable,
    )
