"""What is known beside a document: of its person, of its order, and of its own earlier versions.

Everything is looked up anew each time and only ever added to, so that an event that is mapped again leads to the same
facts, perhaps with more ids to join. What is written down is in `plugin/routing/learn.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from mappings.canonical.activity import (
    Aftermath,
    Cart,
    Checkout,
    Consent,
    Departure,
    Discard,
    Fulfilment,
    Merge,
    ParcelScan,
    Payment,
    Refund,
    Tracking,
)
from mappings.canonical.history import NOTHING_KNOWN, Account, History, Visit
from mappings.canonical.orders import FULFILLED_TOPICS, ORDER_TOPICS, Customer, Order
from mappings.customer_data.person import customer_of, email_of, visit_of
from mappings.schemas.schema import PayloadRejected
from plugin.routing import abandonment
from plugin.storage import identity, inbox
from plugin.storage.identity import BasketVersion, Link, hash_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from mappings.canonical.document import Document
    from plugin.core.event import Event
    from plugin.storage.stores import Store
    from plugin.storage.unit_of_work import UnitOfWork
from plugin.routing.load import load_document

_TELL_OF_ORDERS = tuple(sorted(ORDER_TOPICS | FULFILLED_TOPICS))
# An order is among them where something was sent about it before it was known.
_BASKETS = ("cart", "checkout", "order")
_NOBODY = Link()


def enrich(unit: UnitOfWork, event: Event, store: Store, document: Document) -> History:
    """Return what is known beside a document: of its person, of its order, of its own earlier versions."""
    return _HistoryReader(unit, event, store).history_of(document)


def version_of(event: Event, document: Cart | Checkout) -> BasketVersion:
    """Return which version of a cart or checkout an event brought."""
    kind = "cart" if isinstance(document, Cart) else "checkout"
    return BasketVersion(
        store_id=event.store_id,
        name=name_of(kind, document.ref),
        version=document.updated_at.isoformat(timespec="microseconds"),
        content=hashlib.sha256(repr(document).encode()).hexdigest(),
        event_id=event.id,
    )


def names_of(document: Document) -> list[str]:
    """Return the names under which something may be known that concerns a document."""
    if isinstance(document, (Order, Checkout, Cart)):
        own, customer, email = visit_of(document), customer_of(document), email_of(document)
        refs: dict[str, str | None] = {"cart": own.cart_ref, "checkout": own.checkout_ref, "order": own.order_ref}
        refs |= {"customer": customer.ref if customer else None, "guest": hash_of(email) if email else None}
        return [name_of(kind, ref) for kind, ref in refs.items() if ref]
    if isinstance(document, Customer):
        guest = [name_of("guest", hash_of(document.email))] if document.email else []
        return [name_of("customer", document.ref), *guest]
    if isinstance(document, Merge):
        return [name_of("customer", document.kept_ref), name_of("customer", document.deleted_ref)]
    if isinstance(document, (Departure, Consent)):
        ref = document.ref if isinstance(document, Departure) else document.customer_ref
        return [name_of("customer", ref)]
    if isinstance(document, (Fulfilment, ParcelScan)):
        ref = document.ref if isinstance(document, Fulfilment) else document.fulfilment_ref
        return [name_of("fulfilment", ref), name_of("order", document.order_ref)]
    cart_ref = document.cart_ref if isinstance(document, Discard) else None
    named = [name_of("cart", cart_ref)] if cart_ref else []
    return [name_of("order", document.order_ref)] if isinstance(document, (Refund, Payment)) else named


class _HistoryReader:
    """What reads the history of one event's document."""

    def __init__(self, unit: UnitOfWork, event: Event, store: Store) -> None:
        self._unit = unit
        self._event = event
        self._store = store

    def history_of(self, document: Document) -> History:
        if isinstance(document, (Order, Cart, Checkout, Customer, Merge, Departure, Consent)):
            links = identity.find(self._unit, self._store.id, names_of(document))
            found = replace(self._person(document, links), heard_at=self._event.received_at)
            if isinstance(document, (Cart, Checkout)):
                found = self._version(document, found, links)
            return found
        if isinstance(document, (Refund, Payment, Fulfilment, ParcelScan)):
            order = self._order(document)
            return History(
                heard_at=self._event.received_at,
                order=order,
                order_history=self.history_of(order) if order else None,
                parcel=self._parcel(document) if isinstance(document, ParcelScan) else None,
            )
        return NOTHING_KNOWN

    def _person(self, document: Document, links: Mapping[str, Link]) -> History:
        about = _customer_refs(document)
        customers = [links.get(name_of("customer", ref), _NOBODY).known for ref in about]
        own = next(iter(customers), {})
        met = [link.known for name, link in links.items() if name.partition(":")[0] in _BASKETS]
        email = email_of(document) if isinstance(document, (Order, Checkout, Customer)) else None
        guest = links.get(name_of("guest", hash_of(email)), _NOBODY).known if email else {}
        return History(
            visits=_visits(met),
            guests=_visits([guest]),
            first=_visit(own["first"]) if "first" in own else None,
            email=email or self._newest_email(own),
            former_emails=self._former_emails(own, email, document),
            merged=tuple(map(self._account, _merged_refs(document, own))),
            successor=self._successor(document, own, guest),
            consent=_agreed(own),
        )

    def _successor(self, document: Document, own: Mapping[str, Any], guest: Mapping[str, Any]) -> Account | None:
        """Return whom this customer was merged into, or the account that has this guest's address."""
        customer = document if isinstance(document, Customer) else None
        if isinstance(document, (Order, Checkout)):
            customer = customer_of(document)
        ref = own.get("merged_into") or (None if customer and customer.registered else guest.get("account"))
        return self._account(ref) if ref and not (customer and customer.ref == ref) else None

    def _account(self, ref: str) -> Account:
        name = name_of("customer", ref)
        known = identity.find(self._unit, self._store.id, [name]).get(name, _NOBODY).known
        seen = sorted(known.get("emails", ()), key=lambda one: one["version"])
        first = _visit(known["first"]) if "first" in known else None
        return Account(ref=ref, first=first, emails=tuple(self._emails(seen)))

    def _former_emails(self, known: Mapping[str, Any], email: str | None, document: Document) -> tuple[str, ...]:
        """Return addresses that older versions of the customer had, by the versions' own times."""
        updated_at = getattr(document, "updated_at", None)
        if email is None or updated_at is None:
            return ()
        now = (hash_of(email), updated_at.isoformat())
        older = [one for one in known.get("emails", ()) if one["hash"] != now[0] and one["version"] < now[1]]
        return tuple(self._emails(older))

    def _newest_email(self, known: Mapping[str, Any]) -> str | None:
        seen = sorted(known.get("emails", ()), key=lambda one: one["version"])
        return next(iter(self._emails(reversed(seen))), None)

    def _emails(self, seen: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the addresses behind hashes, from the events that brought them; an erased one is gone."""
        found = (self._load(one["event"]) for one in seen)
        emails = (email_of(one) for one in found if isinstance(one, (Order, Checkout, Customer)))
        return [email for email in emails if email]

    def _version(self, document: Cart | Checkout, found: History, links: Mapping[str, Link]) -> History:
        mine = version_of(self._event, document)
        try:
            earlier = identity.before(self._unit, mine)
        except LookupError:
            return replace(found, stale=True)
        if isinstance(document, Checkout):
            found = replace(found, over=abandonment.over(self._unit, mine, document, found.visits, links))
        before = self._load(earlier) if earlier else None
        return replace(found, before=before) if isinstance(before, (Cart, Checkout)) else found

    def _order(self, document: Aftermath) -> Order | None:
        newest = identity.newest_event(self._unit, self._store.id, document.order_ref, _TELL_OF_ORDERS)
        order = self._load(newest) if newest else None
        return order if isinstance(order, Order) else None

    def _parcel(self, scan: ParcelScan) -> Tracking | None:
        links = identity.find(self._unit, self._store.id, names_of(scan))
        known = links.get(name_of("fulfilment", scan.fulfilment_ref), _NOBODY).known
        return Tracking(number=known["number"], url=known["url"]) if known.get("number") else None

    def _load(self, event_id: int) -> Document | None:
        """Return the document of an event, read once for all that ask in one unit of work."""
        place = ("document", event_id)
        if not self._unit.knows(place):
            self._unit.remember(place, self._read(event_id))
        found: Document | None = self._unit.recall(place)
        return found

    def _read(self, event_id: int) -> Document | None:
        events = inbox.by_ids(self._unit.sql(), [event_id])
        try:
            return load_document(events[0], self._store)[1] if events else None
        except PayloadRejected:
            return None


def _customer_refs(document: Document) -> list[str]:
    if isinstance(document, Merge):
        return [document.kept_ref]
    if isinstance(document, (Customer, Departure)):
        return [document.ref]
    if isinstance(document, Consent):
        return [document.customer_ref]
    customer = customer_of(document) if isinstance(document, (Order, Checkout)) else None
    return [customer.ref] if customer else []


def _merged_refs(document: Document, own: Mapping[str, Any]) -> list[str]:
    if isinstance(document, Merge):
        return [document.deleted_ref] if document.succeeded else []
    return list(own.get("merged_from", ()))


def _visits(rows: Iterable[Mapping[str, Any]]) -> tuple[Visit, ...]:
    """Return the visits of all rows, in the order in which they were met."""
    met = sorted((one for row in rows for one in row.get("visits", ())), key=lambda one: one["event"])
    return tuple(dict.fromkeys(_visit(one) for one in met))


def _visit(kept: Mapping[str, Any]) -> Visit:
    names = ("cart_ref", "checkout_ref", "order_ref", "customer_ref")
    attributes = tuple((name, value) for name, value in kept.get("attributes", ()))
    return Visit(attributes=attributes, **{name: kept.get(name) for name in names})


def _agreed(known: Mapping[str, Any]) -> bool | None:
    """Return whether the customer may be written to, through whichever channel."""
    said = [one["given"] for one in known.get("consent", {}).values() if one["given"] is not None]
    return any(said) if said else None
