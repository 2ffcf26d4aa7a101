"""The parcels of an order: which lines ship, how much they weigh, and how they are divided.

Every shipping destination uses this alike; what a vendor takes is a parameter, never its name. Nothing is invented: a
weight that nobody said and no setting replaces stays unknown, and the vendor's own mapping holds the order by its name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from mappings.canonical.orders import DeliveryKind
from mappings.schemas.schema import BodyIncomplete

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mappings.canonical.orders import Line, Order

# More would rather be a wrong setting than a wish.
MOST_PARCELS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some units of one line; `quantity` is at least 1."""

    line: Line
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What goes into one box. `weight_g` is None when nobody knows it; `number` counts from 1."""

    number: int
    pieces: tuple[Piece, ...]
    weight_g: int | None


def skip_reason(order: Order) -> str | None:
    """Return why an order needs no shipment, None if it needs one.

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
    if not to_ship(order):
        return _nothing_to_ship(order)
    # Some platforms fill in an address all the same, even the warehouse's own, so the kind of delivery decides.
    return "the buyer picks the order up" if order.delivery == DeliveryKind.PICKUP else None


def is_called_off(order: Order) -> bool:
    """Return whether nobody waits for a parcel any more: cancelled, refunded in full, picked up, or left without goods.

    What was sent by other means meanwhile is still wanted, so fulfilment alone never calls an order off.
    """
    cancelled = order.cancelled_at is not None and not order.impossible_sample
    elsewhere = order.fully_refunded or order.delivery == DeliveryKind.PICKUP
    return cancelled or elsewhere or not any(_wanted(line) for line in _goods(order))


def to_ship(order: Order) -> tuple[Piece, ...]:
    """Return the goods that are still to be sent, without gift cards and what needs no shipping."""
    return tuple(
        Piece(line=line, quantity=line.quantity_to_ship) for line in _goods(order) if line.quantity_to_ship > 0
    )


def weight_g(pieces: Iterable[Piece]) -> int | None:
    """Return the sum of the weights in grams, None if one is unknown: a parcel booked too light is charged again.

    Zero counts as a weight. Shopify sends it for a line that weighs nothing and for one whose weight was never set
    (its own documented order has both), so only pieces that are nothing but zeros are unknown together.
    """
    total = 0
    for piece in pieces:
        if piece.line.unit_weight_g is None:
            return None
        total += piece.line.unit_weight_g * piece.quantity
    return total or None


def pack(order: Order, *, default_weight_g: int | None = None, most_g: int | None = None) -> tuple[Parcel, ...]:
    """Divide what still ships into parcels of at most `most_g` grams, in the order of the lines.

    Without `most_g`, or when the weight is unknown, it is one parcel; where nobody knows a weight, `default_weight_g`
    takes its place. A unit that is heavier by itself gets a parcel of its own.

    Raises:
        BodyIncomplete: so small a limit would make more than `MOST_PARCELS` parcels.
    """
    pieces = to_ship(order)
    known = weight_g(pieces)
    if most_g is None or known is None or known <= most_g:
        return (Parcel(number=1, pieces=pieces, weight_g=known or default_weight_g),)
    packed = _divide(pieces, most_g)
    return tuple(
        Parcel(number=number, pieces=tuple(inside), weight_g=weight_g(inside) or default_weight_g)
        for number, inside in enumerate(packed, start=1)
    )


def content(order: Order) -> str:
    """Return a fingerprint of what a parcel's label and declaration depend on: its address, and what was ordered.

    Payment, fulfilment and notes are not in it, so they change nothing about a booking.
    """
    address = asdict(order.shipping_address) if order.shipping_address else None
    lines = [[line.ref, _wanted(line), line.sku, str(line.unit_price.amount)] for line in _goods(order)]
    facts = {"address": address, "phone": order.phone, "lines": sorted(lines), "off": is_called_off(order)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _goods(order: Order) -> list[Line]:
    return [line for line in order.lines if line.requires_shipping and not line.gift_card]


def _wanted(line: Line) -> int:
    return line.quantity if line.quantity_kept is None else line.quantity_kept


def _divide(pieces: Iterable[Piece], most_g: int) -> list[list[Piece]]:
    packed: list[list[Piece]] = [[]]
    room = most_g
    for piece in pieces:
        grams, left = piece.line.unit_weight_g or 0, piece.quantity
        while left:
            fits = left if grams == 0 else min(left, room // grams)
            # With all its room left, a parcel holds at most what weighs nothing, and that rides along with anything.
            if fits == 0 and room < most_g:
                _add_parcel(packed)
                room = most_g
                continue
            taken = max(fits, 1)
            packed[-1].append(Piece(line=piece.line, quantity=taken))
            left -= taken
            room = max(0, room - taken * grams)
    return packed


def _add_parcel(packed: list[list[Piece]]) -> None:
    if len(packed) == MOST_PARCELS:
        raise BodyIncomplete(f"parcel_g: so little would make more than {MOST_PARCELS} parcels of this order")
    packed.append([])


def _nothing_to_ship(order: Order) -> str:
    if _goods(order):
        return "nothing left to ship: all of it was fulfilled or removed already"
    if order.lines and all(line.gift_card for line in order.lines):
        return "nothing to ship: gift cards only"
    return "nothing to ship: digital goods only" if order.lines else "nothing to ship: the order has no lines"
