"""What Shiptheory accepts in a request body (docs/vendors/shiptheory.md §3 and §9).

The body and code of a refused booking are not documented; the form `{"error": {field: {rule: text}}}` is that of
returns and products. The wording is ours. Where the page names no limit, the stricter plausible one is ours too.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from plugin.sandbox.kit.call import JsonObject
from plugin.sandbox.kit.checks import Check, check_object, count, filled, flag, one_of, optional, text
from plugin.sandbox.kit.countries import ALPHA3

LONGEST_REFERENCE = 25
_SALES_SOURCES = ("eBay", "Amazon", "Shopify", "Etsy", "BigCommerce", "OnBuy")
_DUTY_TYPES = ("ABN", "IOSS", "IRD", "OSS", "VOEC")
_COUNTRY = one_of(*ALPHA3)
_RETURN_DAYS = 30

Errors = dict[str, dict[str, str]]


def _at_most(longest: int, inner: Check = text) -> Check:
    def check(value: object) -> str | None:
        return inner(value) or (f"is longer than {longest} characters" if len(str(value)) > longest else None)

    return check


def _decimal(places: int, least: float, *, above: bool = False) -> Check:
    """Accept a JSON number with at most so many decimals; samples hold numbers, never text."""

    def check(value: object) -> str | None:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            return "must be a number"
        if value < least or (above and value == least):
            return f"must be {'above' if above else 'at least'} {least:g}"
        exponent = Decimal(repr(value)).normalize().as_tuple().exponent
        return f"has more than {places} decimals" if isinstance(exponent, int) and -exponent > places else None

    return check


def _day(value: object) -> str | None:
    try:
        fine = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) and date.fromisoformat(value)
    except ValueError:
        fine = None
    return None if fine else "must be YYYY-MM-DD"


def _country(value: object) -> str | None:
    return "must be a two-letter ISO country code" if _COUNTRY(value) else None


def _number_or_digits(value: object) -> str | None:
    """Accept an id: services give them as text, package sizes as numbers."""
    fine = (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isdecimal())
    return None if fine else "must be an id"


def _elsewhere(_: object) -> None:
    """Accept for now: parts are checked one by one."""


_what3words = re.compile(r"///[^.\s]+\.[^.\s]+\.[^.\s]+")


def _words(value: object) -> str | None:
    return None if isinstance(value, str) and _what3words.fullmatch(value) else "must be ///a.b.c"


_currency = re.compile(r"[A-Z]{3}")


def _currency_code(value: object) -> str | None:
    return None if isinstance(value, str) and _currency.fullmatch(value) else "must be a three-letter currency code"


_DETAIL: dict[str, Check] = {
    # Zero is refused: our choice, a parcel weighs something.
    "weight": _decimal(3, 0, above=True),
    "parcels": count,
    "value": _decimal(2, 0),
    "shipping_price": _decimal(2, 0),
    "reference3": text,
    "enhancement_id": _number_or_digits,
    "format_id": _number_or_digits,
    "instructions": text,
    "gift_message": text,
    "channel_shipservice_name": text,
    "currency_code": _currency_code,
    # Clients send other text too, so what the docs list is the stricter reading.
    "sales_source": one_of(*_SALES_SOURCES),
    "ship_date": _day,
    "rules_metadata": _at_most(50),
    "duty_tax_number": text,
    "duty_tax_number_type": one_of(*_DUTY_TYPES),
}
_PERSON: dict[str, Check] = {
    "company": text,
    "firstname": filled,
    "lastname": filled,
    "address_line_1": filled,
    "address_line_2": text,
    "address_line_3": text,
    "city": filled,
    "county": text,
    "postcode": filled,
    "country": _country,
    "telephone": text,
    "mobile": text,
    "email": text,
}
_RECIPIENT: dict[str, Check] = _PERSON | {"tax_number": text, "what3words": _words, "tax_numbers": _elsewhere}
_TAX: dict[str, Check] = {"tax_number": filled, "tax_number_type": one_of("VAT", "EORI", "PID")}
# The catalogue's limits (§9) hold here too: what is booked overwrites its entry of the same SKU.
_PRODUCT: dict[str, Check] = {
    "name": _at_most(255, filled),
    "sku": _at_most(100, filled),
    "qty": count,
    "value": _decimal(2, 0),
    "weight": _decimal(3, 0),
    "commodity_code": _at_most(100),
    "commodity_description": _at_most(100),
    "commodity_manucountry": _at_most(100),
    "commodity_composition": _at_most(100),
    "mid_code": _at_most(25),
}
_PACKAGE: dict[str, Check] = {"id": _number_or_digits, "weight": _decimal(2, 0)}
_BOOKING: dict[str, Check] = {
    "reference": _at_most(LONGEST_REFERENCE, filled),
    "reference2": filled,
    "delivery_service": optional(_number_or_digits),
    "increment": _number_or_digits,
    "mark_for_approval": flag,  # its type is not stated
} | dict.fromkeys(("shipment_detail", "recipient", "sender", "products", "packages", "tags"), _elsewhere)
_WHOLE_ADDRESS = ("firstname", "lastname", "address_line_1", "city", "postcode", "country")
_ONLY_WITH_SERVICE = ("increment", "mark_for_approval")
_DETAIL_ONLY_WITH_SERVICE = ("enhancement_id", "format_id")
_RETURN: dict[str, Check] = {
    "outgoing_reference": filled,
    "delivery_postcode": filled,
    "return_service": _number_or_digits,
    "expiry": _day,
}


def check_booking(body: JsonObject, *, strict: bool = True) -> Errors:
    """Return everything that is wrong with a booking, by the path of its field; an empty result is a good one."""
    look = _Look({}, strict)
    look.at("", body, _BOOKING, ("reference", "reference2", "shipment_detail", "recipient"))
    look.at("shipment_detail.", body.get("shipment_detail", {}), _DETAIL, ("weight", "parcels", "value"))
    look.at("recipient.", body.get("recipient", {}), _RECIPIENT, _WHOLE_ADDRESS)
    if "sender" in body:
        # "Cond." in the docs, without the condition: all of them is the stricter reading.
        look.at("sender.", body["sender"], _PERSON, _WHOLE_ADDRESS)
    look.each("products", body.get("products", []), _PRODUCT, ("name", "sku", "value", "weight"))
    look.each("packages", body.get("packages", []), _PACKAGE, ("id", "weight"))
    if isinstance(body.get("recipient"), dict):
        numbers = body["recipient"].get("tax_numbers", [])
        look.each("recipient.tax_numbers", numbers, _TAX, ("tax_number", "tax_number_type"))
    if not look.found:
        _together(look.found, body)
    return look.found


def _together(found: Errors, body: JsonObject) -> None:
    """Fields that ask for another one."""
    detail = body["shipment_detail"]
    if body.get("delivery_service") is None:
        alone = [name for name in _ONLY_WITH_SERVICE if name in body]
        alone += [name for name in _DETAIL_ONLY_WITH_SERVICE if name in detail]
        found.update({name: {"service": "is only for a booking with delivery_service"} for name in alone})
    if ("duty_tax_number" in detail) != ("duty_tax_number_type" in detail):
        found["duty_tax_number"] = {"pair": "number and type go together"}
    tags = body.get("tags")
    if tags is not None and not (isinstance(tags, list) and all(type(one) is int for one in tags)):
        found["tags"] = {"type": "must be a list of ids"}


def check_return(body: JsonObject, today: date | None = None) -> Errors:
    """Return what is wrong with a request for a return label; other data is ignored (§9)."""
    found: Errors = {}
    _Look(found, strict=False).at("", body, _RETURN, tuple(_RETURN))
    if "expiry" in found or not isinstance(body.get("expiry"), str):
        return found
    today = today or datetime.now(UTC).date()
    if not today <= date.fromisoformat(body["expiry"]) <= today + timedelta(days=_RETURN_DAYS):
        words = "Your returns label expiry is not allowed. The label must expire within 30 days"
        found["expiry"] = {"expiry_length": words}
    return found


class _Look:
    """Collects the first complaint about each part of a body."""

    def __init__(self, found: Errors, strict: bool) -> None:  # noqa: FBT001
        self.found = found
        self._strict = strict

    def at(self, path: str, part: object, fields: Mapping[str, Check], required: tuple[str, ...]) -> None:
        """Check one object."""
        if not isinstance(part, dict):
            self.found[path.rstrip(".")] = {"type": "must be an object"}
        elif wrong := check_object(part, fields, required, strict=self._strict):
            name, _, words = wrong.partition(" ")
            self.found[path + name] = {"invalid": words}

    def each(self, path: str, parts: object, fields: Mapping[str, Check], required: tuple[str, ...]) -> None:
        """Check a list of objects."""
        if not isinstance(parts, list):
            self.found[path] = {"type": "must be a list"}
            return
        for place, part in enumerate(parts):
            self.at(f"{path}.{place}.", part, fields, required)
