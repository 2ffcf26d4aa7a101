"""DUMPS: an order into Chit Chats' create request (docs/vendors/chitchats.md §4).  LOADS: its shipments."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mappings.destinations.chitchats.enums import order_store
from mappings.destinations.chitchats.limits import complaints
from mappings.destinations.chitchats.rates import UNCHOSEN, fixed, rule_for
from mappings.destinations.chitchats.shipment import WIDEST, Item, Package, Shipment, ShipmentSchema
from mappings.schemas.currency import rounded
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping.address_lines import Form, fit, province_code
from mappings.shipping.parcels import content, pack
from mappings.shipping.phone import phone_of
from mappings.shipping.provinces import WITH_PROVINCES
from mappings.shipping.transliteration import latin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.orders import Address, Order
    from mappings.shipping.address_lines import Fitted
    from mappings.shipping.parcels import Parcel, Piece

_CURRENCIES: Final = {"CAD": "cad", "USD": "usd"}
# The vendor's limit is unknown; clients cap at 100 to 255 (§4).
_MAX_DESCRIPTION_CHARS: Final = 100

_SHIPMENT: Final = ShipmentSchema()


def body(order: Order, package: Package, *, platform: str, number: int = 1) -> dict[str, Any]:
    """Give the create request for a parcel of what still ships of an order that has no `skip_reason`.

    Raises:
        BodyIncomplete: names every missing or impossible field, and where each has to come from.
    """
    made = _SHIPMENT.body(_shipment(order, package, platform, parcels(order, package)[number - 1]))
    wrong = complaints(made)
    if wrong:
        raise BodyIncomplete("; ".join(wrong))
    return made


def parcels(order: Order, package: Package) -> tuple[Parcel, ...]:
    """Return the parcels of an order, each a shipment of its own: the vendor knows none with several."""
    return pack(order, default_weight_g=package.default_weight_g, most_g=package.parcel_g)


def fingerprint(order: Order, parcel: Parcel) -> str:
    """Return what tells whether a shipment still is what the order asks for; the settings are not in it."""
    pieces = [f"{piece.line.ref}:{piece.quantity}" for piece in parcel.pieces]
    told = " ".join([content(order), str(parcel.number), *pieces])
    return hashlib.sha256(told.encode()).hexdigest()


def is_same(sent: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    """Return whether a shipment that was found says what the request would say, however the vendor spells it."""
    names = ("name", "address_1", "address_2", "city", "postal_code", "country_code", "value")
    return all(_plain(sent.get(name)) == _plain(wanted.get(name)) for name in names)


def _plain(text: object) -> str:
    return "".join(str(text or "").split()).casefold()


def _shipment(order: Order, package: Package, platform: str, parcel: Parcel) -> Shipment:
    address, customs = order.shipping_address, package.customs
    country = address.country_code if address else None
    items = [_item(order, piece, package, country) for piece in parcel.pieces]
    postage = fixed(rule_for(package.postage_type or UNCHOSEN, country))
    return Shipment(
        order=order,
        address=address,
        fitted=_fitted(address, package),
        package=package,
        items=items,
        phone=phone_of(order),
        email=order.email or (order.customer.email if order.customer else None),
        province=_province(address, package) if address else None,
        description=package.description or _cut(", ".join(item.line.name for item in items)),
        value=sum((item.unit_value * item.quantity for item in items), Decimal(0)),
        currency=_CURRENCIES.get(order.currency),
        weight=parcel.weight_g,
        order_store=order_store(platform),
        postage=postage,
        vat_reference=customs.vat_for(country),
        duties_paid=customs.duties_for(country, postage),
    )


def _fitted(address: Address | None, package: Package) -> Fitted | None:
    if address is None:
        return None
    width = package.address_chars
    return fit(address, Form(lines=(width, width), name=WIDEST, other=WIDEST, latin=package.latin))


def _province(address: Address, package: Package) -> str | None:
    province = province_code(address, WITH_PROVINCES)
    return latin(province) if province and package.latin else province


def _item(order: Order, piece: Piece, package: Package, country: str | None) -> Item:
    line, customs = piece.line, package.customs
    whole = line.unit_price.amount * line.quantity - line.discount.amount
    unit_value = max(whole, Decimal(0)) / line.quantity if line.quantity else line.unit_price.amount
    return Item(
        line=line,
        quantity=piece.quantity,
        unit_value=rounded(unit_value, order.currency),
        description=_cut(line.name),
        currency=_CURRENCIES.get(line.unit_price.currency),
        origin_country=line.origin_country or customs.origin_country,
        hs_tariff_code=line.hs_code or customs.hs_tariff_code,
        maker=customs.maker_for(country),
    )


def _cut(text: str) -> str:
    if len(text) <= _MAX_DESCRIPTION_CHARS:
        return text
    short = text[: _MAX_DESCRIPTION_CHARS + 1].rsplit(" ", 1)[0][:_MAX_DESCRIPTION_CHARS].rstrip(" ,")
    return short or text[:_MAX_DESCRIPTION_CHARS]
