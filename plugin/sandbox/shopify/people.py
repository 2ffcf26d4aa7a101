"""Invented buyers, addresses and goods, a few of each, from which a number picks; none of them exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

# Above 2^53, as real ids may be: whoever passes them through a float loses their last digits.
FIRST_ID = 9_100_000_000_000_000
_FIRST_CUSTOMER = FIRST_ID + 2 * 10**12
_FIRST_ADDRESS = FIRST_ID + 4 * 10**12

_FIRST_NAMES = (
    *("Marguerite", "Ifeoma", "Tove", "Sunniva", "Zélie", "Anaïs", "Oluwaseun", "Þórdís", "Kateryna", "Ravindra"),
    *("Yūki", "Tadhg"),
)
_LAST_NAMES = (
    *("Okafor-Lind", "Castellane", "Tremblay-Wójcik", "Adeyemi-Roy", "Nakagawa-Holt", "Dell'Invento", "Fjordgren"),
    *("Quillfeather", "Sandoval-Müller", "Ashgrove", "Lindqvist-Bello"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """An address without a person; `taxes` are the names and rates that are paid there."""

    address1: str
    address2: str | None
    city: str
    zip: str | None
    province: str | None
    province_code: str | None
    country: str
    country_code: str
    phone: str
    taxes: tuple[tuple[str, str], ...] = ()


_GST = ("GST", "0.05")

# Streets are invented; Canadian postal codes hold a 9 at the end that is hardly ever given out.
CANADA = (
    Place("48 Invented Crescent", "Apt 5", "Winnipeg", "R3C 9X9", "Manitoba", "MB", "Canada", "CA", "+1 204-555-0142",
          (_GST, ("PST", "0.07"))),
    Place("1207 Imaginary Road", None, "Kelowna", "V1Y 9Z9", "British Columbia", "BC", "Canada", "CA",
          "+1 250-555-0117", (_GST, ("PST", "0.07"))),
    Place("9 rue Inventée", "bureau 300", "Québec", "G1R 9V9", "Quebec", "QC", "Canada", "CA", "+1 418-555-0163",
          (_GST, ("QST", "0.09975"))),
    Place("300 Fictional Avenue", None, "Halifax", "B3J 9X9", "Nova Scotia", "NS", "Canada", "CA", "+1 902-555-0128",
          (("HST", "0.14"),)),
    Place("77 Made-up Lane", "Unit 12", "Calgary", "T2P 9Y9", "Alberta", "AB", "Canada", "CA", "+1 403-555-0190",
          (_GST,)),
)  # fmt: skip
UNITED_STATES = (
    Place("512 Nowhere Street", "Apt 2B", "Portland", "97299", "Oregon", "OR", "United States", "US",
          "+1 503-555-0138"),
    Place("1 Placeholder Plaza", None, "Buffalo", "14299", "New York", "NY", "United States", "US",
          "+1 716-555-0155", (("New York State Tax", "0.04"),)),
    Place("86 Example Trail", None, "Boulder", "80399", "Colorado", "CO", "United States", "US", "+1 303-555-0101"),
)  # fmt: skip
BRITAIN = (
    Place("14 Pretend Mews", None, "Bristol", "BS99 9ZZ", None, None, "United Kingdom", "GB", "+441632960123",
          (("GB VAT", "0.2"),)),
    Place("2 Fable Court", "Flat 7", "Glasgow", "G99 9ZZ", None, None, "United Kingdom", "GB", "+441632960177",
          (("GB VAT", "0.2"),)),
)  # fmt: skip
NO_POSTAL_CODE = tuple(replace(place, zip=None) for place in CANADA)


@dataclass(frozen=True, slots=True)
class Goods:
    """Something for sale; a download has no weight and is not shipped."""

    ref: int
    title: str
    variant: str | None
    price: Decimal
    grams: int
    sku: str
    vendor: str


SHIPPED = (
    Goods(1, "Stoneware mug", "Lake blue", Decimal("28.00"), 420, "MUG-LB", "Prairie Kiln"),
    Goods(2, "Linen tea towel", None, Decimal("18.50"), 110, "TOWEL-1", "Prairie Loom"),
    Goods(3, "Beeswax candle", "Large", Decimal("22.40"), 310, "CANDLE-L", "Clover & Wick"),
    Goods(4, "Wool socks", "M / Moss", Decimal("24.00"), 95, "SOCK-M-MOSS", "Prairie Loom"),
    Goods(5, "Oak serving spoon", None, Decimal("15.75"), 60, "SPOON-OAK", "Driftwood Bench"),
)
DOWNLOAD = Goods(6, "Glazing pattern (PDF)", None, Decimal("9.00"), 0, "PDF-GLAZE", "Prairie Kiln")


def names(number: int) -> tuple[str, str]:
    """First and last name of the buyer of this number."""
    return _FIRST_NAMES[number % len(_FIRST_NAMES)], _LAST_NAMES[number % len(_LAST_NAMES)]


def email(number: int) -> str:
    """Return an e-mail address of its own for every number, below a domain that is kept for examples."""
    return f"buyer.{number}@example.com"


def address(number: int, place: Place) -> dict[str, Any]:
    """Return the address of an order."""
    first, last = names(number)
    own = ("address1", "address2", "city", "zip", "province", "province_code", "country", "country_code", "phone")
    person = {"first_name": first, "last_name": last, "name": f"{first} {last}", "company": None}
    return person | {name: getattr(place, name) for name in own} | {"latitude": None, "longitude": None}


def customer_id(number: int) -> int:
    """Return the id of the account of this number."""
    return _FIRST_CUSTOMER + number


def customer(template: dict[str, Any], number: int, place: Place, created: str, updated: str) -> dict[str, Any]:
    """Return the account of this number as it stands inside an order."""
    first, last = names(number)
    ident = customer_id(number)
    home = address(number, place) | {"id": _FIRST_ADDRESS + number, "customer_id": ident, "default": True}
    return template | {
        "id": ident,
        "admin_graphql_api_id": f"gid://shopify/Customer/{ident}",
        "created_at": created,
        "updated_at": updated,
        "first_name": first,
        "last_name": last,
        "email": email(number),
        "phone": None,
        "default_address": home | {"country_name": place.country},
    }
