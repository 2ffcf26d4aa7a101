"""DUMPS: an order into Shiptheory's booking, and a return (docs/vendors/shiptheory.md §3 and §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mappings.destinations.shiptheory.booking import parts
from mappings.destinations.shiptheory.parcel import (
    address_of,
    detail,
    fitted,
    packages,
    products,
    recipient,
    tax_numbers,
)
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping.parcels import pack

if TYPE_CHECKING:
    from datetime import date

    from mappings.canonical.orders import Order
    from mappings.destinations.shiptheory.enums import Terms


def body(order: Order, given: Terms, *, reference: str, store: str, platform: str) -> dict[str, Any]:
    """Give the booking for what still ships of an order that is to be shipped.

    `store` goes into the third reference, so that a shipment is known again for certain.

    Raises:
        BodyIncomplete: names every missing field at once, and where each has to come from.
    """
    address = address_of(order)
    place = fitted(address, given)
    packed = pack(order, default_weight_g=given.default_weight_g, most_g=given.parcel_g)
    items = products(packed, given)
    dumped = parts(
        detail(order, given, packed, items, place.instructions, store=store, platform=platform),
        recipient(order, address, place, given),
        items,
        sender=given.sender,
        tax_numbers=tax_numbers(order),
    )
    return {"reference": reference, "reference2": order.ref, **_service(given), **dumped, **packages(packed, given)}


def return_body(order: Order, given: Terms, *, reference: str, service: int, expires_on: date) -> dict[str, Any]:
    """Give the request for a return label of a shipment that was booked under `reference` (§9).

    Raises:
        BodyIncomplete: the order's address has no postcode, by which the vendor finds the shipment.
    """
    postcode = fitted(address_of(order), given).postal_code or given.missing_postcode
    if postcode is None:
        raise BodyIncomplete("delivery_postcode: not in the order's shipping address")
    return {
        "outgoing_reference": reference,
        "delivery_postcode": postcode,
        "return_service": service,
        "expiry": expires_on.isoformat(),
    }


def _service(given: Terms) -> dict[str, Any]:
    """`increment` and `mark_for_approval` are for bookings with a service only."""
    if given.delivery_service is None:
        return {}
    found: dict[str, Any] = {"delivery_service": given.delivery_service}
    if given.increment is not None:
        found["increment"] = given.increment
    return found | ({"mark_for_approval": True} if given.mark_for_approval else {})
