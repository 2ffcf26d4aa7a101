"""The facts of an order, and of what comes after it: refunds, and payments that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Money, Topic
from mappings.customer_data.fact import digest, identify, joins, track
from mappings.customer_data.person import email_of, person_of, person_of_unknown
from mappings.customer_data.properties import (
    amount_of,
    known,
    order_properties,
    order_reference,
    products_of,
    traits_of_buyer,
)
from mappings.schemas.schema import BodyIncomplete

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mappings.canonical.activity import Aftermath, Payment, Refund
    from mappings.canonical.history import History
    from mappings.canonical.orders import Order
    from mappings.customer_data.fact import Fact
    from mappings.customer_data.ids import IdentityRules, Tenant
    from mappings.customer_data.person import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A track call to be; `once` starts its key, and without it the event is sent when something changed.

    `each`: not once for the order, but once for each state of what was sent of it.
    """

    name: str
    once: str | None
    each: bool = False


_COMPLETED: Final = _Event(name="Order Completed", once="order-completed")
_EVENTS: Final = {
    Topic.ORDER_CREATED: (_COMPLETED,),
    # Any topic may be the first to arrive (docs/vendors/shopify.md §10), so each of these yields the sale; the key
    # sees to it that one does.
    Topic.ORDER_UPDATED: (_COMPLETED, _Event(name="Order Updated", once=None)),
    Topic.ORDER_PAID: (_COMPLETED, _Event(name="Order Paid", once="order-paid")),
    Topic.ORDER_CANCELLED: (_Event(name="Order Cancelled", once="order-cancelled"),),
    Topic.ORDER_FULFILLED: (_Event(name="Order Fulfilled", once="order-fulfilled"),),
    Topic.ORDER_PARTLY_FULFILLED: (
        _Event(name="Order Partially Fulfilled", once="order-partially-fulfilled", each=True),
    ),
}


def of_order(topic: Topic, order: Order, history: History, tenant: Tenant, rules: IdentityRules) -> Iterator[Fact]:
    """Yield the facts of one version of an order: its buyer, then what the topic says."""
    if topic not in _EVENTS:
        return
    person = person_of(order, history, tenant, rules)
    known_at = (order.customer and order.customer.updated_at) or order.updated_at
    if order.customer or order.email or order.phone:
        yield identify(person, traits_of_buyer(order), known_at)
    yield from joins(person, rules, known_at)
    properties = order_properties(order, tenant)
    content = digest(properties)
    properties |= by_email(order, rules)
    for event in _events(topic, rules):
        once = f"{event.once}:{order.ref}" if event.once else None
        yield track(
            event.name,
            person,
            f"order:{order.ref}",
            properties=properties,
            content=content,
            at=_time(event, order),
            once=f"{once}:{_sent(order)}" if event.each else once,
        )


def _events(topic: Topic, rules: IdentityRules) -> Sequence[_Event]:
    is_sale = rules.sale == "placed" or topic is Topic.ORDER_PAID
    return [event for event in _EVENTS[topic] if is_sale or event is not _COMPLETED]


def _time(event: _Event, order: Order) -> datetime:
    # Section 6.4. Shopify gives no time of payment; the version of the order that says "paid" is the nearest.
    if event is _COMPLETED:
        return order.placed_at
    return (order.cancelled_at if event.once == "order-cancelled" else None) or order.updated_at


def _sent(order: Order) -> str:
    """Return the fingerprint of what was sent of an order: the same for the same pieces."""
    return digest([(line.ref, line.quantity - line.quantity_to_ship) for line in order.lines])[:16]


def of_refund(_topic: Topic, refund: Refund, history: History, tenant: Tenant, rules: IdentityRules) -> Iterator[Fact]:
    """Yield that money went back; as long as none did there is nothing to count."""
    if not refund.amount:
        return
    money = _money(refund, history, "refund")
    order = history.order
    back = amount_of(money)
    properties = order_reference(refund.order_ref, order, tenant) | {
        "refund_id": refund.ref,
        "refund_amount": back,
        "refund_type": _kind(money, order),
        "total": back,
        "value": back,
        "currency": money.currency,
        "reason": refund.reason,
        "products": products_of(refund.items) or None,
    }
    yield track(
        "Order Refunded",
        person_behind(refund, history, tenant, rules),
        f"refund:{refund.ref}",
        properties=known(properties | by_email(order, rules)),
        at=refund.refunded_at,
        once=f"order-refunded:{refund.ref}",
    )


def _kind(money: Money, order: Order | None) -> str | None:
    """Return `full` if this one refund returns all that was paid, in either of the order's two currencies."""
    if order is None:
        return None
    return "full" if money in (order.total, order.presentment_total) else "partial"


def of_payment(
    _topic: Topic, payment: Payment, history: History, tenant: Tenant, rules: IdentityRules
) -> Iterator[Fact]:
    """Yield that a payment failed; what a payment that went well led to comes with the order."""
    if not payment.failed:
        return
    order = history.order
    money = _money(payment, history, "payment")
    properties = order_reference(payment.order_ref, order, tenant) | {
        "payment_id": payment.ref,
        "value": amount_of(money),
        "currency": money.currency,
        "payment_method": payment.method,
        "error_code": payment.error_code,
        "test": payment.test,
    }
    yield track(
        "Payment Failed",
        person_behind(payment, history, tenant, rules),
        f"payment:{payment.ref}",
        properties=known(properties | by_email(order, rules)),
        at=payment.at,
        once=f"payment-failed:{payment.ref}",
    )


def person_behind(document: Aftermath, history: History, tenant: Tenant, rules: IdentityRules) -> Person:
    """Return who placed the order that something belongs to, which names nobody itself."""
    order = history.order
    if order is None:
        return person_of_unknown(document.order_ref, tenant, rules)
    return person_of(order, history.order_history or NOTHING_KNOWN, tenant, rules)


def by_email(order: Order | None, rules: IdentityRules) -> dict[str, object]:
    """Return a fact with the e-mail for tools that match on nothing else; it is no content, so it changes nothing."""
    return known({"email": email_of(order)}) if order and rules.email_in_properties else {}


def _money(document: Refund | Payment, history: History, what: str) -> Money:
    order = history.order
    currency = document.currency or (order and order.currency)
    if not currency:
        raise BodyIncomplete(f"currency: the {what} names none, and its order is not known")
    return Money(amount=document.amount, currency=currency)
