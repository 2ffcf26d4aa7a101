"""What a document says about its person, written down for documents to come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mappings.canonical.activity import (
    Cart,
    Checkout,
    Consent,
    Discard,
    Fulfilment,
    Merge,
    ParcelScan,
    Payment,
    Refund,
)
from mappings.canonical.history import Visit
from mappings.canonical.orders import Customer, Order
from mappings.customer_data.person import customer_of, email_of, visit_of
from plugin import destinations
from plugin.destinations.base import tells_people
from plugin.routing.abandonment import DISCARDED
from plugin.routing.enrich import names_of, version_of
from plugin.storage import identity
from plugin.storage.identity import Link, hash_of, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from mappings.canonical.activity import Aftermath
    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from plugin.core.event import Event
    from plugin.storage.stores import Connection
    from plugin.storage.unit_of_work import UnitOfWork

# Of a cart, checkout or guest; the oldest are the ones that people were first sent under.
_MOST_VISITS: Final = 50
_MOST_ADDRESSES: Final = 10
_LONGEST_VALUE: Final = 128

Known = dict[str, Any]


def visitor_attributes(connections: Iterable[Connection]) -> frozenset[str] | None:
    """Return the order attributes that any of these connections reads a visitor's id from.

    None when none of them receives customer data: then nothing has to be kept about people.
    """
    named = [
        vendor.visitor_attributes(connection.values)
        for connection in connections
        if (vendor := tells_people(destinations.get(connection.destination))) is not None
    ]
    return frozenset().union(*named) if named else None


def learn(unit: UnitOfWork, event: Event, document: Document, history: History, *, attributes: frozenset[str]) -> None:
    """Store what a document newly says about its person; of its order attributes only `attributes` are kept."""
    names = names_of(document)
    if not names:
        return
    links = identity.find(unit, event.store_id, names)
    changed: dict[str, Link] = {}
    for name, apply in _lessons(event, document, history, attributes):
        link = changed.get(name) or links.get(name) or Link()
        known = dict(link.known)
        apply(known)
        owned = _owned(replace(link, known=known), document, history)
        if owned != links.get(name):
            changed[name] = owned
    identity.keep(unit, event.store_id, changed)
    if isinstance(document, (Cart, Checkout)) and not history.stale:
        identity.add(unit, version_of(event, document))


Lesson = tuple[str, "Callable[[Known], None]"]


def _lessons(event: Event, document: Document, history: History, attributes: frozenset[str]) -> Iterator[Lesson]:
    """Yield what is to be written down, by the name it is kept under."""
    if isinstance(document, (Order, Checkout, Cart)):
        yield from _of_basket(event, document, attributes)
    elif isinstance(document, Customer):
        yield from _of_customer(event, document, Visit(customer_ref=document.ref), document.updated_at)
        if document.email and not document.registered:
            visit = Visit(customer_ref=document.ref)
            yield name_of("guest", hash_of(document.email)), lambda known: _meet(known, visit, event)
        elif document.email:
            yield name_of("guest", hash_of(document.email)), lambda known: _open(known, document.ref)
    elif isinstance(document, Merge) and document.succeeded:
        yield name_of("customer", document.kept_ref), lambda known: _absorb(known, document.deleted_ref)
        yield name_of("customer", document.deleted_ref), lambda known: known.update(merged_into=document.kept_ref)
    elif isinstance(document, Consent):
        yield name_of("customer", document.customer_ref), lambda known: _agree(known, document, event)
    elif isinstance(document, Discard) and document.cart_ref:
        at = (event.triggered_at or event.received_at).isoformat()
        yield name_of("cart", document.cart_ref), lambda known: _discard(known, at)
    elif isinstance(document, (Refund, Payment, Fulfilment, ParcelScan)):
        yield from _of_aftermath(event, document, history)


def _of_basket(event: Event, document: Order | Checkout | Cart, attributes: frozenset[str]) -> Iterator[Lesson]:
    named = [
        (name, value) for name, value in document.attributes if name in attributes and len(value) <= _LONGEST_VALUE
    ]
    visit = replace(visit_of(document), attributes=tuple(named))
    for kind, ref in (("cart", visit.cart_ref), ("checkout", visit.checkout_ref)):
        if ref:
            yield name_of(kind, ref), lambda known: _meet(known, visit, event)
    customer, email = customer_of(document), email_of(document)
    if customer:
        yield from _of_customer(event, customer, visit, document.updated_at, email)
    if email and customer and customer.registered:
        account = customer.ref
        yield name_of("guest", hash_of(email)), lambda known: _open(known, account)
    elif email:
        guest = replace(visit, customer_ref=customer.ref) if customer else visit
        yield name_of("guest", hash_of(email)), lambda known: _meet(known, guest, event)


def _of_customer(
    event: Event,
    customer: Customer,
    visit: Visit,
    updated_at: datetime | None,
    email: str | None = None,
) -> Iterator[Lesson]:
    address = email or customer.email

    def apply(known: Known) -> None:
        _first(known, visit)
        if address and updated_at:
            _address(known, hash_of(address), updated_at.isoformat(), event.id)
        if customer.consent is not None:
            _record_consent(known, "email", given=customer.consent, at=(updated_at or event.received_at).isoformat())

    yield name_of("customer", customer.ref), apply


def _of_aftermath(event: Event, document: Aftermath, history: History) -> Iterator[Lesson]:
    if history.order is None:
        # It was sent under an id of its own; the order, when it comes, joins it to its buyer.
        visit = Visit(order_ref=document.order_ref)
        yield name_of("order", document.order_ref), lambda known: _meet(known, visit, event)
    if isinstance(document, Fulfilment) and document.tracking:
        parcel = document.tracking[0]
        followed = {"number": parcel.number, "url": parcel.url}
        yield name_of("fulfilment", document.ref), lambda known: _follow(known, followed)
    elif isinstance(document, ParcelScan) and document.delivered:
        unknown = {"number": None, "url": None}
        yield name_of("fulfilment", document.fulfilment_ref), lambda known: _follow(known, unknown)


def _owned(link: Link, document: Document, history: History) -> Link:
    """Return a link with whose it is, so that a privacy request finds it; what was known of that stays."""
    order_ref = document.ref if isinstance(document, Order) else getattr(document, "order_ref", None)
    customer_ref = document.ref if isinstance(document, Customer) else getattr(document, "customer_ref", None)
    basket = document if isinstance(document, (Order, Checkout)) else history.order
    if basket and basket.customer:
        customer_ref = basket.customer.ref
    if isinstance(document, Merge):
        customer_ref = document.kept_ref
    return replace(link, order_ref=order_ref or link.order_ref, customer_ref=customer_ref or link.customer_ref)


def _meet(known: Known, visit: Visit, event: Event) -> None:
    met = known.get("visits", [])
    kept = _kept(visit)
    if len(met) < _MOST_VISITS and all({**one, "event": 0} != {**kept, "event": 0} for one in met):
        known["visits"] = [*met, {**kept, "event": event.id}]


def _first(known: Known, visit: Visit) -> None:
    known.setdefault("first", _kept(visit))


def _open(known: Known, account: str) -> None:
    known["account"] = account


def _absorb(known: Known, merged: str) -> None:
    known["merged_from"] = sorted({*known.get("merged_from", ()), merged})[-_MOST_ADDRESSES:]


def _address(known: Known, hashed: str, version: str, event_id: int) -> None:
    seen = known.get("emails", [])
    if len(seen) < _MOST_ADDRESSES and all(one["hash"] != hashed for one in seen):
        known["emails"] = [*seen, {"hash": hashed, "version": version, "event": event_id}]


def _agree(known: Known, consent: Consent, event: Event) -> None:
    _first(known, Visit(customer_ref=consent.customer_ref))
    _record_consent(known, consent.channel, given=consent.given, at=(consent.at or event.received_at).isoformat())


def _record_consent(known: Known, channel: str, *, given: bool | None, at: str) -> None:
    said = known.get("consent", {})
    if channel not in said or said[channel]["at"] < at:
        known["consent"] = {**said, channel: {"given": given, "at": at}}


def _discard(known: Known, at: str) -> None:
    known[DISCARDED] = max(at, known.get(DISCARDED, at))


def _follow(known: Known, parcel: Mapping[str, str | None]) -> None:
    if not known:
        known.update(parcel)


def _kept(visit: Visit) -> Known:
    names = ("cart_ref", "checkout_ref", "order_ref", "customer_ref")
    refs = {name: getattr(visit, name) for name in names if getattr(visit, name)}
    return refs | ({"attributes": [list(pair) for pair in visit.attributes]} if visit.attributes else {})
