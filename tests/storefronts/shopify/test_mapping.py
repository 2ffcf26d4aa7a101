"""Shopify's bodies become canonical values, or are refused by the name of a field."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Order, ShopNotice, Topic
from mappings.schemas.json import parse
from mappings.schemas.schema import PayloadRejected
from mappings.storefronts.shopify import load
from plugin.storefronts.shopify import topics as shopify_topics
from tests.support.folders import TESTS
from tests.support.golden import cases

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = TESTS / "storefronts" / "shopify"
SENT = cases(FOLDER / "sent")
SHOP = "crossdock-demo.myshopify.com"

TOPICS = {
    "orders_create": Topic.ORDER_CREATED,
    "orders_updated": Topic.ORDER_UPDATED,
    "orders_paid": Topic.ORDER_PAID,
    "orders_cancelled": Topic.ORDER_CANCELLED,
    "orders_fulfilled": Topic.ORDER_FULFILLED,
    "orders_partially_fulfilled": Topic.ORDER_PARTLY_FULFILLED,
    "refunds_create": Topic.REFUND_CREATED,
    "order_transactions_create": Topic.PAYMENT_CREATED,
    "fulfillments_create": Topic.FULFILMENT_CREATED,
    "fulfillments_update": Topic.FULFILMENT_UPDATED,
    "fulfillment_events_create": Topic.PARCEL_SCANNED,
    "carts_create": Topic.CART_CREATED,
    "carts_update": Topic.CART_UPDATED,
    "checkouts_create": Topic.CHECKOUT_CREATED,
    "checkouts_update": Topic.CHECKOUT_UPDATED,
    "checkouts_delete": Topic.CHECKOUT_DELETED,
    "customers_enable": Topic.CUSTOMER_UPDATED,
    "customers_disable": Topic.CUSTOMER_UPDATED,
    "customers_delete": Topic.CUSTOMER_DELETED,
    "customers_merge": Topic.CUSTOMER_MERGED,
    "customers_email_marketing_consent_update": Topic.CONSENT_UPDATED,
    "customers_marketing_consent_update": Topic.CONSENT_UPDATED,
    "customers_create": Topic.CUSTOMER_CREATED,
    "customers_update": Topic.CUSTOMER_UPDATED,
    "app_uninstalled": Topic.APP_UNINSTALLED,
    "customers_data_request": Topic.CUSTOMER_DATA_REQUESTED,
    "customers_redact": Topic.CUSTOMER_REDACTED,
    "shop_redact": Topic.SHOP_REDACTED,
}


def topic_of(path: Path) -> Topic:
    """Return the topic that a sample's name stands for."""
    return TOPICS[path.stem.partition("__")[0]]


def sent(name: str) -> Any:
    """Read a sample."""
    return parse((FOLDER / "sent" / f"{name}.json").read_bytes())


def order(**changes: object) -> Order:
    """Load the web order, its body changed."""
    document = load(Topic.ORDER_CREATED, sent("orders_create") | changes, SHOP)
    assert isinstance(document, Order)
    return document


def line_of(**changes: object) -> Any:
    """Load the order with its first line changed."""
    lines = sent("orders_create")["line_items"]
    return order(line_items=[lines[0] | changes]).lines[0]


@pytest.mark.parametrize("path", [path for path in SENT if path.stem.startswith("orders")], ids=lambda path: path.stem)
def test_samples_are_possible(path: Path) -> None:
    """The amounts of every sample add up, by Shopify's own figures and by ours."""
    raw = parse(path.read_bytes())
    found = load(topic_of(path), raw, SHOP)
    assert isinstance(found, Order)
    parts = (found.subtotal, found.shipping, found.tax, found.tip, found.duties, found.fees, found.rounding)
    assert found.total.amount == sum(part.amount for part in parts)
    assert Decimal(raw["total_line_items_price"]) - found.discount.amount == Decimal(raw["subtotal_price"])
    assert sum(line.discount.amount for line in found.lines) == found.discount.amount
    assert found.updated_at >= found.placed_at


def test_every_handled_topic_becomes_the_one_of_ours_that_means_the_same() -> None:
    """Shopify tells of everything that a shop can; only what we book ourselves comes from none."""
    handled = {name: topic for name, topic in shopify_topics.TOPICS.items() if isinstance(topic, Topic)}
    assert {name.replace("/", "_"): topic for name, topic in handled.items()} == TOPICS
    assert set(TOPICS.values()) == set(Topic) - {Topic.PARCEL_BOOKED}


