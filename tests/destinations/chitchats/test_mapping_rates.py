"""Offers are read as they are meant, and the rule chooses as it says; customs facts go where they are asked for.

Sections are those of docs/vendors/chitchats.md.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mappings.canonical.orders import Address, Money
from mappings.canonical.receipt import Rate
from mappings.destinations import chitchats
from mappings.destinations.chitchats import customs, rates
from mappings.schemas.schema import BodyIncomplete
from tests.destinations.chitchats.test_mapping import PACKAGE, body, order

OFFER = {
    "postage_type": "chit_chats_canada_tracked",
    "postage_carrier_type": "chit_chats",
    "postage_description": "Chit Chats Canada Tracked",
    "delivery_time_description": "2-12 estimated business days",
    "tracking_type_description": "Full tracking included",
    "purchase_amount": "8.50",
    "federal_tax": "0.98",
    "insurance_fee": None,
    "delivery_fee": None,
    "payment_amount": "8.50",
}
HS = {"hs_tariff_code": "6912.00", "manufacturer_city": "Ottawa", "manufacturer_country_code": "CA"}


def rate(service: str, cost: str, days: tuple[int, int] | None, *, tracked: bool | None = True) -> Rate:
    """Return an offer."""
    return Rate(service=service, cost=Money(amount=Decimal(cost), currency="CAD"), days=days, tracked=tracked)


OFFERS = (
    rate("slow", "5.00", (6, 21), tracked=None),
    rate("untracked", "4.00", (2, 12), tracked=False),
    rate("usual", "9.00", (2, 7)),
    rate("quick", "20.00", (1, 2)),
    rate("vague", "8.00", None),
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("cheapest", "untracked"),
        ("cheapest_tracked", "vague"),
        ("fastest_under:30", "quick"),
        ("fastest_under:20.00", "usual"),
        ("fastest_under:9", "untracked"),
        ("fastest_under:4", None),
        ("usual", "usual"),
        ("unoffered", None),
    ],
)
def test_a_rule_chooses_as_it_says(rule: str, expected: str | None) -> None:
    """Under is under; what nobody can read is not taken for fast or tracked; no fit is no rate."""
    found = rates.choose(rule, OFFERS)
    assert (found.rate and found.rate.service) == expected
    assert bool(found.problem) is (expected is None)


def test_an_offer_is_read_with_tax_inside() -> None:
    """`payment_amount`, else the purchase and its fees: tax is in the purchase already (§5)."""
    (whole,) = rates.rates([OFFER])
    assert (whole.cost.amount, whole.days, whole.tracked) == (Decimal("8.50"), (2, 12), True)
    parts = {
        **OFFER,
        "payment_amount": None,
        "purchase_amount": "4.23",
        "insurance_fee": "0.35",
        "delivery_fee": "0.85",
    }
    assert rates.rates([parts])[0].cost.amount == Decimal("5.43")


@pytest.mark.parametrize("entry", [None, 3, {}, {"postage_type": "usps_first"}, OFFER | {"payment_amount": "free"}])
def test_an_offer_that_can_t_be_bought_is_passed_over(entry: Any) -> None:  # noqa: ANN401  (any JSON value)
    """The others are still offers."""
    assert [one.service for one in rates.rates([entry, OFFER])] == ["chit_chats_canada_tracked"]


@pytest.mark.parametrize(
    ("words", "tracked"), [("Full tracking included", True), ("No tracking", False), (None, None), ("Untracked", False)]
)
def test_tracking_is_what_the_words_say(words: str | None, tracked: bool | None) -> None:  # noqa: FBT001
    """The vendor says it in words only."""
    assert rates.rates([OFFER | {"tracking_type_description": words}])[0].tracked is tracked


@pytest.mark.parametrize(
    ("rule", "country", "expected"),
    [
        ("cheapest", "DE", "cheapest"),
        ("CA:usps_first,US:fastest_under:9.50", "US", "fastest_under:9.50"),
        ("CA:cheapest,*:cheapest_tracked", "DE", "cheapest_tracked"),
        ("CA:cheapest", "DE", "unknown"),
    ],
)
def test_a_rule_may_depend_on_the_country(rule: str, country: str, expected: str) -> None:
    """Postage goes to one part of the world only."""
    rates.check_rule(rule)
    assert rates.rule_for(rule, country) == expected


@pytest.mark.parametrize(
    "rule", ["", "chit_chats_us_tracked", "fastest_under:", "fastest_under:-1", "CA:", "CA:x,US:y"]
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    """Retired postage too: it would only ever answer "Unable to fetch postage rate"."""
    with pytest.raises(ValueError, match="postage type"):
        rates.check_rule(rule)


def test_a_rule_asks_for_rates_first() -> None:
    """Only a fixed type is asked for when the draft is made."""
    assert body(order(), postage_type="cheapest")["postage_type"] == "unknown"
    assert body(order(), postage_type="CA:chit_chats_select")["postage_type"] == "chit_chats_select"


def to(country: str, **more: Any) -> Address:  # noqa: ANN401  (parts of an address)
    """Return the order's address, in another country."""
    return replace(order().shipping_address or Address(), country_code=country, **more)


