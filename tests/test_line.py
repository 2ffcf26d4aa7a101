"""The straight line, end to end in one process: webhooks in, bookings and calls out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.shop import Shop, sent

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_order_is_booked_and_tracked(shop: Shop, drain: Callable[[], None]) -> None:
    """One order: one draft with its number, one identify, one Order Completed."""
    order = sent("orders_create")
    assert shop.post("orders/create", order).status_code == 200
    drain()
    assert [item["order_id"] for item in shop.booked()] == [str(order["id"])]
    assert [event["properties"]["order_id"] for event in shop.tracked("Order Completed")] == [str(order["id"])]


def test_a_cancellation_may_come_first(shop: Shop, drain: Callable[[], None]) -> None:
    """An order cancelled before anything was heard of it is never booked, even when its creation comes late."""
    cancelled = sent("orders_cancelled")
    created = sent("orders_create") | {
        "id": cancelled["id"],
        "cancelled_at": None,
        "updated_at": "2026-11-01T00:00:00Z",
    }
    shop.post("orders/cancelled", cancelled)
    drain()
    shop.post("orders/create", created)
    drain()
    assert shop.booked() == []
    assert len(shop.tracked("Order Cancelled")) == 1
    assert len(shop.tracked("Order Completed")) == 1