@pytest.mark.parametrize("key", ["id", "currency", "created_at", "total_price", "line_items"])
@pytest.mark.parametrize("value", [None, {}, "", True], ids=repr)
def test_what_an_order_cannot_be_without_is_refused_by_name(key: str, value: object) -> None:
    """A missing or misshapen required field is named, and the document with it."""
    with pytest.raises(PayloadRejected, match=rf"^shopify order: (.*; )?{key}: "):
        order(**{key: value})


def test_a_refusal_names_the_line_and_the_field() -> None:
    """The path to the field is in the message, the value is not."""
    lines = sent("orders_create")["line_items"]
    with pytest.raises(
        PayloadRejected, match=r"^shopify order: line_items\.0\.quantity: not a whole number of pieces$"
    ):
        order(line_items=[lines[0] | {"quantity": "secret"}])


def test_a_redacted_order_loads() -> None:
    """Without approval for personal data keys are missing, not null (docs/vendors/shopify.md §2)."""
    document = sent("orders_create")
    kept = {"country", "country_code", "province", "province_code"}
    for key in ("email", "phone", "contact_email", "browser_ip", "client_details", "note"):
        del document[key]
    for key in ("shipping_address", "billing_address"):
        document[key] = {name: value for name, value in document[key].items() if name in kept}
    document["customer"] = {"id": document["customer"]["id"], "default_address": {"country_code": "CA"}}
    found = load(Topic.ORDER_CREATED, document, SHOP)
    assert isinstance(found, Order)
    assert found.email is None
    assert found.shipping_address is not None
    assert (found.shipping_address.country_code, found.shipping_address.address1) == ("CA", None)


def test_only_the_required_fields_make_an_order() -> None:
    """Everything else may be absent; amounts that were not said are worked out of the lines."""
    lines = [{"id": 1, "title": "Mug", "quantity": 3, "price": "4.00", "requires_shipping": True}]
    bare = {"id": 7, "currency": "cad", "created_at": "2026-11-20T10:00:00-06:00", "total_price": "12.00"}
    found = load(Topic.ORDER_CREATED, bare | {"line_items": lines}, SHOP)
    assert isinstance(found, Order)
    assert (found.ref, found.number, found.currency) == ("7", "7", "CAD")
    assert found.updated_at == found.placed_at == found.created_at
    assert (found.subtotal.amount, found.shipping.amount) == (Decimal(12), Decimal(0))
    assert (found.customer, found.lines[0].unit_weight_g, found.test) == (None, None, False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fulfillable_quantity": 1}, 1),
        ({"fulfillable_quantity": None, "current_quantity": 1}, 1),
        ({"fulfillable_quantity": None, "current_quantity": None}, 2),
        ({"fulfillable_quantity": 0, "current_quantity": 2}, 0),
        ({"fulfillment_status": "fulfilled"}, 0),
        ({"fulfillment_status": "partial", "fulfillable_quantity": 1}, 1),
    ],
)
def test_what_still_ships(changes: dict[str, object], expected: int) -> None:
    """The most current of Shopify's three quantities counts, and nothing of a fulfilled line."""
    assert line_of(**changes).quantity_to_ship == expected


@pytest.mark.parametrize("grams", [None, 0, 250])
def test_grams_may_be_unknown(grams: int | None) -> None:
    """An unknown weight stays unknown; zero stays zero."""
    assert line_of(grams=grams).unit_weight_g == grams


def test_a_line_takes_its_name_from_either_key() -> None:
    """A title is preferred; with neither, the title is what is missed."""
    assert line_of(title="", name="Mug - blue").name == "Mug - blue"
    with pytest.raises(PayloadRejected, match=r"line_items\.0\.title: Missing"):
        line_of(title=None, name=" ")


def test_line_discount_falls_back_to_the_older_key() -> None:
    """Bodies without allocations still tell the discount of the line."""
    assert line_of(discount_allocations=[], total_discount="1.50").discount.amount == Decimal("1.50")


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0], "WELCOME10"),
        ([0, 0, 2], "WELCOME10, MUGS"),
        ([1], None),
        ([], None),
        ([7, -1, None, True, "0"], None),
    ],
    ids=repr,
)
def test_a_line_names_the_codes_that_made_it_cheaper(places: list[object], expected: str | None) -> None:
    """By their place among the order's discounts, of which automatic ones have no code."""
    discounts = [{"code": "WELCOME10"}, {"type": "automatic", "title": "Autumn"}, {"code": "MUGS"}]
    line = sent("orders_create")["line_items"][0]
    allocations = [{"amount": "1.00", "discount_application_index": place} for place in places]
    found = order(discount_applications=discounts, line_items=[line | {"discount_allocations": allocations}])
    assert found.lines[0].coupon == expected
    assert order(discount_applications=None).lines[0].coupon is None