@pytest.mark.parametrize(
    ("reference", "country", "expected"),
    [
        ("IM1", "DE", "IM1"),
        ("IM1", "GB", "IM1"),
        ("IM1", "CA", None),
        ("IM1", "US", None),
        ("EU:IM1,GB:2", "FR", "IM1"),
        ("EU:IM1,GB:22", "GB", "22"),
        ("EU:IM1", "NO", None),
        ("EU:IM1,*:NO9", "NO", "NO9"),
    ],
)
def test_a_tax_number_goes_to_its_own_countries(reference: str, country: str, expected: str | None) -> None:
    """An IOSS number means nothing outside the European Union."""
    assert customs.customs({"vat_reference": reference}).vat_for(country) == expected


def test_prepaid_duties_need_a_tax_number() -> None:
    """The flag is sent with International Tracked only, and never without the number."""
    settings = {"duties_paid": "yes", "vat_reference": "EU:IM3720000001"}
    postage = {"postage_type": "*:chit_chats_international_tracked"}
    paid = body(order(shipping_address=to("DE")), customs=customs.customs(settings), **postage)
    assert (paid["duties_paid_requested"], paid["vat_reference"]) == (True, "IM3720000001")
    with pytest.raises(BodyIncomplete, match=r"^vat_reference: "):
        body(order(shipping_address=to("JP")), customs=customs.customs(settings), **postage)
    assert "duties_paid_requested" not in body(order(), customs=customs.customs(settings), **postage)
    assert "duties_paid_requested" not in body(
        order(shipping_address=to("DE")), customs=customs.customs(settings), postage_type="cheapest"
    )


def test_the_maker_of_the_goods_is_named_to_the_states_only() -> None:
    """There duty-paid postage is offered for nothing else; a blank id is made by the vendor."""
    stated = body(
        order(shipping_address=to("US", province_code="OH", postal_code="45410")), customs=customs.customs(HS)
    )
    assert {one["manufacturer_city"] for one in stated["line_items"]} == {"Ottawa"}
    assert {one["hs_tariff_code"] for one in stated["line_items"]} == {"6912.00"}
    assert not any("manufacturer_city" in one for one in body(order(), customs=customs.customs(HS))["line_items"])


def test_a_line_s_own_customs_facts_go_before_the_settings() -> None:
    """The settings are for lines that say nothing."""
    own = tuple(replace(line, hs_code="1111.11", origin_country="PT") for line in order().lines)
    settings = customs.customs(HS | {"origin_country": "CA"})
    items = body(order(lines=own), customs=settings)["line_items"]
    assert {(one["hs_tariff_code"], one["origin_country"]) for one in items} == {("1111.11", "PT")}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"province_code": "XX"}, "province_code"),
        ({"postal_code": "90210"}, "postal_code"),
        ({"city": "x" * 300}, "city"),
        ({"address1": "x " * 300}, "address_1"),
    ],
)
def test_what_the_vendor_would_refuse_is_held_before_it_is_sent(changes: dict[str, str], field: str) -> None:
    """By its name, and without a word of the address."""
    with pytest.raises(BodyIncomplete, match=rf"^{field}\b") as refused:
        body(order(shipping_address=to("CA", **changes)))
    assert next(iter(changes.values())).strip() not in str(refused.value)


def test_long_addresses_flow_on_into_the_second_line() -> None:
    """The width is a setting, as the vendor's is documented nowhere."""
    long = replace(order().shipping_address or Address(), address1="Flat 3, The Old Mill House, Behind the church")
    sent = body(order(shipping_address=replace(long, address2=None)), address_chars=30)
    assert (sent["address_1"], sent["address_2"]) == ("Flat 3, The Old Mill House,", "Behind the church")


def test_other_scripts_are_kept_unless_the_setting_says_latin() -> None:
    """Whether the vendor refuses them is unknown."""
    address = replace(order().shipping_address or Address(), name="山田太郎", city="東京")
    assert body(order(shipping_address=address))["name"] == "山田太郎"
    sent = body(order(shipping_address=address), latin=True)
    assert (sent["name"].isascii(), sent["city"].isascii()) == (True, True)
    japan = replace(address, country_code="JP", province="東京都", province_code=None)
    assert body(order(shipping_address=japan))["province_code"] == "東京都"
    assert body(order(shipping_address=japan), latin=True)["province_code"].isascii()


def test_each_parcel_declares_its_own_part() -> None:
    """Values and weights add up to the order's."""
    package = replace(PACKAGE, parcel_g=450)
    parcels = chitchats.parcels(order(), package)
    sent = [chitchats.body(order(), package, platform="shopify", number=one.number) for one in parcels]
    assert len(sent) > 1
    assert sum(Decimal(one["value"]) for one in sent) == Decimal(body(order())["value"])
    assert sum(one["weight"] for one in sent) == body(order())["weight"]
