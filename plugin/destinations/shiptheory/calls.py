"""What every step at Shiptheory is made of: the call, the order, its reference, and whose a shipment is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from mappings.canonical.orders import Order
from mappings.destinations.shiptheory import reference as references
from mappings.destinations.shiptheory import response
from mappings.schemas.schema import MappingError, PayloadRejected
from mappings.shipping import parcels
from plugin.core.delivery import Priority
from plugin.core.redaction import redacted_reason
from plugin.core.step import Request, Step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from mappings.canonical.receipt import Receipt
    from plugin.core.response import Response
    from plugin.core.step import Booked, Work


# Ours. An answer said that the reference was used before, and by what has not been seen yet.
REPEATED = "repeated"
# Ours, for a shipment that is at Shiptheory no more.
GONE = "gone"
_PRINT = 16
_NOTHING_BOOKED = response.DEAD_STATUSES | {GONE}


def order_of(work: Work) -> Order:
    """Return the order of a step."""
    if not isinstance(work.document, Order):
        raise PayloadRejected("the event holds no order")
    return work.document


def call(
    values: Mapping[str, str],
    method: str,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, str] | None = None,
    repeatable: bool = False,
) -> Request:
    """One call. A token that logging in gives is put in as it is sent; a permanent one is in here."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if values.get("partner_tag"):
        headers["Shiptheory-Partner-Tag"] = values["partner_tag"]
    if values.get("token"):
        headers |= bearer(values["token"])
    return Request(
        method=method, path=f"/v1{path}", headers=headers, body=body, query=query or {}, repeatable=repeatable
    )


def bearer(token: str) -> dict[str, str]:
    """Return the header that both kinds of tokens go into."""
    return {"Authorization": f"Bearer {token}"}


def view(work: Work, reference: str) -> Request:
    """Return the call that views one shipment: its status, its history and its label."""
    return call(work.settings, "GET", f"/shipments/{reference}", repeatable=True)


def prefix_of(work: Work) -> str:
    """Return what the settings put before order numbers now."""
    return work.settings.get("reference_prefix", "")


def reference_of(work: Work) -> str:
    """Return the reference to book under: always the same, until a booking under it came to nothing."""
    first = references.base(order_of(work), prefix_of(work))
    if work.booked is None:
        return first
    following = references.following(first, work.booked.remote_id)
    # A reference that answered with nothing is ours as long as nobody has seen what is under it.
    return following if is_dead(work.booked) or following == first else work.booked.remote_id


def is_dead(booked: Booked) -> bool:
    """Return whether a shipment came to nothing, so that the order may be booked again."""
    return booked.status in _NOTHING_BOOKED


def is_live(booked: Booked | None) -> bool:
    """Return whether the order has a shipment that is booked, or may be without anything we do."""
    return booked is not None and booked.status not in {*_NOTHING_BOOKED, REPEATED}


def remote_id_of(work: Work) -> str:
    """Return the reference of the shipment that a step is about."""
    known = work.data.get("remote_id") or (work.booked.remote_id if work.booked else None)
    if known is None:
        raise MappingError("no shipment is known for this step")
    return str(known)


def is_ours(work: Work, found: response.Shown) -> bool:
    """Return whether a shipment is this very order's: by our own references, and owned by nobody else."""
    same = found.order_ref == order_of(work).ref and found.store in (None, work.store.address)
    return same and found.receipt.remote_id not in work.taken


def content_of(order: Order) -> str:
    """Fingerprints of what is booked and of where it goes."""
    return f"{parcels.content(order)[:_PRINT]}.{place_of(order)}"


def change_reason(order: Order, booked: str) -> str | None:
    """Return what differs between an order and what was booked of it; None for nothing, and for a cancelled order."""
    if order.cancelled_at or booked == content_of(order):
        return None
    if parcels.is_called_off(order):
        # What is on its way by now can't be called back, and what came back is why it was refunded.
        return None if order.fulfillment_status else "the order was refunded or left without goods"
    if booked.partition(".")[2] != place_of(order):
        return "the order's address changed"
    return "the order's lines changed" if parcels.skip_reason(order) is None else None


def place_of(order: Order) -> str:
    """Return a fingerprint of where an order goes."""
    address = asdict(order.shipping_address) if order.shipping_address else None
    return hashlib.sha256(json.dumps([address, order.phone], sort_keys=True).encode()).hexdigest()[:_PRINT]


def of_version(work: Work, receipt: Receipt) -> Receipt:
    """Return a receipt that holds what was booked, and of which version of the order."""
    order = order_of(work)
    return replace(receipt, content=content_of(order), as_of=order.updated_at)


def follow_up(receipt: Receipt, action: str, delay: timedelta) -> tuple[Step, ...]:
    """Return the step that views a shipment after its booking; nothing about the order waits for it."""
    step = Step(
        action=action,
        key=f"{action}:{receipt.remote_id}",
        subject=f"shipment:{receipt.remote_id}",
        priority=Priority.WATCH if action == "watch" else Priority.LIVE,
        delay=delay,
        data={"remote_id": receipt.remote_id},
    )
    return (step,)


def refusal_words(work: Work, answer: Response) -> str:
    """Return what the vendor gives as its reason, without anything personal that it repeats."""
    return redacted_reason(answer, work.sent, work.document, said=response.refusal(answer.json))
