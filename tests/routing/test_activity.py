"""Carts, checkouts, refunds and parcels on the real line: each fact once, with what was kept about it."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sqlalchemy import select

from plugin.operations import replay
from plugin.sandbox import Fault
from plugin.storage.tables import links
from tests.destinations.chitchats.connected_shop import BUYING
from tests.support.running_line import events, hurry, owed, turn, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Backend
    from tests.support.shop import Shop


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite alone: nothing here depends on the kind of database."""
    return embedded


def post(shop: Shop, topic: str, name: str = "", **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Deliver a webhook and work it off."""
    assert shop.post(topic, sent(name or topic.replace("/", "_")) | changes).status_code == 200
    work_off(shop.services)


def names(shop: Shop) -> Counter[str]:
    """Return the names of the events that chrts counted."""
    return Counter(event["name"] for event in shop.tracked())


CARTS = ("carts_create", "carts_update", "carts_update__emptied")


@pytest.mark.parametrize("order", list(itertools.permutations(CARTS)), ids=" ".join)
def test_what_was_put_in_less_what_was_taken_out_is_what_the_cart_holds(shop: Shop, order: Sequence[str]) -> None:
    """In whatever order its versions come, each of them twice; the newest one is empty here."""
    for name in (*order, *order):
        post(shop, name.partition("__")[0].replace("_", "/"), name)
    pieces: Counter[str] = Counter()
    for event in shop.tracked():
        if event["name"] in ("Product Added", "Product Removed"):
            sign = 1 if event["name"] == "Product Added" else -1
            pieces[event["properties"]["variant_id"]] += sign * event["properties"]["quantity"]
    assert set(pieces.values()) <= {0}


def test_a_cart_that_comes_again_tells_nothing_again(shop: Shop) -> None:
    """Shopify repeats carts often; only other goods are news."""
    for _ in range(2):
        post(shop, "carts/create")
        post(shop, "carts/update")
    assert names(shop) == {"Product Added": 4, "Cart Updated": 1}
    post(shop, "carts/update", updated_at="2026-11-20T15:58:00.000Z")
    assert names(shop) == {"Product Added": 4, "Cart Updated": 1}


def test_a_coupon_is_applied_and_removed_once(shop: Shop) -> None:
    """By the difference of a checkout's versions; a late version changes nothing."""
    post(shop, "checkouts/create")
    post(shop, "checkouts/update")
    post(shop, "checkouts/update", updated_at="2026-11-20T10:05:00-06:00", discount_codes=[])
    post(shop, "checkouts/update")
    found = names(shop)
    assert (found["Coupon Applied"], found["Coupon Removed"], found["Checkout Started"]) == (1, 1, 1)
    assert found["Checkout Step Completed"] == 3


@pytest.mark.parametrize("first", ["order", "refund"])
def test_a_refund_counts_once_with_its_money_and_its_buyer(shop: Shop, first: str) -> None:
    """Its webhook names nobody: the order does, also if it comes later."""
    hooks = ["orders/create", "refunds/create"][:: 1 if first == "order" else -1]
    for topic in (*hooks, "refunds/create"):
        post(shop, topic)
    (refund,) = shop.tracked("Order Refunded")
    assert (refund["properties"]["refund_amount"], refund["properties"]["currency"]) == (18.65, "CAD")
    (person,) = shop.sandbox.emulators["chrts"].state()["people"]
    assert {"Order Completed", "Order Refunded"} <= set(person["events"])


def test_a_refund_that_paid_nothing_out_is_none(shop: Shop) -> None:
    """Money that is still pending is not counted."""
    post(shop, "orders/create")
    post(shop, "refunds/create", "refunds_create__pending")
    assert shop.tracked("Order Refunded") == []


def test_a_refund_without_any_currency_is_held(shop: Shop) -> None:
    """None is made up; once the order is known, replaying it counts it."""
    bare = {"id": 5, "order_id": sent("orders_create")["id"], "created_at": "2026-11-24T10:00:00Z"}
    paid = {"id": 6, "order_id": bare["order_id"], "kind": "refund", "status": "success", "amount": "5.00"}
    shop.post("refunds/create", bare | {"transactions": [paid]})
    work_off(shop.services)
    assert events(shop.services)[0]["state"] == "held"
    assert "currency" in (events(shop.services)[0]["reason"] or "")
    post(shop, "orders/create")
    replay.replay_events(shop.services.database, [events(shop.services)[0]["id"]])
    work_off(shop.services)
    assert [one["properties"]["refund_amount"] for one in shop.tracked("Order Refunded")] == [5]


def test_a_parcel_of_ours_is_told_of_when_it_gains_its_number(shop: Shop) -> None:
    """Once, though it is asked for again, and though the shop reports the fulfilment we then made."""
    shop.reconnect("chitchats", **BUYING)
    post(shop, "orders/create")
    (shipped,) = shop.tracked("Order Shipped")
    number = shop.booked()[0]["carrier_tracking_code"]
    assert shipped["properties"]["tracking_number"] == number
    assert shipped["properties"]["order_id"] == str(sent("orders_create")["id"])
    post(shop, "fulfillments/create", tracking_numbers=[number], tracking_number=number)
    assert len(shop.tracked("Order Shipped")) == 1
    assert len(shop.tracked("Fulfillment Created")) == 1


def test_a_parcel_of_ours_is_told_of_when_it_arrives(shop: Shop) -> None:
    """By the hourly look at parcels on their way."""
    shop.reconnect("chitchats", **BUYING)
    post(shop, "orders/create")
    (parcel,) = shop.sandbox.emulators["chitchats"].state()["shipments"]
    moved = f"{shop.sandbox.base_url}/_sandbox/chitchats/shipments/{parcel['id']}"
    assert requests.post(moved, json={"status": "delivered"}, timeout=5).status_code == 200
    hurry(shop.services, watched=True)
    for _ in range(3):
        turn(shop.services)
    work_off(shop.services)
    (arrived,) = shop.tracked("Order Delivered")
    assert arrived["properties"]["tracking_number"] == parcel["carrier_tracking_code"]


def test_news_of_a_parcel_can_be_mapped_again(shop: Shop) -> None:
    """What was refused is replayed from what the step itself keeps: no webhook brought it."""
    shop.reconnect("chitchats", **BUYING)
    fault = Fault("status", match="/event/track", status=400, times=None)
    shop.sandbox.emulators["chrts"].faults.add(fault)
    post(shop, "orders/create")
    shop.sandbox.emulators["chrts"].faults.clear()
    failed = [one["id"] for one in owed(shop.services, state="failed", destination="chrts")]
    assert len(failed) == 2
    replay.replay_deliveries(shop.services.database, failed)
    work_off(shop.services)
    assert names(shop) == {"Order Completed": 1, "Order Shipped": 1}


def test_a_delivery_is_told_once_whoever_tells_of_it(shop: Shop) -> None:
    """The carrier's scan before and after the fulfilment, each twice."""
    for topic in ("orders/create", "fulfillment_events/create", "fulfillments/create", "fulfillment_events/create"):
        post(shop, topic)
    post(shop, "fulfillment_events/create", "fulfillment_events_create__in_transit")
    assert (names(shop)["Order Delivered"], names(shop)["Order Shipped"]) == (1, 1)


def test_only_tests_are_left_out_if_the_operator_says_so(shop: Shop) -> None:
    """`test_orders=no` sends nothing of them, nor of what follows from them."""
    shop.reconnect("chrts", test_orders="no")
    post(shop, "orders/create", test=True)
    post(shop, "refunds/create")
    assert shop.sandbox.emulators["chrts"].requests() == []
    post(shop, "orders/create", id=7)
    assert names(shop) == {"Order Completed": 1}


def test_only_people_who_agreed_are_told_of_if_the_operator_says_so(shop: Shop) -> None:
    """`consent=required`: what a customer said last counts more than a box ticked once; a cart says nothing."""
    shop.reconnect("chrts", consent="required")
    post(shop, "carts/create")
    post(shop, "orders/create", buyer_accepts_marketing=False)
    assert shop.sandbox.emulators["chrts"].requests() == []
    post(shop, "customers_email_marketing_consent/update")
    post(shop, "orders/paid", buyer_accepts_marketing=False)
    assert names(shop) == {"Order Completed": 1, "Order Paid": 1}
    gone = {"state": "unsubscribed", "consent_updated_at": "2026-11-27T08:00:00-06:00"}
    post(shop, "customers_email_marketing_consent/update", email_marketing_consent=gone)
    post(shop, "refunds/create")
    assert names(shop) == {"Order Completed": 1, "Order Paid": 1}


def test_a_sale_may_wait_for_its_payment(shop: Shop) -> None:
    """`sale=paid`: Order Completed comes with orders/paid, once."""
    shop.reconnect("chrts", sale="paid")
    post(shop, "orders/create")
    post(shop, "orders/updated")
    assert shop.tracked("Order Completed") == []
    for _ in range(2):
        post(shop, "orders/paid")
    assert len(shop.tracked("Order Completed")) == 1


def test_nothing_is_remembered_where_nobody_is_told(shop: Shop) -> None:
    """A store that only books keeps no links."""
    other = shop.services.stores.add("shopify", "books.myshopify.com", {"secret": "s2"}, None)
    shop.post("orders/create", sent("orders_create"), secret="s2", address="books.myshopify.com")
    work_off(shop.services)
    with shop.services.database.read() as db:
        assert db.execute(select(links).where(links.c.store_id == other.id)).all() == []
