"""Orders become Shiptheory's bookings, or are held with every missing field named; references stay readable."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonical.orders import Address, Line, Money, Order, TaxNumber
from mappings.destinations import shiptheory
from mappings.destinations.shiptheory.enums import SENDER_REQUIRED, Terms, terms
from mappings.destinations.shiptheory.reference import base, following
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping.countries import alpha3
from plugin.destinations.shiptheory import destination
from plugin.sandbox.shiptheory.rules import check_booking, check_return
from tests.support.folders import TESTS
from tests.support.golden import CANONICAL, check, read

FOLDER = TESTS / "destinations" / "shiptheory"
TERMS = Terms(delivery_service=39, increment=2, default_weight_g=300, origin_country="CA")
BOOKED = [
    *("order_created__company_us", "order_created__guest_gb", "order_created__web"),
    *("order_paid__web", "order_updated__partly_sent"),
]
STORE = "demo.myshopify.com"


def order(name: str = "order_created__web", **changes: Any) -> Order:
    """Read a canonical order, changed."""
    found: Order = read(Order, CANONICAL / f"{name}.json")
    return replace(found, **changes)


def first_line(**changes: Any) -> tuple[Line, ...]:
    """Keep only the first line, changed."""
    return (replace(order().lines[0], **changes),)


def address(**changes: Any) -> Address:
    """Return the order's address, changed."""
    return replace(order().shipping_address or Address(), **changes)


def body(order: Order, **settings: Any) -> dict[str, Any]:
    """Map with these tests' settings, changed."""
    given_terms = replace(TERMS, **settings)
    return shiptheory.body(order, given_terms, reference=base(order), store=STORE, platform="shopify")


@pytest.mark.parametrize("name", BOOKED)
def test_orders_become_bookings(name: str) -> None:
    """Every order that ships becomes exactly the booking written down for it, and the vendor's rules take it."""
    found = body(order(name))
    assert check_booking(json.loads(json.dumps(found))) == {}
    check(found, FOLDER / "requests" / f"{name}.json")


def test_only_what_still_ships_is_booked() -> None:
    """Digital goods and what was sent before are neither weighed nor declared."""
    found = body(order("order_updated__partly_sent"))
    assert [one["name"] for one in found["products"]] == ["Stoneware mug"]
    assert found["shipment_detail"]["weight"] == 0.84


def test_everything_that_is_missing_is_named_at_once() -> None:
    """Each field by its path, each with the place that it has to come from."""
    lacking = order(
        shipping_address=Address(country_code="GB"), lines=first_line(unit_weight_g=None, sku=None, variant_ref=None)
    )
    with pytest.raises(BodyIncomplete) as refused:
        body(lacking, default_weight_g=None, missing_sku="hold", sender={"city": "Bath"})
    said = str(refused.value)
    for path in (
        *("shipment_detail.weight", "recipient.firstname", "recipient.lastname", "recipient.address_line_1"),
        *("recipient.city", "recipient.postcode", "products.sku", "products.weight"),
        *(f"sender.{name}" for name in SENDER_REQUIRED - {"city"}),
    ):
        assert path in said
    for setting in ("default_weight_g", "missing_postcode", "missing_name", "missing_sku", "sender_"):
        assert setting in said


def test_an_order_without_an_address_is_held_in_words() -> None:
    """Goods, and no place to send them to."""
    with pytest.raises(BodyIncomplete, match=r"^shipping_address: .*pick-up"):
        body(order(shipping_address=None))


def test_names_are_split_and_settings_fill_the_gap() -> None:
    """Two names are required: a full one is split, a single one takes `missing_name`."""
    full = address(name="Vincent van Gogh", first_name=None, last_name=None)
    found = body(order(shipping_address=full))["recipient"]
    assert (found["firstname"], found["lastname"]) == ("Vincent", "van Gogh")
    single = replace(full, name="Prince")
    found = body(order(shipping_address=single), missing_name="-")["recipient"]
    assert (found["firstname"], found["lastname"]) == ("Prince", "-")


def test_names_in_other_scripts_are_names_in_latin_letters_too() -> None:
    """What is a blank there fills no required field; a setting does."""
    blank = address(name=None, first_name="Ζωή", last_name="\u2800")
    with pytest.raises(BodyIncomplete, match=r"^recipient\.lastname: "):
        body(order(shipping_address=blank), latin=True)
    found = body(order(shipping_address=blank), latin=True, missing_name="-")["recipient"]
    assert (found["firstname"], found["lastname"]) == ("Zoi", "-")


@pytest.mark.parametrize(
    ("changes", "path"),
    [({"province": "x" * 256}, "county"), ({"first_name": "x" * 256, "last_name": "y"}, "firstname")],
)
def test_what_is_too_long_for_any_field_is_held_by_name(changes: dict[str, str], path: str) -> None:
    """Cut, it would be another name; nobody says how much is taken, so this is the usual width of a column."""
    with pytest.raises(BodyIncomplete, match=rf"^recipient\.{path}: longer than 255"):
        body(order(shipping_address=address(country_code="IE", **changes)))