def test_a_country_may_stand_in_the_name_alone() -> None:
    """A code in `country` is taken where `country_code` is absent; a malformed code is refused by name."""
    address = sent("orders_create")["shipping_address"]
    found = order(shipping_address=address | {"country_code": "", "country": "us"}).shipping_address
    assert found is not None
    assert found.country_code == "US"
    unknown = order(shipping_address=address | {"country_code": None, "country": "Canada"}).shipping_address
    assert unknown is not None
    assert unknown.country_code is None
    with pytest.raises(PayloadRejected, match=r"shipping_address\.country_code: not a two-letter"):
        order(shipping_address=address | {"country_code": "Canada"})


@pytest.mark.parametrize(
    ("changes", "number"),
    [({}, "#1042"), ({"name": None}, "1042"), ({"name": "", "order_number": None}, "5871004320917")],
)
def test_the_number_is_the_best_there_is(changes: dict[str, object], number: str) -> None:
    """Name, else order number, else id."""
    assert order(**changes).number == number


def test_fees_duties_and_rounding_are_read_from_their_sets() -> None:
    """Original figures are preferred to current ones; what was paid is in shop money."""
    five, six = ({"shop_money": {"amount": text, "currency_code": "CAD"}} for text in ("5.00", "6.00"))
    found = order(
        original_total_duties_set=five,
        current_total_duties_set=six,
        current_total_additional_fees_set=six,
        total_cash_rounding_payment_adjustment_set={"shop_money": {"amount": "-0.02", "currency_code": "CAD"}},
    )
    amounts = (found.duties.amount, found.fees.amount, found.rounding.amount)
    assert amounts == (Decimal(5), Decimal(6), Decimal("-0.02"))


def test_fully_refunded_and_staff() -> None:
    """A refunded order is marked; a member of staff is nobody's identity."""
    found = order(financial_status="refunded", user_id=88400011, customer=None)
    assert found.fully_refunded
    assert found.customer is None
    assert "88400011" not in repr(found)


def test_ids_beyond_floating_point_are_exact() -> None:
    """64-bit ids keep every digit."""
    raw = (
        (FOLDER / "sent" / "orders_create.json")
        .read_bytes()
        .replace(b'"id": 5871004320917', b'"id": 820982911946154509')
    )
    found = load(Topic.ORDER_CREATED, parse(raw), SHOP)
    assert isinstance(found, Order)
    assert found.ref == "820982911946154509"


def test_only_the_documentation_sample_is_impossible() -> None:
    """Test, unconfirmed and cancelled in the second it was placed: all three, or it is a real order."""
    marks: dict[str, object] = {
        "test": True,
        "confirmed": False,
        "cancelled_at": sent("orders_create")["created_at"],
    }
    assert order(**marks).impossible_sample
    for key, real in (("test", False), ("confirmed", True), ("cancelled_at", None), ("confirmed", None)):
        assert not order(**marks | {key: real}).impossible_sample


def test_a_privacy_request_may_hold_only_an_email() -> None:
    """The customer's id may be missing (docs/vendors/shopify.md §5)."""
    document = sent("customers_redact") | {"customer": {"email": "only@example.com"}, "orders_to_redact": None}
    found = load(Topic.CUSTOMER_REDACTED, document, SHOP)
    assert found == ShopNotice(shop_ref="65000000001", customer_email="only@example.com")


def test_a_notice_for_another_shop_is_refused() -> None:
    """A body signed for one shop does not erase another's data; a placeholder names no shop."""
    with pytest.raises(PayloadRejected, match="shop_domain: names another shop"):
        load(Topic.SHOP_REDACTED, sent("shop_redact"), "victim.myshopify.com")
    placeholder = sent("shop_redact") | {"shop_domain": "{shop}.myshopify.com"}
    assert isinstance(load(Topic.SHOP_REDACTED, placeholder, "victim.myshopify.com"), ShopNotice)
