"""What ships, how heavy it is and in how many parcels it goes, for every shipping destination alike."""

# ruff: noqa: ANN401  (changes to dataclasses are of any type)

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonical.orders import Address, DeliveryKind, Line, Money, Order, Topic
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping import parcels
from mappings.storefronts.shopify import load
from tests.support.golden import CANONICAL, read
from tests.support.shop import ADDRESS, sent

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def order(**changes: Any) -> Order:
    """Return the usual order with changes."""
    found: Order = read(Order, CANONICAL / "order_created__web.json")
    return replace(found, **changes)


def line(ref: str = "1", quantity: int = 1, **changes: Any) -> Line:
    """Return a line of goods with changes."""
    money = Money(amount=Decimal(10), currency="CAD")
    nothing = Money(amount=Decimal(0), currency="CAD")
    known: dict[str, Any] = {"unit_weight_g": 100, "quantity_to_ship": quantity, "requires_shipping": True}
    made: dict[str, Any] = {
        "ref": ref,
        "name": ref,
        "quantity": quantity,
        "unit_price": money,
        "discount": nothing,
        "tax": nothing,
    }
    return Line(**(made | known | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"delivery": DeliveryKind.PICKUP}, "picks"),
        ({"delivery": DeliveryKind.PICKUP, "shipping_address": Address(address1="The Warehouse")}, "picks"),
        ({"delivery": DeliveryKind.SHIP}, None),
        ({"delivery": None}, None),
        ({"lines": (line(gift_card=True),)}, "gift cards"),
        ({"lines": (line(requires_shipping=False),)}, "digital"),
        ({"lines": (line(quantity_to_ship=0),)}, "nothing left"),
        ({"cancelled_at": NOW}, "cancelled"),
    ],
)
def test_only_orders_that_go_to_a_buyer_ship(changes: dict[str, Any], words: str | None) -> None:
    """Picking up and clicking and collecting need no parcel, whatever address the platform fills in."""
    reason = parcels.skip_reason(order(**changes))
    assert (reason is None) if words is None else words in (reason or "")


def test_a_way_of_delivery_without_an_address_is_a_pick_up() -> None:
    """Shopify gives pick-up orders no address; without a way of delivery either, nobody knows."""
    document = sent("orders_create") | {"shipping_address": None}
    assert load_order(document).delivery == DeliveryKind.PICKUP
    assert load_order(document | {"shipping_lines": []}).delivery is None
    assert load_order(sent("orders_create")).delivery == DeliveryKind.SHIP


def load_order(document: dict[str, Any]) -> Order:
    """Return the order that a Shopify body is read as."""
    found = load(Topic.ORDER_CREATED, document, ADDRESS)
    assert isinstance(found, Order)
    return found


def test_what_was_sent_or_taken_out_does_not_ship_again() -> None:
    """Only what is still to be fulfilled is in the parcel."""
    mixed = order(lines=(line("1", 3, quantity_to_ship=1), line("2", 2, quantity_to_ship=0), line("3", gift_card=True)))
    assert [(piece.line.ref, piece.quantity) for piece in parcels.to_ship(mixed)] == [("1", 1)]


def test_an_order_is_called_off_by_cancelling_not_by_sending() -> None:
    """Fulfilled goods are still wanted; refunded or removed ones are not."""
    assert not parcels.is_called_off(order(lines=(line(quantity_to_ship=0, quantity_kept=1),)))
    assert parcels.is_called_off(order(lines=(line(quantity_kept=0),)))
    assert parcels.is_called_off(order(cancelled_at=NOW))
    assert parcels.is_called_off(order(fully_refunded=True))
    assert not parcels.is_called_off(order(cancelled_at=NOW, impossible_sample=True))


def test_a_unit_heavier_than_a_parcel_goes_alone() -> None:
    """It has to go somehow; the vendor says if it is too heavy."""
    packed = parcels.pack(order(lines=(line("1", 2), line("2", unit_weight_g=900), line("3"))), most_g=250)
    assert [one.weight_g for one in packed] == [200, 900, 100]


def test_goods_without_weight_ride_along() -> None:
    """A sticker of 0 g in a box of its own would weigh what nobody said, or the default; and cost a parcel."""
    goods = (line("1", unit_weight_g=0), line("2", 2, unit_weight_g=900), line("3", 5, unit_weight_g=0))
    packed = parcels.pack(order(lines=goods), default_weight_g=300, most_g=250)
    assert [one.weight_g for one in packed] == [900, 900]
    assert [[piece.line.ref for piece in one.pieces] for one in packed] == [["1", "2"], ["2", "3"]]


@pytest.mark.parametrize(("grams", "default", "expected"), [(None, 300, 300), (0, 300, 300), (None, None, None)])
def test_unknown_weights_make_one_parcel_of_the_default(grams: int | None, default: int | None, expected: int) -> None:
    """What nobody weighed can't be divided by weight, and is never invented."""
    (only,) = parcels.pack(order(lines=(line("1", 9, unit_weight_g=grams),)), default_weight_g=default, most_g=100)
    assert only.weight_g == expected


def test_a_limit_that_makes_hundreds_of_parcels_is_held() -> None:
    """It is rather a wrong setting than a wish."""
    with pytest.raises(BodyIncomplete, match=r"^parcel_g: "):
        parcels.pack(order(lines=(line("1", 1000),)), most_g=100)


LINES = st.lists(
    st.builds(
        lambda ref, quantity, grams: line(str(ref), quantity, unit_weight_g=grams),
        st.integers(0, 2**63),
        st.integers(1, 9),
        st.integers(0, 400),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one.ref,
)


@given(lines=LINES, most_g=st.integers(100, 5000))
def test_parcels_hold_every_unit_once_and_stay_light(lines: list[Line], most_g: int) -> None:
    """Nothing is left behind, nothing is sent twice, and no parcel is heavier than said unless one unit is."""
    packed = parcels.pack(order(lines=tuple(lines)), default_weight_g=1, most_g=most_g)
    known = sum(one.quantity * (one.unit_weight_g or 0) for one in lines)
    assert sum(one.weight_g or 0 for one in packed) == (known or 1)
    units = [(piece.line.ref, piece.quantity) for one in packed for piece in one.pieces]
    for wanted in lines:
        assert sum(quantity for ref, quantity in units if ref == wanted.ref) == wanted.quantity
    for one in packed:
        alone = sum(piece.quantity for piece in one.pieces if piece.line.unit_weight_g) == 1
        assert (one.weight_g or 0) <= most_g or alone
    assert [one.number for one in packed] == list(range(1, len(packed) + 1))


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"payment_status": "paid", "note": "Hurry", "updated_at": NOW, "tags": ("vip",)}, True),
        ({"lines": tuple(replace(one, quantity_to_ship=0) for one in order().lines)}, True),
        ({"shipping_address": replace(order().shipping_address or Address(), address1="2 Other St")}, False),
        ({"lines": order().lines[:1]}, False),
        ({"cancelled_at": NOW}, False),
    ],
)
def test_only_what_a_label_shows_counts_as_a_change(changes: dict[str, Any], *, same: bool) -> None:
    """Payment and fulfilment change nothing about a booking; another street or line does."""
    assert (parcels.content(order(**changes)) == parcels.content(order())) is same
