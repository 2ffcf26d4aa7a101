"""What happened, in the vocabulary that customer-data receivers share: identify, alias, track.

Every fact that may be told only once carries a key made of the fact itself, never of the delivery it came in, so that
creation, update, redelivery and replay together still tell one sale (storefront-to-segment.md section 6.5).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mappings.base import BodyIncomplete
from mappings.canonical import Customer, Order, Topic
from mappings.ecommerce import known, order_properties, timestamp, traits_of_buyer, traits_of_customer
from mappings.identity import IdentityRules, Person, Tenant, person_of_customer, person_of_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mappings.canonical import Document

__all__ = ["Alias", "Call", "Fact", "Identify", "IdentityRules", "Tenant", "Track", "facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """What is known of a person; at least one id is there."""

    user_id: str | None
    anonymous_id: str | None
    traits: Mapping[str, object]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """`previous_id`, used until now, is the same person as `user_id`, used from now on."""

    user_id: str
    previous_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Somebody did something; amounts in `properties` are `Decimal` until they are dumped."""

    user_id: str | None
    anonymous_id: str | None
    name: str
    properties: Mapping[str, object]
    at: datetime


Call = Identify | Alias | Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One call owed to a receiver, and when not to make it.

    `key`: at most once per connection for ever. `only_if_changed`: not if the last one told of `group` had the same
    `content`. `subject`: calls about it go out in order.
    """

    key: str | None
    action: Literal["identify", "alias", "track"]
    subject: str
    group: str
    content: str
    only_if_changed: bool
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A track call to be; `once` starts its key, and without it the event is told when something changed."""

    name: str
    once: str | None


_COMPLETED: Final = _Event(name="Order Completed", once="order-completed")
_ORDER_EVENTS: Final = {
    Topic.ORDER_CREATED: (_COMPLETED,),
    # Any topic may be the first to arrive (shopify.md section 10), so each of these tells of the sale; the key sees to
    # it that one does.
    Topic.ORDER_UPDATED: (_COMPLETED, _Event(name="Order Updated", once=None)),
    Topic.ORDER_PAID: (_COMPLETED, _Event(name="Order Paid", once="order-paid")),
    Topic.ORDER_CANCELLED: (_Event(name="Order Cancelled", once="order-cancelled"),),
}
_CUSTOMER_EVENTS: Final = {
    Topic.CUSTOMER_CREATED: _Event(name="Customer Created", once="customer-created"),
    Topic.CUSTOMER_UPDATED: _Event(name="Customer Updated", once=None),
}


def facts(topic: Topic, document: Document, tenant: Tenant, identity: IdentityRules) -> tuple[Fact, ...]:
    """Say what to tell about a document, in the order to tell it: who it is, that they are known, what they did.

    Nothing is to be told of topics without a place in the vocabulary.

    Raises:
        BodyIncomplete: the document has no time that the fact could be told with.
    """
    if isinstance(document, Order) and topic in _ORDER_EVENTS:
        return tuple(_of_order(topic, document, tenant, identity))
    if isinstance(document, Customer) and topic in _CUSTOMER_EVENTS:
        return tuple(_of_customer(topic, document, tenant, identity))
    return ()


def _of_order(topic: Topic, order: Order, tenant: Tenant, identity: IdentityRules) -> Iterator[Fact]:
    person = person_of_order(order, tenant, identity)
    known_at = (order.customer and order.customer.updated_at) or order.updated_at
    if order.customer or order.email or order.phone:
        yield _identify(person, traits_of_buyer(order), known_at)
    if identity.alias and person.user_id and person.anonymous_id and person.browsed:
        yield _alias(person, person.user_id, person.anonymous_id, known_at)
    properties = order_properties(order, tenant)
    content = _digest(properties)
    if identity.email_in_properties:
        properties |= known({"email": order.email or (order.customer and order.customer.email)})
    for event in _ORDER_EVENTS[topic]:
        at = _order_time(event, order)
        yield _track(event, person, f"order:{order.ref}", properties=properties, content=content, at=at)


def _of_customer(topic: Topic, customer: Customer, tenant: Tenant, identity: IdentityRules) -> Iterator[Fact]:
    person = person_of_customer(customer, tenant, identity)
    traits = traits_of_customer(customer)
    event = _CUSTOMER_EVENTS[topic]
    updated_at, created_at = _customer_times(customer)
    yield _identify(person, traits, updated_at)
    properties = known({"customer_id": customer.ref, "email": customer.email if identity.email_in_properties else None})
    at = created_at if event.once else updated_at
    content = _digest(traits)
    yield _track(event, person, f"customer:{customer.ref}", properties=properties, content=content, at=at)


def _customer_times(customer: Customer) -> tuple[datetime, datetime]:
    updated_at = customer.updated_at or customer.created_at
    created_at = customer.created_at or customer.updated_at
    if updated_at is None or created_at is None:
        raise BodyIncomplete("customer: created_at and updated_at are both missing from the storefront's document")
    return updated_at, created_at


def _order_time(event: _Event, order: Order) -> datetime:
    # Section 6.4. Shopify gives no time of payment; the version of the order that says "paid" is the nearest.
    if event is _COMPLETED:
        return order.placed_at
    return (order.cancelled_at if event.once == "order-cancelled" else None) or order.updated_at


def _identify(person: Person, traits: Mapping[str, object], at: datetime) -> Fact:
    return Fact(
        key=None,
        action="identify",
        subject=person.key,
        group=person.key,
        content=_digest({"userId": person.user_id, "anonymousId": person.anonymous_id, "traits": traits}),
        only_if_changed=True,
        call=Identify(user_id=person.user_id, anonymous_id=person.anonymous_id, traits=traits, at=at),
    )


def _alias(person: Person, user_id: str, previous_id: str, at: datetime) -> Fact:
    return Fact(
        key=f"alias:{previous_id}:{user_id}",
        action="alias",
        subject=person.key,
        group=f"alias:{previous_id}",
        content=_digest({"userId": user_id, "previousId": previous_id}),
        only_if_changed=False,
        call=Alias(user_id=user_id, previous_id=previous_id, at=at),
    )


def _track(
    event: _Event, person: Person, group: str, *, properties: Mapping[str, object], content: str, at: datetime
) -> Fact:
    # Not every receiver has a place for the time (chrts.md section 5), so the properties keep it.
    timed = {**properties, "occurred_at": timestamp(at)}
    ids = {"user_id": person.user_id, "anonymous_id": person.anonymous_id}
    return Fact(
        key=f"{event.once}:{group.partition(':')[2]}" if event.once else None,
        action="track",
        subject=person.key,
        group=group,
        content=content,
        only_if_changed=event.once is None,
        call=Track(**ids, name=event.name, properties=timed, at=at),
    )


def _digest(mapped: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(mapped, sort_keys=True, default=str).encode()).hexdigest()
