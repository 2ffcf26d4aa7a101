"""The words Shiptheory knows, and a connection's settings as its mapping takes them (docs/vendors/shiptheory.md §3)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_EU: Final = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)
# Where each kind of number is asked for; to other countries it is not sent.
DUTY_TAX_COUNTRIES: Final = {
    "ABN": frozenset({"AU"}),
    "IOSS": _EU,
    "IRD": frozenset({"NZ"}),
    "OSS": _EU,
    "VOEC": frozenset({"NO"}),
}
TAX_NUMBER_TYPES: Final = frozenset({"VAT", "EORI", "PID"})
SALES_SOURCES: Final = {"shopify": "Shopify", "bigcommerce": "BigCommerce"}
SENDER: Final = (
    *("company", "firstname", "lastname", "address_line_1", "address_line_2", "address_line_3", "city", "county"),
    *("postcode", "country", "telephone", "email"),
)
# "Cond." in the docs, which do not say on what it depends; with a sender all of them are asked for.
SENDER_REQUIRED: Final = frozenset({"firstname", "lastname", "address_line_1", "city", "postcode", "country"})
# Keys of bodies whose values tell nothing about a person.
PLAIN: Final = frozenset(
    {
        *(
            "reference",
            "reference2",
            "delivery_service",
            "increment",
            "mark_for_approval",
            "weight",
            "parcels",
            "value",
        ),
        *("currency_code", "sales_source", "duty_tax_number_type", "tax_number_type", "country", "qty", "sku", "id"),
        *("commodity_code", "commodity_manucountry", "outgoing_reference", "return_service", "expiry"),
        *("success", "status", "carrier", "type", "created", "modified", "code", "url"),
        *("channel_reference_id", "channel_reference_id_2", "couriername", "page", "pages", "results", "limit"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a booking needs and an order may lack. `sender` is empty where the account's own address is right."""

    delivery_service: int | None = None
    increment: int | None = None
    mark_for_approval: bool = False
    default_weight_g: int | None = None
    parcel_g: int | None = None
    package_size: int | None = None
    origin_country: str | None = None
    duty_tax_number: str | None = None
    duty_tax_number_type: str | None = None
    note_as_instructions: bool = True
    latin: bool = False
    address_line_chars: int = 35
    missing_name: str | None = None
    missing_postcode: str | None = None
    missing_sku: str = "variant"
    sender: Mapping[str, str] | None = None


def terms(values: Mapping[str, str]) -> Terms:
    """Read a connection's settings, which were checked when they were given."""
    return Terms(
        delivery_service=_whole(values, "delivery_service"),
        increment=_whole(values, "increment"),
        mark_for_approval=values.get("mark_for_approval") == "yes",
        default_weight_g=_whole(values, "default_weight_g"),
        parcel_g=_whole(values, "parcel_g"),
        package_size=_whole(values, "package_size"),
        origin_country=values.get("origin_country"),
        duty_tax_number=values.get("duty_tax_number"),
        duty_tax_number_type=values.get("duty_tax_number_type"),
        note_as_instructions=values.get("note_as_instructions", "yes") == "yes",
        latin=values.get("script") == "latin",
        address_line_chars=_whole(values, "address_chars") or Terms().address_line_chars,
        missing_name=values.get("missing_name"),
        missing_postcode=values.get("missing_postcode"),
        missing_sku=values.get("missing_sku", "variant"),
        sender={name: values[f"sender_{name}"] for name in SENDER if values.get(f"sender_{name}")} or None,
    )


def _whole(values: Mapping[str, str], name: str) -> int | None:
    return int(Decimal(values[name])) if values.get(name) else None
