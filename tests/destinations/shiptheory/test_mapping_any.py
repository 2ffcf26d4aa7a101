"""Ten thousand orders: every booking is accepted by the vendor's rules, or held with a field named."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.destinations import shiptheory
from mappings.destinations.shiptheory.enums import SENDER_REQUIRED, Terms
from mappings.destinations.shiptheory.reference import base
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping import parcels
from plugin.sandbox.shiptheory.rules import check_booking
from tests.support.any_order import orders
from tests.support.examples import examples

if TYPE_CHECKING:
    from mappings.canonical.orders import Order


FIELDS = re.compile(r"^(\w+[\w.]*, )*\w+[\w.]*: ")
SETTINGS = st.builds(
    Terms,
    delivery_service=st.sampled_from([None, 39]),
    increment=st.sampled_from([None, 2]),
    mark_for_approval=st.booleans(),
    default_weight_g=st.sampled_from([None, 1, 350]),
    parcel_g=st.sampled_from([None, 1, 2000]),
    package_size=st.sampled_from([None, 11120]),
    origin_country=st.sampled_from([None, "CA"]),
    duty_tax_number=st.sampled_from([None, "IM123"]),
    duty_tax_number_type=st.sampled_from(["IOSS", "VOEC"]),
    latin=st.booleans(),
    address_line_chars=st.sampled_from([10, 35, 255]),
    missing_name=st.sampled_from([None, "-"]),
    missing_postcode=st.sampled_from([None, "0000"]),
    missing_sku=st.sampled_from(["variant", "hold"]),
    sender=st.sampled_from([None, dict.fromkeys(SENDER_REQUIRED, "x") | {"country": "GB"}, {"city": "Bath"}]),
)


def mapped(order: Order, terms: Terms, prefix: str) -> dict[str, Any] | str:
    """Return the booking of an order, or why it is held."""
    try:
        reference = base(order, prefix)
        return shiptheory.body(order, terms, reference=reference, store="demo.myshopify.com", platform="shopify")
    except BodyIncomplete as error:
        return str(error)


@settings(max_examples=examples(10_000, few=300), deadline=None, suppress_health_check=list(HealthCheck))
@given(order=orders(), terms=SETTINGS, prefix=st.sampled_from(["", "EN-"]))
def test_every_order_is_booked_or_held_by_name(order: Order, terms: Terms, prefix: str) -> None:
    """Accepted by the emulator's own rules, or held with the name of what is missing; nothing else is raised."""
    if parcels.skip_reason(order) is not None:
        return
    found = mapped(order, terms, prefix)
    if isinstance(found, str):
        assert FIELDS.match(found), found
        return
    assert check_booking(json.loads(json.dumps(found))) == {}
    lines = [found["recipient"].get(f"address_line_{place}", "") for place in (1, 2, 3)]
    assert max(map(len, lines)) <= terms.address_line_chars
