"""Every sale once with its real money, every refund once with its own, whatever came in whichever order."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from mappings.canonical.history import NOTHING_KNOWN, History
from mappings.canonical.orders import Order, Topic
from mappings.customer_data import IdentityRules, Tenant, Track, facts
from mappings.schemas.currency import rounded
from mappings.storefronts.shopify import load
from plugin.core.event import Envelope
from plugin.routing.route import route_due
from plugin.storage.inbox import Incoming
from plugin.storage.tables import deliveries
from tests.support.examples import examples
from tests.support.shop import ADDRESS, SECRET, connect, sent

if TYPE_CHECKING:
    from plugin.services import Services
    from plugin.storage.stores import Store
    from tests.conftest import Backend


TENANT = Tenant(platform="shopify", shop=ADDRESS)
PARTS = ("subtotal", "shipping", "tax", "fees", "tip", "duties", "rounding")
FIRST = 9_100_000_000_000_001


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite alone: nothing here depends on the kind of database."""
    return embedded


@dataclass(frozen=True)
class Bought:
    """One line: price in the currency's smallest unit, pieces, percent off, percent of tax."""

    price: int
    pieces: int
    off: int
    tax: int


LINES = st.lists(
    st.builds(
        Bought,
        price=st.integers(0, 10**7),
        pieces=st.integers(1, 9),
        off=st.sampled_from([0, 0, 10, 33, 100]),
        tax=st.sampled_from([0, 5, 13, 19, 20]),
    ),
    min_size=1,
    max_size=4,
)
EXTRAS = st.tuples(*[st.sampled_from([0, 0, 0, 1, 250, 1999])] * 3, st.sampled_from([0, 0, -2, 1]))


def body(
    lines: list[Bought], shipping: int, extras: tuple[int, ...], currency: str, *, included: bool
) -> dict[str, Any]:
    """Return an order as Shopify sends it, with every figure following from its lines."""
    unit = Decimal(1) if currency == "JPY" else Decimal("0.01")
    tip, duties, fees, rounding = (amount * unit for amount in extras)
    made = [_line(place, line, unit, included=included) for place, line in enumerate(lines, start=1)]
    sent_for = {
        "title": "Post",
        "price": str(shipping * unit),
        "tax_lines": [_tax(shipping * unit, 20, unit, included=included)],
    }
    goods = sum((Decimal(line["price"]) * line["quantity"] - Decimal(_off(line)) for line in made), Decimal())
    tax = sum((Decimal(one["price"]) for line in (*made, sent_for) for one in line["tax_lines"]), Decimal())
    total = goods + shipping * unit + tip + duties + fees + rounding + (0 if included else tax)
    sets = {"original_total_duties_set": duties, "original_total_additional_fees_set": fees}
    sets |= {"total_cash_rounding_payment_adjustment_set": rounding, "total_shipping_price_set": shipping * unit}
    return {
        "id": FIRST,
        "currency": currency,
        "created_at": "2026-11-20T10:02:11-06:00",
        "line_items": made,
        "shipping_lines": [sent_for],
        "taxes_included": included,
        "subtotal_price": str(goods),
        "total_tax": str(tax),
        "total_discounts": str(sum((Decimal(_off(line)) for line in made), Decimal())),
        "total_tip_received": str(tip),
        "total_price": str(total),
        **{name: {"shop_money": {"amount": str(amount), "currency_code": currency}} for name, amount in sets.items()},
    }


def _line(place: int, line: Bought, unit: Decimal, *, included: bool) -> dict[str, Any]:
    whole = line.price * line.pieces * unit
    off = (whole * line.off / 100).quantize(unit, ROUND_HALF_UP)
    return {
        "id": FIRST + place,
        "title": "Mug",
        "quantity": line.pieces,
        "price": str(line.price * unit),
        "requires_shipping": True,
        "discount_allocations": [{"amount": str(off)}],
        "tax_lines": [_tax(whole - off, line.tax, unit, included=included)],
    }


def _tax(amount: Decimal, percent: int, unit: Decimal, *, included: bool) -> dict[str, str]:
    share = amount * percent / (100 + percent if included else 100)
    return {"price": str(share.quantize(unit, ROUND_HALF_UP))}


def _off(line: dict[str, Any]) -> str:
    amount: str = line["discount_allocations"][0]["amount"]
    return amount


def facts_by_name(topic: Topic, document: Any, history: History = NOTHING_KNOWN) -> dict[str, Any]:  # noqa: ANN401  (any canonical value)
    """Return the properties of the first event of a document, by name."""
    calls = [fact.call for fact in facts(topic, document, TENANT, IdentityRules(), history)]
    return dict(next(call.properties for call in calls if isinstance(call, Track)))