def test_a_name_without_a_word_is_still_a_name() -> None:
    """Nothing to cut after: it is cut all the same, and the order is booked."""
    lines = tuple(replace(line, name=", " * 80) for line in order().lines)
    found = body(order(lines=lines))["products"]
    assert {len(one["commodity_description"]) for one in found} == {99}


def test_address_lines_flow_on_and_lose_no_word() -> None:
    """At most as long as the carriers print; what three lines don't hold goes into the instructions."""
    words = [f"word{number:02}" for number in range(24)]
    long = address(address1=" ".join(words[:12]), address2=" ".join(words[12:]), company="Prairie Kiln")
    found = body(order(shipping_address=long, note="Ring twice"))
    lines = [found["recipient"][f"address_line_{number}"] for number in (1, 2, 3)]
    told = " ".join([*lines, found["shipment_detail"]["instructions"]])
    assert max(map(len, lines)) <= 35
    assert told.replace(",", "").split() == [*words, "Ring", "twice"]
    assert found["recipient"]["company"] == "Prairie Kiln"


def test_scripts_are_left_alone_unless_latin_is_asked_for() -> None:
    """The vendor refuses none; some carriers print no other."""
    place = address(address1="東京都千代田区", city="Łódź", name="Ζωή Παππά", first_name=None, last_name=None)
    assert body(order(shipping_address=place))["recipient"]["city"] == "Łódź"
    found = body(order(shipping_address=place), latin=True)["recipient"]
    assert all(text.isascii() or text.encode("latin-1") for text in found.values() if isinstance(text, str))
    assert (found["firstname"], found["city"]) == ("Zoi", "Lódz")


@pytest.mark.parametrize(("country", "county"), [("US", "BC"), ("IE", "British Columbia")])
def test_a_county_is_a_code_only_where_states_are(country: str, county: str) -> None:
    """Elsewhere its name, if there is one."""
    found = body(order(shipping_address=address(country_code=country)))["recipient"]
    assert found["county"] == {"BC": address().province_code, "British Columbia": address().province}[county]
    nowhere = address(country_code=country, province=None, province_code=None)
    assert "county" not in body(order(shipping_address=nowhere))["recipient"]


def test_a_default_weight_is_spread_over_the_units() -> None:
    """Products weigh together no more than the whole, which is all that somebody said."""
    lines = tuple(replace(line, unit_weight_g=None) for line in order().lines)
    found = body(order(lines=lines), default_weight_g=1000)
    assert found["shipment_detail"]["weight"] == 1
    assert sum(one["weight"] * one["qty"] for one in found["products"]) <= 1
    known = body(order(), default_weight_g=1000)
    assert known["shipment_detail"]["weight"] == pytest.approx(
        sum(one["weight"] * one["qty"] for one in known["products"])
    )


def test_parcels_and_packages_follow_the_weight() -> None:
    """One per so many grams; packages in the settings' size, with two decimals and never nothing."""
    found = body(order(lines=first_line(unit_weight_g=504, quantity_to_ship=2)), parcel_g=600, package_size=11120)
    assert (found["shipment_detail"]["parcels"], found["shipment_detail"]["weight"]) == (2, 1.008)
    assert found["packages"] == [{"id": 11120, "weight": 0.5}] * 2
    light = body(order(lines=first_line(unit_weight_g=1, quantity_to_ship=1)), package_size=11120)
    assert light["packages"] == [{"id": 11120, "weight": 0.01}]


def test_values_are_units_after_their_discount() -> None:
    """Two decimals in every currency, never below zero; the whole is the sum."""
    yen = Money(amount=Decimal(1), currency="JPY")
    third = first_line(
        quantity=3, quantity_to_ship=2, unit_price=Money(amount=Decimal(10), currency="JPY"), discount=yen
    )
    found = body(order(lines=third, currency="JPY"))
    assert (found["products"][0]["value"], found["shipment_detail"]["value"]) == (9.67, 19.34)
    assert found["shipment_detail"]["currency_code"] == "JPY"
    free = first_line(discount=Money(amount=Decimal(999), currency="CAD"))
    assert body(order(lines=free))["shipment_detail"]["value"] == 0


@pytest.mark.parametrize(
    ("kind", "country", "sent"),
    [("IOSS", "FR", True), ("IOSS", "GB", False), ("VOEC", "NO", True), ("ABN", "NZ", False)],
)
def test_import_tax_numbers_go_where_they_are_asked_for(kind: str, country: str, *, sent: bool) -> None:
    """With their type, and to no other country."""
    place = order(shipping_address=address(country_code=country))
    detail = body(place, duty_tax_number="IM1", duty_tax_number_type=kind)["shipment_detail"]
    assert (detail.get("duty_tax_number"), detail.get("duty_tax_number_type")) == (
        ("IM1", kind) if sent else (None, None)
    )


