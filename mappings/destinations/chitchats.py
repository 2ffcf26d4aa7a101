"""DUMPS: an order into Chit Chats' create request (chitchats.md section 4).  LOADS: its shipments."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mappings.currency import rounded
from mappings.destinations._chitchats_body import WITH_PROVINCES, Item, Package, Shipment, ShipmentSchema
from mappings.destinations._chitchats_reply import (
    DEAD_STATUSES,
    DRAFT_STATUSES,
    FAILED_STATUSES,
    PAID_STATUSES,
    REQUESTED_STATUSES,
    Listed,
    listed,
    receipt,
)
from mappings.destinations._chitchats_terms import order_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mappings.canonical import Address, Line, Order

__all__ = [
    "DEAD_STATUSES",
    "DRAFT_STATUSES",
    "FAILED_STATUSES",
    "PAID_STATUSES",
    "REQUESTED_STATUSES",
    "Listed",
    "Package",
    "body",
    "listed",
    "receipt",
    "skip_reason",
]

_CURRENCIES: Final = {"CAD": "cad", "USD": "usd"}
# The vendor's limit is unknown; clients cap at 100 to 255 (section 4).
_MAX_DESCRIPTION_CHARS: Final = 100

_SHIPMENT: Final = ShipmentSchema()


def skip_reason(order: Order) -> str | None:
    """Say why an order needs no shipment, or `None` if it does.

    The platform's documentation sample counts as an order to ship, so that a developer who sends it sees it booked.
    """
    if order.cancelled_at and not order.impossible_sample:
        return "the order was cancelled"
    if order.test and not order.impossible_sample:
        return "a test order"
    if order.fully_refunded:
        return "the order was fully refunded"
    if order.point_of_sale and order.shipping_address is None:
        return "sold at the counter: no shipping address"
    return None if _to_ship(order) else _nothing_to_ship(order)


def _nothing_to_ship(order: Order) -> str:
    if any(line.requires_shipping and not line.gift_card for line in order.lines):
        return "nothing left to ship: all of it was fulfilled or removed already"
    if order.lines and all(line.gift_card for line in order.lines):
        return "nothing to ship: gift cards only"
    return "nothing to ship: digital goods only" if order.lines else "nothing to ship: the order has no lines"


def _to_ship(order: Order) -> list[Line]:
    return [line for line in order.lines if line.requires_shipping and not line.gift_card and line.quantity_to_ship]


def body(order: Order, package: Package, *, platform: str) -> dict[str, Any]:
    """Give the create request for what still ships of an order that has no `skip_reason`.

    Raises:
        BodyIncomplete: names every missing field at once, and where each has to come from.
    """
    return _SHIPMENT.body(_shipment(order, package, platform))


def _shipment(order: Order, package: Package, platform: str) -> Shipment:
    address, customer = order.shipping_address, order.customer
    items = [_item(line, package) for line in _to_ship(order)]
    return Shipment(
        order=order,
        address=address,
        package=package,
        items=items,
        name=_recipient(address),
        phone=(address.phone if address else None) or order.phone or (customer.phone if customer else None),
        email=order.email or (customer.email if customer else None),
        province=_province(address),
        description=package.description or _cut(", ".join(item.line.name for item in items)),
        value=sum((item.unit_value * item.line.quantity_to_ship for item in items), Decimal(0)),
        currency=_CURRENCIES.get(order.currency),
        weight=_weight_g(items) or package.default_weight_g,
        order_store=order_store(platform),
    )


def _item(line: Line, package: Package) -> Item:
    whole = line.unit_price.amount * line.quantity - line.discount.amount
    unit_value = max(whole, Decimal(0)) / line.quantity if line.quantity else line.unit_price.amount
    return Item(
        line=line,
        unit_value=rounded(unit_value, line.unit_price.currency),
        description=_cut(line.name),
        currency=_CURRENCIES.get(line.unit_price.currency),
        origin_country=line.origin_country or package.origin_country,
    )


def _recipient(address: Address | None) -> str | None:
    if address is None:
        return None
    person = " ".join(part for part in (address.first_name, address.last_name) if part)
    return address.name or person or address.company


def _province(address: Address | None) -> str | None:
    if address is None:
        return None
    # Where codes are obligatory a name does not pass for one; elsewhere free text is taken (#72).
    return address.province_code or (None if address.country_code in WITH_PROVINCES else address.province)


def _weight_g(items: Sequence[Item]) -> int | None:
    """Sum the weights; one unknown weight makes the sum unknown, as a parcel booked too light is charged again.

    Zero is taken as said. Shopify sends it for a line that weighs nothing and for one whose weight was never set
    (its own documented order has both), so only an order of nothing but zeros asks for the default.
    """
    weights = [item.line.unit_weight_g for item in items]
    if any(weight is None for weight in weights):
        return None
    return sum((item.line.unit_weight_g or 0) * item.line.quantity_to_ship for item in items)


def _cut(text: str) -> str:
    if len(text) <= _MAX_DESCRIPTION_CHARS:
        return text
    return text[: _MAX_DESCRIPTION_CHARS + 1].rsplit(" ", 1)[0][:_MAX_DESCRIPTION_CHARS].rstrip(" ,")
