"""The shape of Shiptheory's booking (docs/vendors/shiptheory.md §3), and what its parts are dumped from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marshmallow import fields

from mappings.destinations.shiptheory.enums import SENDER_REQUIRED
from mappings.schemas.fields import Number
from mappings.schemas.schema import BodyIncomplete, Outbound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from mappings.canonical.orders import TaxNumber

# No length is documented; this is the usual width of a column, and longer texts could be refused, or cut in a word.
MOST_CHARS: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """The parcel as a whole; weights are kilograms."""

    weight: Decimal | None
    parcels: int
    value: Decimal
    currency_code: str
    reference3: str
    instructions: str | None
    channel_shipservice_name: str | None
    sales_source: str | None
    duty_tax_number: str | None
    duty_tax_number_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who gets it."""

    company: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    address_line_1: str | None = None
    address_line_2: str | None = None
    address_line_3: str | None = None
    city: str | None = None
    county: str | None = None
    postcode: str | None = None
    country: str | None = None
    telephone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What still ships of one line; value and weight are those of one unit."""

    name: str
    sku: str | None
    qty: int
    value: Decimal
    weight: Decimal | None
    commodity_code: str | None
    commodity_description: str
    commodity_manucountry: str | None


class DetailSchema(Outbound):
    """`shipment_detail`: numbers leave as JSON numbers, weights in kilograms with up to three decimals."""

    optional = frozenset(
        {"instructions", "channel_shipservice_name", "sales_source", "duty_tax_number", "duty_tax_number_type"}
    )

    weight = Number()
    parcels = fields.Integer()
    value = Number()
    currency_code = fields.String()
    reference3 = fields.String()
    instructions = fields.String()
    channel_shipservice_name = fields.String()
    sales_source = fields.String()
    duty_tax_number = fields.String()
    duty_tax_number_type = fields.String()


class RecipientSchema(Outbound):
    """`recipient`; a country is two letters here, though answers have three."""

    optional = frozenset({"company", "address_line_2", "address_line_3", "county", "telephone", "email"})

    company = fields.String()
    firstname = fields.String()
    lastname = fields.String()
    address_line_1 = fields.String()
    address_line_2 = fields.String()
    address_line_3 = fields.String()
    city = fields.String()
    county = fields.String()
    postcode = fields.String()
    country = fields.String()
    telephone = fields.String()
    email = fields.String()


class ProductSchema(Outbound):
    """One of `products`."""

    optional = frozenset({"commodity_code", "commodity_manucountry"})

    name = fields.String()
    sku = fields.String()
    qty = fields.Integer()
    value = Number()
    weight = Number()
    commodity_code = fields.String()
    commodity_description = fields.String()
    commodity_manucountry = fields.String()


_DETAIL: Final = DetailSchema()
_RECIPIENT: Final = RecipientSchema()
_PRODUCT: Final = ProductSchema()
_ADDRESS: Final = "not in the order's shipping address (platforms hide it from apps without access to personal data)"
_NAME: Final = f"{_ADDRESS}; for people of one name, set missing_name"
_WEIGHT: Final = "not in the order: set default_weight_g"
# Where what is missing has to come from, by its path or by its part.
_SOURCES: Final = {
    "shipment_detail.weight": _WEIGHT,
    "products.weight": _WEIGHT,
    "products.sku": "a line has none: set missing_sku=variant, or give the product one",
    "recipient": _ADDRESS,
    "recipient.postcode": f"{_ADDRESS}; where a country has none, set missing_postcode",
    "recipient.firstname": _NAME,
    "recipient.lastname": _NAME,
    "sender": "a sender needs it: set it with the other sender_ settings, or none of them",
}


def parts(
    detail: Detail,
    recipient: Recipient,
    products: Sequence[Product],
    *,
    sender: Mapping[str, str] | None,
    tax_numbers: Sequence[TaxNumber],
) -> dict[str, object]:
    """Dump the parts of a booking, and prove that nothing required is missing.

    Raises:
        BodyIncomplete: names every missing field at once, and where each has to come from.
    """
    whole, person = _DETAIL.dump(detail), _RECIPIENT.dump(recipient)
    items = [_PRODUCT.dump(one) for one in products]
    lacking = [
        *_lacking("shipment_detail", _DETAIL, whole),
        *_lacking("recipient", _RECIPIENT, person),
        *(path for item in items for path in _lacking("products", _PRODUCT, item)),
        *(f"sender.{key}" for key in SENDER_REQUIRED if sender and key not in sender),
    ]
    if lacking:
        raise BodyIncomplete(_complaint(lacking))
    long = [f"recipient.{key}" for key, text in person.items() if len(text) > MOST_CHARS]
    if long:
        raise BodyIncomplete(f"{', '.join(long)}: longer than {MOST_CHARS} characters (shorten it in the order)")
    if tax_numbers:
        person["tax_numbers"] = [{"tax_number": one.number, "tax_number_type": one.kind} for one in tax_numbers]
    dumped = {"shipment_detail": whole, "recipient": person, "products": items}
    return dumped | ({"sender": dict(sender)} if sender else {})


def _lacking(part: str, schema: Outbound, dumped: Mapping[str, object]) -> list[str]:
    return [f"{part}.{key}" for key in schema.required(dumped) if key not in dumped]


def _complaint(paths: Sequence[str]) -> str:
    """`path, path: reason; …`, those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        part, _, field = path.partition(".")
        reason = _SOURCES.get(path) or _SOURCES.get(part) or f"not in the order's {field}"
        reasons.setdefault(reason, []).append(path)
    return "; ".join(f"{', '.join(found)}: {reason}" for reason, found in reasons.items())
