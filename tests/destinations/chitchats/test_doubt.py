"""Chit Chats after a lost answer: exactly our shipment is found, and nothing is booked on a guess."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from plugin.storage import queries
from tests.destinations.chitchats.connected_shop import ORDER, ROOT, asked, fault, foreign, order, replay
from tests.support.running_line import only, work_off
from tests.support.shop import PACKAGE, connect, headers, sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


FOREIGN: dict[str, dict[str, str]] = {
    "a longer number": {"order_id": ORDER + "0", "order_store": "shopify"},
    "a number that ends in ours": {"order_id": "1" + ORDER, "order_store": "shopify"},
    "our number from another store": {"order_id": ORDER, "order_store": "etsy"},
    "a buyer named like our number": {"name": ORDER, "order_id": "7"},
}


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(("kind", "creations"), [("reset_before", 2), ("reset_after", 1)])
def test_a_lost_booking_is_found_by_its_exact_order(
    shop: Shop, kind: str, creations: int, changes: dict[str, str]
) -> None:
    """The vendor's search finds too much; what is not exactly ours is nobody's substitute for our booking."""
    other = foreign(shop, **changes)
    fault(shop, kind, f"POST {ROOT}")
    order(shop)
    work_off(shop.services)
    (known,) = queries.list_shipments(shop.services.database)
    ours = [item["id"] for item in shop.booked() if item["id"] != other]
    assert ours == [known["remote_id"]]
    assert asked(shop, f"POST {ROOT}") == 1 + creations


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_equal_numbers_of_two_shops_in_one_account_are_two_bookings(shop: Shop, kind: str) -> None:
    """The booking of our own other shop is not mistaken for the lost one."""
    order(shop)
    work_off(shop.services)
    other = shop.services.stores.add("shopify", "other.myshopify.com", {"secret": "s2"}, None)
    connect(shop.services, other, "chitchats", shop.sandbox.base_url, client_id="1", token="t", **PACKAGE)
    fault(shop, kind, f"POST {ROOT}")
    raw = json.dumps(sent("orders_create")).encode()
    named = headers(raw, "orders/create", "w", secret="s2", address="other.myshopify.com")
    assert shop.app.test_client().post("/webhooks/shopify", data=raw, headers=named).status_code == 200
    work_off(shop.services)
    known = {item["store"]: item["remote_id"] for item in queries.list_shipments(shop.services.database)}
    assert set(known) == {shop.store.id, other.id}
    assert sorted(known.values()) == sorted(item["id"] for item in shop.booked())


def test_a_booking_in_doubt_stays_in_doubt_over_replays(shop: Shop) -> None:
    """While the vendor's search is out of order a person may replay twice: still nothing is booked on a guess."""
    fault(shop, "reset_after", f"POST {ROOT}")
    fault(shop, "status", f"GET {ROOT}", status=302, times=2)
    order(shop)
    work_off(shop.services)
    for _ in range(3):
        replay(shop)
    assert (len(shop.booked()), asked(shop, f"POST {ROOT}")) == (1, 1)


def test_a_booking_in_doubt_stays_in_doubt_over_a_newer_version(shop: Shop) -> None:
    """An update of the order reopens what failed, and looks before it books."""
    fault(shop, "reset_after", f"POST {ROOT}")
    fault(shop, "status", f"GET {ROOT}", status=302)
    order(shop)
    work_off(shop.services)
    order(shop, "orders/updated", line_items=sent("orders_create")["line_items"], fulfillment_status=None)
    work_off(shop.services)
    assert (len(shop.booked()), asked(shop, f"POST {ROOT}")) == (1, 1)


@pytest.mark.parametrize("status", [401, 503, 429])
def test_a_look_up_that_fails_is_looked_up_again(shop: Shop, status: int) -> None:
    """Not to know is not "it did not arrive"; and looking spends none of the tries."""
    fault(shop, "reset_after", f"POST {ROOT}")
    fault(shop, "status", f"GET {ROOT}", status=status, retry_after=1)
    order(shop)
    work_off(shop.services)
    shop.reconnect("chitchats")
    work_off(shop.services)
    assert (len(shop.booked()), asked(shop, f"POST {ROOT}")) == (1, 1)
    assert only(shop.services, action="book")["attempts"] == 1
