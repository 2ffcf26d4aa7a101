"""What a booking at Shiptheory says of an order: the parcel as a whole, who gets it, and what is in it.

See docs/vendors/shiptheory.md §3.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from mappings.destinations.shiptheory.booking import MOST_CHARS, Detail, Product, Recipient
from mappings.destinations.shiptheory.enums import DUTY_TAX_COUNTRIES, SALES_SOURCES, TAX_NUMBER_TYPES
from mappings.schemas.fields import as_json
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping.address_lines import Form, fit, names
from mappings.shipping.countries import alpha3
from mappings.shipping.phone import phone_of
from mappings.shipping.transliteration import latin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mappings.canonical.orders import Address, Line, Order, TaxNumber
    from mappings.destinations.shiptheory.enums import Terms
    from mappings.shipping.address_lines import Fitted
    from mappings.shipping.parcels import Parcel

# No length is documented but those of the catalogue (§9), whose entries a booking's products overwrite.
_NAME_CHARS, _SKU_CHARS, _COMMODITY_CHARS = 255, 100, 100
_CENT: Final = Decimal("0.01")
_GRAMS: Final = Decimal(1000)
_WITH_STATES: Final = frozenset({"AU", "CA", "US"})


def address_of(order: Order) -> Address:
    """Return where it goes; raise `BodyIncomplete` for an order that is to be sent and has no address at all."""
    if order.shipping_address is None:
        raise BodyIncomplete(
            "shipping_address: the order has none though goods are to be sent; an order for pick-up has none and needs"
            " no shipment"
        )
    return order.shipping_address


def fitted(address: Address, given: Terms) -> Fitted:
    """Return the address in at most three lines; what is left over goes into the instructions.

    Shiptheory names no length, but what is longer is cut by its carriers: `address_chars`.
    """
    lines = (given.address_line_chars,) * 3
    form = Form(lines=lines, name=MOST_CHARS, company=MOST_CHARS, instructions=MOST_CHARS, latin=given.latin)
    return fit(address, form)


def detail(
    order: Order,
    given: Terms,
    packed: Sequence[Parcel],
    items: Sequence[Product],
    overflow: str | None,
    *,
    store: str,
    platform: str,
) -> Detail:
    """Return the parcel as a whole: its weight and value are the sums of what is in it."""
    weights = [parcel.weight_g for parcel in packed]
    known = None if None in weights else sum(weight for weight in weights if weight)
    country = address_of(order).country_code
    kind = given.duty_tax_number_type
    asked = given.duty_tax_number and kind and country in DUTY_TAX_COUNTRIES[kind]
    return Detail(
        weight=_kilograms(known),
        parcels=len(packed),
        value=sum((item.value * item.qty for item in items), Decimal(0)),
        currency_code=order.currency,
        reference3=store[:MOST_CHARS],
        instructions=_instructions(order, given, overflow),
        channel_shipservice_name=_cut(", ".join(order.shipping_methods), MOST_CHARS) or None,
        sales_source=SALES_SOURCES.get(platform),
        duty_tax_number=given.duty_tax_number if asked else None,
        duty_tax_number_type=kind if asked else None,
    )


def recipient(order: Order, address: Address, place: Fitted, given: Terms) -> Recipient:
    """Return who gets it, with first and last name apart, both of which the vendor requires."""
    first, last = names(address)
    customer = order.customer
    coded = address.country_code in _WITH_STATES
    return Recipient(
        company=place.company,
        firstname=_latin(first, given) or given.missing_name,
        lastname=_latin(last, given) or given.missing_name,
        address_line_1=place.line(1),
        address_line_2=place.line(2),
        address_line_3=place.line(3),
        city=place.city,
        county=_latin((address.province_code if coded else None) or address.province or address.province_code, given),
        postcode=place.postal_code or given.missing_postcode,
        country=address.country_code,
        telephone=phone_of(order),
        email=order.email or (customer.email if customer else None),
    )


def products(packed: Sequence[Parcel], given: Terms) -> list[Product]:
    """Each line once, with all of it that ships; the value of a unit is after the line's own discount."""
    lines: dict[str, tuple[Line, int]] = {}
    for parcel in packed:
        for piece in parcel.pieces:
            _, so_far = lines.get(piece.line.ref, (piece.line, 0))
            lines[piece.line.ref] = (piece.line, so_far + piece.quantity)
    units = sum(quantity for _, quantity in lines.values())
    share = _share(packed, units)
    return [_product(line, quantity, share, given) for line, quantity in lines.values()]


