"""Ten thousand orders of every kind: what we send is what Chit Chats takes, and what lacks a part is held by name."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.base import BodyIncomplete
from mappings.canonical import Address, Line, Money, Order, TaxNumber
from mappings.destinations import chitchats
from plugin.sandbox._chitchats_rates import check_zone
from plugin.sandbox._chitchats_rules import check_shipment

AT = datetime(2026, 11, 20, 16, tzinfo=UTC)
NAMED = re.compile(r"[a-z_0-9]+(\[\d+\]\.[a-z_]+)?(, [a-z_0-9]+)*: ")
# With provinces and postal codes, with one of them, with neither; some wrong on purpose.
PLACES = (
    ("CA", "Ontario", "ON", "K1A 0B1"),
    ("CA", "Québec", "QC", "h2x1y4"),
    ("CA", "Ontario", None, "K1A 0B1"),
    ("CA", "Ontario", "XX", "K1A 0B1"),
    ("CA", None, "BC", "90210"),
    ("US", "Ohio", "OH", "45410"),
    ("US", "Puerto Rico", "PR", "00901-1234"),
    ("US", "Ohio", "OH", None),
    ("GB", "England", "ENG", "SW1A 1AA"),
    ("IE", "Co. Dublin", None, "D02 X285"),
    ("HK", "Hong Kong Island", "HK", None),
    ("SG", None, None, "018956"),
    ("AE", "Dubai", "DU", None),
    ("JP", "東京都", "JP-13", "100-0001"),
    ("DE", None, None, "10115"),
    ("FJ", None, None, None),
    ("FJ", ("Central " * 60).strip(), None, None),
    (None, None, None, None),
)
# Names as platforms give them besides a full one: both, one of them, in any script, or far too long.
HALVES = (
    *[(None, None)] * 12,
    *(("Jane", "Doe"), ("太郎", "山田"), ("Jane", None), (None, "Łukasz"), ("\u3000", "\u2800"), ("x" * 300, "y")),
)
TAX_NUMBERS = (TaxNumber(kind="VAT", number="GB1"), TaxNumber(kind="CPF", number="2"))
PHONES = (None, "+1 416 555 0100", "n/a", "٠٣-١٢٣٤", "5" * 300)
TEXTS = (
    "Jane Doe",
    "Marguerite Okafor-Lind",
    "Łukasz Żółć",
    "Дмитрий Иванов",
    "山田太郎",
    "محمد عبد الله",
    "🎁 gift",
    # A blank that only Latin letters show to be one.
    "\u2800",
    "48 Invented Crescent",
    "O'Brien & Sons, Ltd",
    "a\nb\tc",
    ", " * 80,
    "x" * 300,
)
_USUAL_TEXT = st.sampled_from((*TEXTS[:-1] * 3, TEXTS[-1], None))
TEXT = st.one_of(*[_USUAL_TEXT] * 5, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
SETTINGS = st.sampled_from(
    [
        {},
        {"default_weight_g": "300"},
        {"default_weight_g": "0.5", "parcel_g": "500"},
        {"vat_reference": "EU:IM3720000001", "duties_paid": "yes", "origin_country": "CA", "hs_tariff_code": "6912.00"},
        {"postage_type": "*:chit_chats_international_tracked,CA:cheapest,US:cheapest", "duties_paid": "yes"},
        {"postage_type": "fastest_under:20", "script": "latin", "address_chars": "35", "manufacturer_city": "Ottawa"},
        {"insurance": "yes", "signature": "yes", "description": "Pottery", "ship_date": "today"},
    ]
)
USUAL = {
    "package_type": "parcel",
    "size_unit": "cm",
    "size_x": "10",
    "size_y": "5",
    "size_z": "2.5",
    "ship_date": "today",
    "postage_type": "unknown",
    "package_contents": "merchandise",
}


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    """Of every country and script, with parts missing."""
    country, province, code, postal_code = draw(st.sampled_from(PLACES))
    name, company, first, second, city = draw(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT))
    first_name, last_name = draw(st.sampled_from(HALVES))
    return Address(
        name=cleaned(name),
        first_name=cleaned(first_name),
        last_name=cleaned(last_name),
        company=cleaned(company),
        address1=cleaned(first),
        address2=cleaned(second),
        city=cleaned(city),
        province=province,
        province_code=code,
        postal_code=postal_code,
        country_code=country,
        phone=draw(st.sampled_from(PHONES[:-1] * 4 + PHONES[-1:])),
    )


def cleaned(text: str | None) -> str | None:
    """As storefronts' fields load it."""
    return (text or "").strip() or None