ORDERS = given(
    lines=LINES,
    shipping=st.integers(0, 5000),
    extras=EXTRAS,
    currency=st.sampled_from(["CAD", "JPY"]),
    included=st.booleans(),
)
MANY = settings(max_examples=examples(10_000, few=300), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@ORDERS
def test_the_total_is_the_sum_of_its_parts(**order: Any) -> None:  # noqa: ANN401  (what was drawn)
    """To the last cent, with tax on top of prices or in them, discounted, tipped and rounded; ids to the last digit."""
    found = facts_by_name(Topic.ORDER_CREATED, load(Topic.ORDER_CREATED, body(**order), ADDRESS))
    assert found["total"] == sum(found.get(part, 0) for part in PARTS)
    assert found["value"] == found["total"]
    assert found["revenue"] == found["subtotal"]
    assert found["order_id"] == str(FIRST)
    assert all(rounded(found[part], order["currency"]) == found[part] for part in PARTS if part in found)
    goods = sum(one["price"] * one["quantity"] - one["discount"] for one in found["products"])
    included = sum(one["tax"] for one in found["products"]) if order["included"] else 0
    assert found["subtotal"] == goods - included


@settings(max_examples=examples(500, few=50), deadline=None)
@given(cents=st.integers(1, 10**7), cuts=st.lists(st.integers(0, 10**7), max_size=4), data=st.data())
def test_refunds_in_parts_add_up_to_what_was_paid(cents: int, cuts: list[int], data: st.DataObject) -> None:
    """Each says what it paid out itself, however it was paid out; only one that returns all is `full`."""
    document = body([Bought(price=cents, pieces=1, off=0, tax=0)], 0, (0, 0, 0, 0), "CAD", included=False)
    order = load(Topic.ORDER_CREATED, document, ADDRESS)
    assert isinstance(order, Order)
    edges = [0, *sorted(cut % cents for cut in cuts), cents]
    parts = [upper - lower for lower, upper in itertools.pairwise(edges) if upper > lower]
    found = [facts_by_name(Topic.REFUND_CREATED, _refund(part, data), History(order=order)) for part in parts]
    assert sum(one["refund_amount"] for one in found) == order.total.amount
    assert all(one["refund_amount"] > 0 for one in found)
    assert {one["refund_type"] for one in found} == ({"full"} if len(parts) == 1 else {"partial"})


def _refund(cents: int, data: st.DataObject) -> Any:  # noqa: ANN401  (a canonical refund)
    """Return a refund paid out in one or two transactions, beside others that paid nothing out."""
    first = data.draw(st.integers(0, cents))
    paid = [("refund", "success", first), ("refund", "success", cents - first)]
    paid += [("refund", "failure", 5), ("refund", "pending", 7), ("capture", "success", 9)]
    transactions = [
        {"id": place, "order_id": FIRST, "kind": kind, "status": status, "amount": str(Decimal(amount) / 100)}
        for place, (kind, status, amount) in enumerate(paid, start=1)
    ]
    refund = {"id": 7, "order_id": FIRST, "created_at": "2026-11-24T10:00:00Z", "transactions": transactions}
    return load(Topic.REFUND_CREATED, refund, ADDRESS)


HOOKS = {
    **{
        f"orders/{what}": f"orders_{what}" for what in ("create", "updated", "paid", "partially_fulfilled", "fulfilled")
    },
    "orders/cancelled": "orders_cancelled",
    "refunds/create": "refunds_create",
    "order_transactions/create": "order_transactions_create",
    "fulfillments/create": "fulfillments_create",
    "fulfillments/update": "fulfillments_update",
    "fulfillment_events/create": "fulfillment_events_create",
    "checkouts/update": "checkouts_update",
    "checkouts/create": "checkouts_create",
}
BODIES = {topic: json.dumps(sent(name)).encode() for topic, name in HOOKS.items()}
ONCE = Counter(
    {
        "Order Completed": 1,
        "Order Paid": 1,
        "Order Cancelled": 1,
        "Order Fulfilled": 1,
        "Order Partially Fulfilled": 1,
        "Order Refunded": 1,
        "Payment Failed": 1,
        "Fulfillment Created": 1,
        "Order Shipped": 1,
        "Order Delivered": 1,
        "Checkout Started": 1,
        "Payment Info Entered": 1,
        "Checkout Step Completed": 3,
    }
)
SEQUENCES = st.permutations(sorted(HOOKS)).flatmap(
    lambda order: st.lists(st.sampled_from(sorted(HOOKS)), max_size=6).flatmap(
        lambda again: st.permutations(order + again)
    )
)


STORES = itertools.count(1)


@settings(
    max_examples=examples(60, few=12),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequence=SEQUENCES, batch=st.integers(1, 7))
def test_any_order_repetition_and_delay_gives_the_same_facts_once(
    services: Services, sequence: list[str], batch: int
) -> None:
    """Through the real line, in rounds of any size: what is owed in the end is the same, and nothing is owed twice."""
    store = services.stores.add("shopify", f"shop-{next(STORES)}.myshopify.com", {"secret": SECRET}, None)
    connect(services, store, "chrts", "http://127.0.0.1:9", api_key="k")
    for place, topic in enumerate(sequence):
        envelope = Envelope(webhook_id=str(place), platform_topic=topic)
        services.inbox.put([Incoming(store_id=store.id, envelope=envelope, body=BODIES[topic])])
        if place % batch == 0:
            route_due(services)
    route_due(services)
    assert owed_once(services, store) == ONCE


def owed_once(services: Services, store: Store) -> Counter[str]:
    """Return the events that are owed once for ever, by name; what is sent on every change has no key."""
    with services.database.read() as db:
        query = select(deliveries.c.key, deliveries.c.data).where(deliveries.c.store_id == store.id)
        rows = db.execute(query.where(deliveries.c.action == "track")).all()
    changes = ("Coupon", "Product")
    named = [row.data["fact"].removeprefix("track ") for row in rows if ":event:" not in row.key]
    return Counter(name for name in named if not name.startswith(changes))
