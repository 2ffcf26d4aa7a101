"""The words Chit Chats knows: its enumerations (docs/vendors/chitchats.md §4), and what of its bodies may be shown."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from mappings.destinations.chitchats.customs import customs
from mappings.destinations.chitchats.shipment import WIDEST, Package

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE_CONTENTS: Final = ("merchandise", "documents", "gift", "returned_goods", "sample", "other")
PACKAGE_TYPES: Final = (
    *("parcel", "unknown", "card", "letter", "envelope", "thick_envelope", "flat_rate_envelope"),
    *("flat_rate_legal_envelope", "flat_rate_padded_envelope", "flat_rate_gift_card_envelope"),
    *("flat_rate_window_envelope", "flat_rate_cardboard_envelope", "small_flat_rate_envelope", "small_flat_rate_box"),
    *("medium_flat_rate_box_1", "medium_flat_rate_box_2", "large_flat_rate_box"),
)
# Retired types are left out: they answer `Unable to fetch postage rate`.
POSTAGE_TYPES: Final = (
    *("unknown", "chit_chats_us_edge", "chit_chats_us_select", "chit_chats_us_slim", "usps_express", "usps_first"),
    *("usps_ground_advantage", "usps_library_mail", "usps_media_mail", "usps_priority", "usps_other"),
    *("chit_chats_canada_tracked", "chit_chats_select", "chit_chats_slim", "chit_chats_international_tracked"),
    *("canada_post_tracked_packet_usa", "canada_post_expedited_parcel_usa", "usps_express_mail_international"),
    *("usps_first_class_mail_international", "usps_first_class_package_international_service"),
    "usps_priority_mail_international",
)
PLAIN: Final = frozenset(
    {
        *("id", "status", "batch_id", "order_id", "order_store", "created_at", "ship_date", "carrier", "postage_type"),
        *("package_type", "package_contents", "size_unit", "size_x", "size_y", "size_z", "weight", "weight_unit"),
        *("value", "value_currency", "value_amount", "currency_code", "quantity", "sku_code", "hs_tariff_code"),
        *("country_code", "to_country_code", "origin_country", "purchase_amount", "payment_amount"),
        *("postage_description", "type"),
    }
)
_STORES: Final = frozenset(
    {"adobe_commerce", "amazon", "bigcommerce", "ebay", "etsy", "shipstation", "shopify", "squarespace", "woocommerce"}
)


def order_store(platform: str) -> str:
    """Return a platform in Chit Chats' words; one that it does not list is `other`."""
    return platform if platform in _STORES else "other"


def package(values: Mapping[str, str]) -> Package:
    """Return a connection's settings as the mapping takes them."""
    return Package(
        default_weight_g=_grams(values, "default_weight_g"),
        parcel_g=_grams(values, "parcel_g"),
        package_type=values.get("package_type"),
        size_unit=values.get("size_unit"),
        size_x=_size(values, "size_x"),
        size_y=_size(values, "size_y"),
        size_z=_size(values, "size_z"),
        postage_type=values.get("postage_type"),
        ship_date=values.get("ship_date"),
        description=values.get("description"),
        package_contents=values.get("package_contents"),
        customs=customs(values),
        insurance=values.get("insurance") == "yes",
        signature=values.get("signature") == "yes",
        address_chars=max(1, int(values.get("address_chars", WIDEST))),
        latin=values.get("script") == "latin",
    )


def _grams(values: Mapping[str, str], name: str) -> int | None:
    """Whole grams, at least one: a fraction of a gram is still something."""
    return max(1, int(Decimal(values[name]))) if name in values else None


def _size(values: Mapping[str, str], name: str) -> Decimal | None:
    return Decimal(values[name]) if name in values else None
