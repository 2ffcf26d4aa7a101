"""What Chit Chats accepts in a request body (docs/vendors/chitchats.md §4).

The wording of complaints is ours except where the page quotes one: exact validation messages are unknown.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from plugin.sandbox.kit.call import JsonObject, VendorError
from plugin.sandbox.kit.checks import (
    Check,
    amount,
    amount_or_number,
    check_object,
    count,
    empty_or,
    filled,
    flag,
    list_of_text,
    number,
    number_or_text,
    one_of,
    optional,
    text,
    words,
)
from plugin.sandbox.kit.countries import COUNTRIES, POSTAL_CODES, PROVINCES

# The samples of §5 show -08:00; the zone in which `today` is reckoned is unknown.
PACIFIC = timezone(timedelta(hours=-8))
_LAST_SHIP_DAY = timedelta(days=7)  # undocumented range; 7 days is what one client allows itself
_PACKAGES = words("""
    unknown card letter envelope thick_envelope parcel flat_rate_envelope flat_rate_legal_envelope
    flat_rate_padded_envelope flat_rate_gift_card_envelope flat_rate_window_envelope flat_rate_cardboard_envelope
    small_flat_rate_envelope small_flat_rate_box medium_flat_rate_box_1 medium_flat_rate_box_2 large_flat_rate_box
""")
_POSTAGES = words("""
    unknown chit_chats_us_edge chit_chats_us_select usps_express usps_first usps_ground_advantage usps_library_mail
    usps_media_mail usps_priority usps_other chit_chats_canada_tracked chit_chats_select chit_chats_slim
    chit_chats_international_tracked usps_express_mail_international usps_first_class_mail_international
    usps_first_class_package_international_service usps_priority_mail_international chit_chats_us_slim
    canada_post_tracked_packet_usa canada_post_expedited_parcel_usa
""")
_RETIRED = words("""
    chit_chats_us_tracked chit_chats_us_economy_tracked chit_chats_domestic_tracked chit_chats_international_not_tracked
    chit_chats_collect usps_parcel_select asendia_priority_tracked ups_mi_expedited ups_other fedex_other dhl_other
""")
# Whether order_store is checked is unknown; the enumeration is the stricter of the page's two sources.
_STORES = words("""
    adobe_commerce amazon bigcommerce ebay etsy shipstation shopify squarespace woocommerce other
