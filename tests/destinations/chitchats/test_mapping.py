"""Orders become Chit Chats' create requests, or are skipped or held with a reason."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mappings.canonical.orders import Address, Line, Money, Order
from mappings.destinations import chitchats
from mappings.destinations.chitchats import Package
from mappings.schemas.schema import BodyIncomplete
from tests.support.folders import TESTS
from tests.support.golden import CANONICAL, check, read

FOLDER = TESTS / "destinations" / "chitchats"
PACKAGE = Package(
    default_weight_g=300,
    package_type="parcel",
    size_unit="cm",
    size_x=Decimal(30),
    size_y=Decimal("20.5"),
    size_z=Decimal(10),
    postage_type="unknown",
    ship_date="today",
    package_contents="merchandise",
    customs=chitchats.Customs(origin_country="CA"),
)
BOOKED = [
    *("order_created__company_us", "order_created__guest_gb", "order_created__web"),
    *("order_paid__web", "order_updated__partly_sent"),
]


def order(name: str = "order_created__web", **changes: Any) -> Order:
    """Read a canonical order, changed."""
    found: Order = read(Order, CANONICAL / f"{name}.json")
    return replace(found, **changes)


def first_line(**changes: Any) -> tuple[Line, ...]:
    """Keep only the first line, changed."""
    return (replace(order().lines[0], **changes),)


def body(order: Order, **settings: Any) -> dict[str, Any]:
    """Map with these tests' settings, changed."""
    return chitchats.body(order, replace(PACKAGE, **settings), platform="shopify")


@pytest.mark.parametrize("name", BOOKED)
def test_orders_become_requests(name: str) -> None:
    """Every order that ships becomes exactly the request written down for it."""
    check(body(order(name)), FOLDER / "requests" / f"{name}.json")


@pytest.mark.parametrize("name", BOOKED)
def test_a_request_is_valued_as_its_lines(name: str) -> None:
    """The parcel's value is the sum of what is in it, in the form that the vendor documents."""
    request = body(order(name))
    lines = request["line_items"]
    assert request["value"] == f"{sum(Decimal(line['value_amount']) * line['quantity'] for line in lines):.2f}"
    assert {line["currency_code"] for line in lines} == {request["value_currency"]}
    json.dumps(request)


def test_only_what_still_ships_is_in_the_parcel() -> None:
    """Digital goods and what was sent before are neither weighed nor declared."""
    request = body(order("order_updated__partly_sent"))
    assert [line["description"] for line in request["line_items"]] == ["Stoneware mug"]
    assert request["weight"] == 840


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cancelled_at": order().created_at}, "the order was cancelled"),
        ({"test": True}, "a test order"),
        ({"fully_refunded": True}, "the order was fully refunded"),
        ({"lines": ()}, "nothing to ship: the order has no lines"),
        ({"lines": first_line(requires_shipping=False)}, "nothing to ship: digital goods only"),
        ({"lines": first_line(gift_card=True)}, "nothing to ship: gift cards only"),
        (
            {"lines": first_line(quantity_to_ship=0)},
            "nothing left to ship: all of it was fulfilled or removed already",
        ),
        ({"point_of_sale": True, "shipping_address": None}, "sold at the counter: no shipping address"),
        ({}, None),
        ({"point_of_sale": True}, None),
        ({"shipping_address": None}, None),
        ({"impossible_sample": True, "test": True, "cancelled_at": order().created_at}, None),
    ],
)
def test_orders_that_need_no_shipment_say_why(changes: dict[str, Any], reason: str | None) -> None:
    """Each reason has words of its own; the documentation sample ships."""
    assert chitchats.skip_reason(order(**changes)) == reason


@pytest.mark.parametrize("name", ["order_created__digital", "order_created__counter", "order_cancelled__web"])
def test_samples_without_a_parcel_are_skipped(name: str) -> None:
    """Downloads, counter sales and cancelled orders are never booked."""
    assert chitchats.skip_reason(order(name))


