"""The samples that ship with Crossdock: possible, bookable, each of its own, and signed as Shopify signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest

from mappings.canonical.orders import Order, Topic
from mappings.destinations import chitchats
from mappings.destinations.chitchats import enums
from plugin import sandbox, storefronts
from plugin.sandbox.shopify.samples import topics
from tests.support.folders import ROOT

SHOP = "demo.myshopify.com"
FOLDER = ROOT / "plugin" / "sandbox" / "shopify" / "templates"
ORDERS = [topic for topic in topics() if topic.startswith("orders/") and topic.partition(":")[2] != "cut_off"][:-1]
PACKAGE = enums.package({"size_x": "10", "size_y": "5", "size_z": "2", "ship_date": "today", "size_unit": "cm"}
                        | {"package_type": "parcel", "package_contents": "merchandise"})  # fmt: skip


def body(topic: str, number: int) -> dict[str, Any]:
    """Return the parsed body of a sample."""
    sample = sandbox.sample("shopify", topic, number, "s", SHOP)
    document: dict[str, Any] = json.loads(sample.body, parse_float=Decimal)
    return document


def order(topic: str, number: int) -> Order:
    """Return a sample as our mapping reads it."""
    found = storefronts.get("shopify").load(Topic.ORDER_CREATED, body(topic, number), SHOP)
    assert isinstance(found, Order)
    return found


@pytest.mark.parametrize("topic", ORDERS)
def test_the_figures_of_every_order_add_up(topic: str) -> None:
    """Goods less discounts are the subtotal; with shipping, tax and tip they are the total."""
    for number in range(60):
        raw, found = body(topic, number), order(topic, number)
        parts = (found.subtotal, found.shipping, found.tax, found.tip)
        assert found.total.amount == sum(part.amount for part in parts)
        assert Decimal(raw["total_line_items_price"]) - Decimal(raw["total_discounts"]) == Decimal(
            raw["subtotal_price"]
        )
        assert sum(line["grams"] * line["quantity"] for line in raw["line_items"]) == raw["total_weight"]
        assert found.updated_at >= found.placed_at


def test_two_hundred_plain_orders_are_bookable_and_distinct() -> None:
    """`send-sample shopify orders/create --count 200` makes 200 bookings."""
    found = [order("orders/create", number) for number in range(200)]
    assert len({one.ref for one in found}) == len({one.email for one in found}) == 200
    for one in found:
        assert chitchats.skip_reason(one) is None
        assert chitchats.body(one, PACKAGE, platform="shopify")["order_id"] == one.ref


def test_ids_do_not_fit_into_a_float() -> None:
    """Whoever passes them through one loses digits, as with real ids."""
    assert body("orders/create", 1)["id"] != int(float(body("orders/create", 1)["id"]))


def test_a_later_webhook_tells_of_the_same_order() -> None:
    """`orders/paid:us` of a number is the order that `orders/create:us` placed."""
    created, paid = body("orders/create:us", 7), body("orders/paid:us", 7)
    assert created["id"] == paid["id"]
    assert created["line_items"] == paid["line_items"]
    assert created["updated_at"] < paid["updated_at"]


@pytest.mark.parametrize("topic", topics())
def test_every_sample_is_signed_as_shopify_signs(topic: str) -> None:
    """base64(HMAC-SHA256(secret, body)); the same sample again is the same webhook."""
    first, again = (sandbox.sample("shopify", topic, 3, "secret", SHOP) for _ in range(2))
    digest = hmac.new(b"secret", first.body, hashlib.sha256).digest()
    assert first.headers["X-Shopify-Hmac-SHA256"] == base64.b64encode(digest).decode()
    assert first.headers["X-Shopify-Topic"] == topic.partition(":")[0]
    assert first.headers["X-Shopify-Webhook-Id"] == again.headers["X-Shopify-Webhook-Id"]


def test_an_unknown_sample_is_refused_with_the_list() -> None:
    """The message names what there is."""
    with pytest.raises(ValueError, match="orders/create:us"):
        body("orders/imagined", 1)


def test_what_surrounds_an_order_belongs_to_it() -> None:
    """The cart, checkout, parcel and refund of a number are those of the order of that number, with its money."""
    for number in range(12):
        placed = order("orders/create", number)
        cart, checkout = body("carts/update", number), body("checkouts/update", number)
        assert (cart["token"], checkout["token"]) == (placed.cart_ref, placed.checkout_ref)
        assert checkout["total_price"] == str(placed.total.amount)
        refund = body("refunds/create:full", number)
        assert (str(refund["order_id"]), refund["transactions"][0]["amount"]) == (placed.ref, str(placed.total.amount))
        parcel = body("fulfillments/create", number)
        assert body("fulfillment_events/create", number)["fulfillment_id"] == parcel["id"]


def test_every_template_is_explained() -> None:
    """SOURCE.md names each file of the folder."""
    source = (FOLDER / "SOURCE.md").read_text()
    assert all(f"`{path.name}`" in source for path in FOLDER.glob("*.json"))