""")
_COUNTRY = one_of(*sorted(COUNTRIES))
_WEIGHT_UNIT = one_of("lb", "oz", "kg", "g")
_MAKER = ("contact", "street", "street_2", "city", "postal_code", "province_code", "phone", "email")


def _country(value: object) -> str | None:
    return "must be an ISO 3166-1 alpha-2 code in upper case" if _COUNTRY(value) else None


def _ship_date(value: object) -> str | None:
    if value in {"today", ""}:
        return None
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("YYYY-MM-DD") else None
    except ValueError:
        day = None
    if day is None:
        return "must be today or YYYY-MM-DD"
    return None if today() <= day <= today() + _LAST_SHIP_DAY else "is in the past or too far ahead"


def today() -> date:
    """Return the day at Chit Chats."""
    return datetime.now(UTC).astimezone(PACIFIC).date()


_ITEM: dict[str, Check] = {
    "quantity": count,
    "description": filled,
    "value_amount": amount,
    "currency_code": one_of("cad", "usd"),
    "hs_tariff_code": optional(text),
    "sku_code": optional(text),
    "origin_country": optional(empty_or(_country)),
    "weight": number_or_text,
    "weight_unit": _WEIGHT_UNIT,
    "manufacturer_id": optional(text),
    "manufacturer_country_code": optional(empty_or(_country)),
} | {f"manufacturer_{part}": optional(text) for part in _MAKER}
_ITEM_REQUIRED = ("quantity", "description", "value_amount", "currency_code")


# Unknown keys of a line item are refused whatever the setting: a misspelt one costs the duty-paid rates, silently.
def _line_items(value: object) -> str | None:
    if not isinstance(value, list):
        return "must be a list"
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            return f"[{place}] must be an object"
        if wrong := check_object(item, _ITEM, _ITEM_REQUIRED, strict=True):
            return f"[{place}].{wrong}"
    return None


_SHIPMENT: dict[str, Check] = {
    "name": filled,
    "address_1": filled,
    "address_2": text,
    "city": filled,
    "province_code": text,
    "postal_code": text,
    "country_code": _country,
    "phone": text,
    "email": text,
    "package_contents": one_of("merchandise", "documents", "gift", "returned_goods", "sample", "other"),
    "description": filled,
    "value": amount_or_number,
    "value_currency": one_of("cad", "usd", "CAD", "USD"),  # lower case is documented; "CAD" was accepted (#72)
    "order_id": text,
    "order_store": one_of("", *_STORES),
    "package_type": one_of(*_PACKAGES),
    "weight_unit": _WEIGHT_UNIT,
    "weight": number_or_text,
    "size_unit": one_of("m", "cm", "in"),
    "size_x": number,
    "size_y": number,
    "size_z": number,
    "postage_type": text,
    "cheapest_postage_type_requested": one_of("yes", "no", ""),
    "ship_date": _ship_date,
    "tracking_number": text,
    "insurance_requested": flag,
    "signature_requested": flag,
    "vat_reference": text,
    "duties_paid_requested": flag,
    "line_items": _line_items,
} | {
    f"return_{part}": text
    for part in ("name", "address_1", "address_2", "city", "province_code", "postal_code", "phone")
}
# weight, sizes and ship_date are required in the page's table, yet leaving them out is known to be answered 201 with
# empty rates (§11), so they are not here.
_REQUIRED = (
    "name",
    "address_1",
    "city",
    "country_code",
    "description",
    "value",
    "value_currency",
    "package_type",
)
_REFRESH: dict[str, Check] = {
    "insurance_requested": flag,
    "media_mail_requested": flag,
    "signature_requested": flag,
    "ship_date": _ship_date,
}


def check_shipment(body: JsonObject, *, strict: bool) -> None:
    """Refuse a shipment the page says is wrong, naming the first field at fault."""
    _refuse(check_object(body, _SHIPMENT, _REQUIRED, strict=strict))
    check_postage(body.get("postage_type", ""))
    for rule in (_address, _return_address, _units, _items, _duties, _cheapest, _own_postage):
        _refuse(rule(body))


def check_postage(postage: str) -> None:
    """Refuse a postage type that never was, or is no more (messages of §11)."""
    if postage in _RETIRED:
        raise VendorError(400, "Unable to fetch postage rate")
    if postage and postage not in _POSTAGES:
        raise VendorError(400, "Unknown postage_type")


def check_refresh(body: JsonObject, package_type: str, *, strict: bool) -> None:
    """Check what refresh is documented to take (§6)."""
    _refuse(check_object(body, _REFRESH, (), strict=strict))
    if body.get("media_mail_requested") and package_type == "parcel":
        raise VendorError(400, "is_media_mail field not supported for Parcel")


def check_buy(body: JsonObject, *, strict: bool) -> None:
    """Check what buy is documented to take (§7)."""
    _refuse(check_object(body, {"postage_type": filled}, (), strict=strict))
    check_postage(body.get("postage_type", ""))


def check_batching(body: JsonObject, *fields: str, strict: bool) -> None:
    """Check the body of add_to_batch and remove_from_batch (§2)."""
    checks: dict[str, Check] = {"batch_id": count, "shipment_ids": list_of_text}
    _refuse(check_object(body, {name: checks[name] for name in fields}, fields, strict=strict))


def _refuse(complaint: str) -> None:
    if complaint:
        raise VendorError(400, complaint)


def _address(body: JsonObject) -> str:
    return _place(body, "", body["country_code"])


def _return_address(body: JsonObject) -> str:
    # Only return addresses in the US are taken (§4); that a part of one asks for the whole is our choice.
    given = any(value for name, value in body.items() if name.startswith("return_"))
    return _place(body, "return_", "US") if given else ""


def _place(body: JsonObject, prefix: str, country: str) -> str:
    if country not in PROVINCES:
        return ""
    if body.get(f"{prefix}province_code") not in PROVINCES[country]:
        return f"{prefix}province_code must be a two-letter code of {country}"
    if not re.fullmatch(POSTAL_CODES[country], body.get(f"{prefix}postal_code", "")):
        return f"{prefix}postal_code is not a postal code of {country}"
    return ""


def _units(body: JsonObject) -> str:
    if "weight" in body and "weight_unit" not in body:
        return "weight_unit is required"
    return "size_unit is required" if body.keys() & {"size_x", "size_y", "size_z"} and "size_unit" not in body else ""


def _items(body: JsonObject) -> str:
    abroad = body["country_code"] not in PROVINCES
    return "line_items is required outside CA and US" if abroad and not body.get("line_items") else ""


def _duties(body: JsonObject) -> str:
    if not body.get("duties_paid_requested") or body["country_code"] in PROVINCES:
        return ""  # for CA and US the rates vanish instead (§4)
    if body.get("postage_type") != "chit_chats_international_tracked":
        return "duties_paid_requested is only for chit_chats_international_tracked"
    return "" if body.get("vat_reference") else "vat_reference is required with duties_paid_requested"


def _cheapest(body: JsonObject) -> str:
    named = body.get("postage_type", "") not in {"", "unknown"}
    asked = body.get("cheapest_postage_type_requested") == "yes"
    return "cheapest_postage_type_requested is only for postage_type unknown" if asked and named else ""


def _own_postage(body: JsonObject) -> str:
    # "leave ship_date out" (§4): that both together are refused is our choice.
    both = body.get("tracking_number") and body.get("ship_date")
    return "tracking_number is for shipments without ship_date" if both else ""
