"""What becomes of an invented order, told by later webhooks: updated, paid, sent, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from plugin.sandbox.shopify import amounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document = dict[str, Any]
# Orders were placed a while before this program started, so that what became of them since can be told in order.
_PLACED = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


def moment(minutes: int) -> str:
    """So many minutes after the order was placed, before it where they are negative."""
    return (_PLACED + timedelta(minutes=minutes)).isoformat()


def emptied(order: Document) -> None:
    """Nothing of it is left to ship or to pay; the figures as placed stay."""
    for line in order["line_items"]:
        line |= {"current_quantity": 0, "fulfillable_quantity": 0}
    zero = amounts.NOTHING
    for name in [name for name in order if name.startswith("current_")]:
        if isinstance(order[name], str):
            order[name] = f"{zero:.2f}"
        elif order[name]:
            order[name] = {side: money | {"amount": f"{zero:.2f}"} for side, money in order[name].items()}


def _unchanged(order: Document) -> None:
    del order


def _updated(order: Document) -> None:
    order |= {"note": "Please ring twice.", "updated_at": moment(2)}


def _paid(order: Document) -> None:
    order |= {"financial_status": "paid", "total_outstanding": "0.00", "updated_at": moment(3)}


def _partly_fulfilled(order: Document) -> None:
    order |= {"fulfillment_status": "partial", "updated_at": moment(4)}
    _fulfil(order["line_items"][0])


def _fulfilled(order: Document) -> None:
    order |= {"fulfillment_status": "fulfilled", "updated_at": moment(5)}
    for line in order["line_items"]:
        _fulfil(line)


def _fulfil(line: Document) -> None:
    line |= {"fulfillment_status": "fulfilled", "fulfillable_quantity": 0}


def _cancelled(order: Document) -> None:
    order |= {"cancelled_at": moment(4), "cancel_reason": "customer", "updated_at": moment(4)}
    order |= {"financial_status": "voided", "total_outstanding": "0.00"}
    emptied(order)


LATER: Mapping[str, Callable[[Document], None]] = {
    "orders/create": _unchanged,
    "orders/updated": _updated,
    "orders/paid": _paid,
    "orders/cancelled": _cancelled,
    "orders/partially_fulfilled": _partly_fulfilled,
    "orders/fulfilled": _fulfilled,
}