def test_everything_that_is_missing_is_named_at_once() -> None:
    """One message tells all: which fields, and where each comes from."""
    bare = Address(country_code="US", province="Manitoba")
    yen = Money(amount=Decimal(900), currency="JPY")
    lacking = order(
        shipping_address=bare,
        currency="JPY",
        lines=first_line(unit_weight_g=None, unit_price=yen, discount=yen),
    )
    with pytest.raises(BodyIncomplete) as refused:
        chitchats.body(lacking, Package(), platform="shopify")
    parts = str(refused.value).split("; ")
    assert [part.partition(":")[0] for part in parts] == [
        "name, address_1, city, province_code, postal_code",
        "package_type, size_unit, size_x, size_y, size_z, ship_date",
        "weight",
        "value_currency",
    ]
    assert "set default_weight_g" in parts[2]
    assert "JPY" in parts[3]


def test_an_order_without_an_address_is_held_in_words() -> None:
    """Pick-up orders have goods and no address; the missing settings are told as well."""
    with pytest.raises(BodyIncomplete, match=r"^shipping_address: .*pick-up.*; size_x: not set: a setting"):
        body(order(shipping_address=None), size_x=None)


@pytest.mark.parametrize("country", ["CA", "US"])
def test_province_and_postal_code_are_needed_in_canada_and_the_states(country: str) -> None:
    """There a province's name is not enough; elsewhere both may be absent, and the name is taken."""
    address = order().shipping_address
    assert address is not None
    vague = replace(address, country_code=country, province_code=None, postal_code=None)
    with pytest.raises(BodyIncomplete, match=r"^province_code, postal_code: "):
        body(order(shipping_address=vague))
    request = body(order(shipping_address=replace(vague, country_code="IE", province="County Invented")))
    assert request["province_code"] == "County Invented"
    assert "postal_code" not in request


@pytest.mark.parametrize(
    ("grams", "default", "expected"),
    [(420, 300, 840), (0, 300, 300), (None, 300, 300), (420, None, 840)],
)
def test_weight_is_the_sum_or_the_default(grams: int | None, default: int | None, expected: int) -> None:
    """Weights that a shop does not keep are never taken for nothing."""
    assert body(order(lines=first_line(unit_weight_g=grams)), default_weight_g=default)["weight"] == expected


def test_one_unknown_weight_makes_the_sum_unknown() -> None:
    """A parcel is not booked lighter than it is."""
    lines = order().lines
    mixed = (replace(lines[0], unit_weight_g=None), lines[1])
    assert body(order(lines=mixed))["weight"] == 300


def test_a_discount_is_spread_over_the_units() -> None:
    """Unit values are after the line's discount, rounded to cents, and never below zero."""
    third = first_line(
        quantity=3,
        quantity_to_ship=2,
        unit_price=Money(amount=Decimal(10), currency="CAD"),
        discount=Money(amount=Decimal(1), currency="CAD"),
    )
    request = body(order(lines=third))
    assert (request["line_items"][0]["value_amount"], request["value"]) == ("9.67", "19.34")
    free = first_line(discount=Money(amount=Decimal(999), currency="CAD"))
    assert body(order(lines=free))["value"] == "0.00"


def test_long_descriptions_end_at_a_word() -> None:
    """At most 100 characters, and a setting is preferred to the lines' names."""
    name = "hand thrown and twice fired " * 6
    lines = first_line(name=name)
    described = body(order(lines=lines))["description"]
    assert len(described) <= 100
    assert name.startswith(described + " ")
    assert len(body(order(lines=first_line(name="x" * 200)))["description"]) == 100
    assert body(order(lines=lines), description="Pottery")["description"] == "Pottery"


@pytest.mark.parametrize(("platform", "store"), [("woocommerce", "woocommerce"), ("saleor", "other")])
def test_unlisted_platforms_are_other(platform: str, store: str) -> None:
    """Only what the vendor lists is named as the store."""
    assert chitchats.body(order(), PACKAGE, platform=platform)["order_store"] == store


def test_recipient_and_phone_are_taken_from_the_best_place() -> None:
    """Name, else first and last, else company; phone of the address, else the order, else the customer."""
    address = replace(order().shipping_address or Address(), name=None, phone=None)
    customer = order().customer
    assert customer is not None
    request = body(order(shipping_address=address, phone=None, customer=replace(customer, phone="3")))
    assert (request["name"], request["phone"]) == ("Marguerite Okafor-Lind", "3")
    assert body(order(shipping_address=address, phone="2"))["phone"] == "2"
