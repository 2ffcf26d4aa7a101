"""Ten thousand orders of every kind: what we send is what Chit Chats takes, and what lacks a part is held by name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.destinations import chitchats
from mappings.schemas.schema import BodyIncomplete
from plugin.sandbox.chitchats.rates import check_zone
from plugin.sandbox.chitchats.rules import check_shipment
from tests.support.any_order import orders
from tests.support.examples import examples

if TYPE_CHECKING:
    from mappings.canonical.orders import Order


NAMED = re.compile(r"[a-z_0-9]+(\[\d+\]\.[a-z_]+)?(, [a-z_0-9]+)*: ")
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


@settings(max_examples=examples(10_000, few=300), deadline=None, suppress_health_check=list(HealthCheck))
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