@st.composite
def lines(draw: st.DrawFn, currency: str) -> Line:
    """Goods of any price and weight."""
    ref, quantity, cents = draw(st.tuples(st.integers(1, 2**63), st.integers(1, 40), st.integers(0, 10**6)))
    unit = Decimal(cents) / draw(st.sampled_from([Decimal(100), Decimal(1000), Decimal("0.0001")]))
    return Line(
        ref=str(ref),
        name=cleaned(draw(TEXT)) or "Mug",
        quantity=quantity,
        quantity_to_ship=quantity - draw(st.sampled_from([0, 0, 0, 1])),
        unit_price=Money(amount=unit, currency=currency),
        discount=Money(amount=draw(st.sampled_from([Decimal(0), unit, unit * quantity * 2])), currency=currency),
        tax=Money(amount=Decimal(0), currency=currency),
        requires_shipping=draw(st.sampled_from([True, True, True, False])),
        unit_weight_g=draw(st.sampled_from([1, 250, 4_000] * 4 + [0, None])),
        sku=draw(st.sampled_from([*[None, "MUG-1", "MUG 2/é"] * 4, "x" * 101, "x" * 300])),
        variant_ref=draw(st.sampled_from([None, str(2**63)])),
        hs_code=draw(st.sampled_from([None, "6912.00"])),
        origin_country=draw(st.sampled_from([None, "PT"])),
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """An order that may lack anything."""
    currency = draw(st.sampled_from(["CAD", "USD"] * 6 + ["JPY", "KWD", "EUR"]))
    nothing = Money(amount=Decimal(0), currency=currency)
    amounts = ("total", "subtotal", "shipping", "tax", "discount", "tip", "duties", "fees", "rounding")
    known: dict[str, Any] = dict.fromkeys(amounts, nothing)
    return Order(
        **known,
        ref=str(draw(st.integers(2**53, 2**64))),
        number="#1001",
        currency=currency,
        created_at=AT,
        updated_at=AT,
        placed_at=AT,
        lines=tuple(draw(st.lists(lines(currency), min_size=1, max_size=3))),
        shipping_address=draw(addresses()) if draw(st.integers(1, 16)) != 16 else None,
        email=draw(st.sampled_from([None, "jane@example.com"])),
        note=draw(TEXT),
        shipping_methods=tuple(filter(None, map(cleaned, draw(st.lists(TEXT, max_size=2))))),
        tax_numbers=draw(st.sampled_from([(), TAX_NUMBERS])),
    )


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=orders(), given_settings=SETTINGS)
def test_every_request_is_taken_or_the_order_is_held_by_name(order: Order, given_settings: dict[str, str]) -> None:
    """The vendor's own rules accept every body; nothing but a named field is ever raised."""
    if chitchats.skip_reason(order):
        return
    package = chitchats.package(USUAL | given_settings)
    found = bodies(order, package)
    if isinstance(found, str):
        assert all(NAMED.match(part) for part in found.split("; ")), found
        return
    for body in found:
        check_shipment(json.loads(json.dumps(body)), strict=True)
        check_zone(body)


def bodies(order: Order, package: chitchats.Package) -> list[dict[str, Any]] | str:
    """Every request of an order, or why it is held."""
    try:
        parcels = chitchats.parcels(order, package)
        return [chitchats.body(order, package, platform="shopify", number=one.number) for one in parcels]
    except BodyIncomplete as error:
        return str(error)
