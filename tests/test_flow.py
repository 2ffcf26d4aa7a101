"""The straight line, end to end in one process: webhooks in, bookings and calls out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.shop import Shop, sent

if TYPE_CHECKING:
    from collections.abc import Callable


def test_an_order_is_booked_and_tracked(shop: Shop, drain: Callable[[], None]) -> None:
    """One order: one draft with its number, one identify, one Order Completed."""
    order = sent("orders_create")
    assert shop.post("orders/create", order).status_code == 200
    drain()
    assert [item["order_id"] for item in shop.booked()] == [str(order["id"])]
    assert [event["properties"]["order_id"] for event in shop.tracked("Order Completed")] == [str(order["id"])]