def test_a_buyer_s_tax_numbers_are_sent_with_their_kind() -> None:
    """Only the kinds that the vendor knows."""
    numbers = (TaxNumber(kind="VAT", number="GB1"), TaxNumber(kind="TIN", number="2"))
    found = body(order(tax_numbers=numbers))["recipient"]["tax_numbers"]
    assert found == [{"tax_number": "GB1", "tax_number_type": "VAT"}]


def test_a_sender_is_sent_whole_or_not_at_all() -> None:
    """Without settings the account's own address is used."""
    assert "sender" not in body(order())
    sender = dict.fromkeys(SENDER_REQUIRED, "x") | {"country": "GB"}
    assert body(order(), sender=sender)["sender"] == sender


def test_service_settings_need_a_service() -> None:
    """`increment` and approval are only for bookings with one."""
    found = body(order(), delivery_service=None, mark_for_approval=True)
    assert not {"delivery_service", "increment", "mark_for_approval"} & found.keys()
    assert body(order(), mark_for_approval=True)["mark_for_approval"] is True


def test_products_say_what_customs_ask() -> None:
    """HS code, description, and the country of manufacture in three letters, as the vendor's samples have it."""
    (found,) = body(order(lines=first_line(hs_code="691200", origin_country="PT")))["products"]
    assert (found["commodity_code"], found["commodity_manucountry"]) == ("691200", "PRT")
    assert len(body(order(lines=first_line(name="mug " * 100)))["products"][0]["commodity_description"]) <= 100
    (unnamed,) = body(order(lines=first_line(origin_country="XK")))["products"]
    assert "commodity_manucountry" not in unnamed
    assert alpha3(None) is None


def test_a_variant_s_own_id_stands_for_a_missing_sku() -> None:
    """As the setting says; one that is too long is held."""
    (found,) = body(order(lines=first_line(sku=None)))["products"]
    assert found["sku"] == order().lines[0].variant_ref
    with pytest.raises(BodyIncomplete, match=r"products\.sku"):
        body(order(lines=first_line(sku="x" * 101)))


def test_a_return_names_the_shipment_and_its_postcode() -> None:
    """And a day; without a postcode it is held."""
    asked = shiptheory.return_body(order(), TERMS, reference="1042", service=200, expires_on=date(2026, 12, 24))
    assert check_return(asked, date(2026, 11, 24)) == {}
    assert asked["delivery_postcode"] == address().postal_code
    bare = order(shipping_address=address(postal_code=None))
    with pytest.raises(BodyIncomplete, match="delivery_postcode"):
        shiptheory.return_body(bare, TERMS, reference="1042", service=200, expires_on=date(2026, 12, 24))


@pytest.mark.parametrize(
    ("number", "prefix", "reference"),
    [
        ("#1001", "", "1001"),
        ("1001", "EN-", "EN-1001"),
        ("#EN/1001 A", "", "EN-1001-A"),
        ("٤٢", "", "5871002233557"),
        ("#", "", "5871002233557"),
    ],
)
def test_references_are_the_order_s_own_number(number: str, prefix: str, reference: str) -> None:
    """Readable, and safe in an address."""
    assert base(order(number=number, ref="5871002233557"), prefix) == reference


def test_a_rebooking_has_the_next_number() -> None:
    """`1001`, `1001-2`, `1001-3`; the same however often it is asked, and another order's is none of ours."""
    assert [following("1001", last) for last in (None, "1001", "1001-2", "10011", "X1001")] == [
        *("1001", "1001-2", "1001-3", "1001", "1001"),
    ]
    with pytest.raises(BodyIncomplete, match="reference"):
        following("x" * 22, "x" * 22 + "-99")


@given(
    number=st.text(max_size=60), ref=st.text(min_size=1, max_size=40), prefix=st.sampled_from(["", "EN-", "abcdefghij"])
)
def test_any_reference_is_short_and_plain(number: str, ref: str, prefix: str) -> None:
    """At most 22 characters, so that `-2` to `-99` fit into 25; the same each time; letters, digits, dots, hyphens."""
    found = base(order(number=number, ref=ref), prefix)
    assert found == base(order(number=number, ref=ref), prefix)
    assert 0 < len(found) <= 22
    assert all(char.isascii() and (char.isalnum() or char in "._-") for char in found)
    assert len(following(found, f"{found}-98")) <= 25


def test_numbers_that_are_too_long_stay_apart() -> None:
    """Cut numbers are told apart by the order's id: cutting alone would lose that they are unique."""
    long = "ORDER-2026-0000000000000"
    found = {base(order(number=f"{long}{number}", ref=str(number))) for number in range(100)}
    assert len(found) == 100


def test_settings_become_terms() -> None:
    """Every default is one that works, and every number is read as one."""
    defaults = {setting.key: setting.default for setting in destination.needs if setting.default}
    assert terms(defaults) == Terms()
    given_settings = {"delivery_service": "39", "parcel_g": "1500.0", "sender_city": "Bath", "address_chars": "30"}
    found = terms(defaults | given_settings)
    assert (found.delivery_service, found.parcel_g, found.address_line_chars) == (39, 1500, 30)
    assert found.sender == {"city": "Bath"}