def packages(packed: Sequence[Parcel], given: Terms) -> dict[str, Any]:
    """Return `packages`, for carriers that want sizes: each of the settings' size, with a weight of two decimals."""
    if given.package_size is None:
        return {}
    weights = [_kilograms(parcel.weight_g) for parcel in packed]
    sized = [
        {"id": given.package_size, "weight": as_json(max(weight.quantize(_CENT, rounding=ROUND_HALF_UP), _CENT))}
        for weight in weights
        if weight is not None
    ]
    return {"packages": sized}


def tax_numbers(order: Order) -> tuple[TaxNumber, ...]:
    """Return the buyer's numbers of the kinds that Shiptheory knows."""
    return tuple(one for one in order.tax_numbers if one.kind in TAX_NUMBER_TYPES)


def _product(line: Line, quantity: int, share: int | None, given: Terms) -> Product:
    own = line.sku or ((line.variant_ref or line.product_ref) if given.missing_sku == "variant" else None)
    if own is not None and len(own) > _SKU_CHARS:
        raise BodyIncomplete(
            f"products.sku: longer than {_SKU_CHARS} characters, which is the most that the vendor takes"
        )
    return Product(
        name=_cut(line.name, _NAME_CHARS),
        sku=own,
        qty=quantity,
        value=_unit_value(line),
        weight=_kilograms(line.unit_weight_g if share is None else share),
        commodity_code=line.hs_code and line.hs_code[:_COMMODITY_CHARS],
        commodity_description=_cut(line.name, _COMMODITY_CHARS),
        # Three letters, as the vendor's own samples of products have them, though addresses have two.
        commodity_manucountry=alpha3(line.origin_country or given.origin_country),
    )


def _share(packed: Sequence[Parcel], units: int) -> int | None:
    """Grams of a unit where the whole weighs what a setting says; None where the lines have weights of their own."""
    known = all(piece.line.unit_weight_g is not None for parcel in packed for piece in parcel.pieces)
    own = sum((piece.line.unit_weight_g or 0) * piece.quantity for parcel in packed for piece in parcel.pieces)
    weight = packed[0].weight_g
    if (known and own) or weight is None or not units:
        return None
    return weight // units


def _unit_value(line: Line) -> Decimal:
    whole = line.unit_price.amount * line.quantity - line.discount.amount
    value = max(whole, Decimal(0)) / line.quantity if line.quantity else line.unit_price.amount
    # Two decimals are all that its samples have, whatever the currency.
    return max(value, Decimal(0)).quantize(_CENT, rounding=ROUND_HALF_UP)


def _kilograms(grams: int | None) -> Decimal | None:
    return None if grams is None else Decimal(grams) / _GRAMS


def _instructions(order: Order, given: Terms, overflow: str | None) -> str | None:
    """Return what the address lines had no room for, then the buyer's note."""
    told = [overflow, order.note if given.note_as_instructions else None]
    return _cut(" ".join(" ".join(text.split()) for text in told if text), MOST_CHARS) or None


def _latin(text: str | None, given: Terms) -> str | None:
    return " ".join((latin(text) if given.latin else text).split()) or None if text else None


def _cut(text: str, most: int) -> str:
    """Cut after a word, where there is one."""
    if len(text) <= most:
        return text
    return text[: most + 1].rsplit(" ", 1)[0][:most].rstrip(" ,") or text[:most].rstrip()
