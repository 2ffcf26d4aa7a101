"""Who a document is about, with all ids that stand for the same person (docs/vendors/storefront-to-segment.md §6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.canonical.activity import Cart, Checkout
from mappings.canonical.history import Visit
from mappings.canonical.orders import Customer
from mappings.customer_data.ids import BY_EMAIL, anonymous_id, from_attribute, user_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mappings.canonical.history import Account, History
    from mappings.canonical.orders import Order
    from mappings.customer_data.ids import IdentityRules, Tenant

    Basket = Order | Checkout | Cart


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The ids of one person, at least one of the two; `earlier` stand for the same one and are joined to `kept`.

    `successor` is the account that all of them live on as.
    """

    user_id: str | None
    anonymous_id: str | None
    kept: str
    earlier: tuple[str, ...] = ()
    successor: str | None = None

    @property
    def key(self) -> str:
        """The id that everything about this person is queued under."""
        return f"person:{self.user_id or self.anonymous_id}"


def person_of(document: Basket, history: History, tenant: Tenant, rules: IdentityRules) -> Person:
    """Identify whoever holds a cart or placed an order; a guest has no user id unless the strategy takes addresses.

    The anonymous id is the first of: an attribute; what an earlier document of the same cart or checkout was known by;
    a stable id made of the cart, the checkout, or the order.
    """
    customer, own = customer_of(document), visit_of(document)
    known = user_id(customer.ref if customer else None, email_of(document), tenant, rules)
    met = _met(own, history, tenant, rules)
    used: list[str | None] = [anonymous_id(visit, tenant, rules) for visit in history.visits]
    if not known or own.cart_ref or own.checkout_ref or from_attribute(own, tenant, rules):
        # Without any of these it is an id that was made of the order, and nothing but the order is known by it.
        used.append(met)
    used += _other_names(history, customer, tenant, rules)
    first = anonymous_id(history.first, tenant, rules) if history.first else None
    return _person(known, met, known or first or met, used, _successor(history, tenant, rules))


def person_of_customer(customer: Customer, history: History, tenant: Tenant, rules: IdentityRules) -> Person:
    """Identify an account; where the strategy gives no user id, the anonymous id it was known by first does."""
    known = user_id(customer.ref, customer.email, tenant, rules)
    first = None if known else anonymous_id(history.first or Visit(customer_ref=customer.ref), tenant, rules)
    others = _other_names(history, customer, tenant, rules)
    return _person(known, first, known or first or "", others, _successor(history, tenant, rules))


def person_of_ref(customer_ref: str, history: History, tenant: Tenant, rules: IdentityRules) -> Person:
    """Identify a customer whom a document names by number only."""
    known = user_id(customer_ref, history.email, tenant, rules)
    anonymous = None if known else anonymous_id(history.first or Visit(customer_ref=customer_ref), tenant, rules)
    return _person(known, anonymous, known or anonymous or "", _merged(history, tenant, rules))


def person_of_unknown(order_ref: str, tenant: Tenant, rules: IdentityRules) -> Person:
    """Stand for the buyer of an order that is not known, by the id that is the last resort of every order."""
    anonymous = anonymous_id(Visit(order_ref=order_ref), tenant, rules)
    return _person(None, anonymous, anonymous, [])


def visit_of(document: Basket) -> Visit:
    """Return the names under which a document knows its person."""
    if isinstance(document, Cart):
        return Visit(attributes=document.attributes, cart_ref=document.ref)
    if isinstance(document, Checkout):
        return Visit(attributes=document.attributes, cart_ref=document.cart_ref, checkout_ref=document.ref)
    return Visit(
        attributes=document.attributes,
        cart_ref=document.cart_ref,
        checkout_ref=document.checkout_ref,
        order_ref=document.ref,
    )


def customer_of(document: Basket) -> Customer | None:
    """Return the customer that a document names; a cart names nobody."""
    return None if isinstance(document, Cart) else document.customer


def email_of(document: Basket | Customer) -> str | None:
    """Return the e-mail address of the person that a document is about; None where it has none."""
    if isinstance(document, Cart):
        return None
    if isinstance(document, Customer):
        return document.email
    return (document.customer.email if document.customer else None) or document.email


def _met(own: Visit, history: History, tenant: Tenant, rules: IdentityRules) -> str:
    attributes = (from_attribute(visit, tenant, rules) for visit in (own, *history.visits))
    met = next(filter(None, attributes), None)
    return met or anonymous_id(history.visits[0] if history.visits else own, tenant, rules)


def _other_names(history: History, customer: Customer | None, tenant: Tenant, rules: IdentityRules) -> list[str | None]:
    """Return ids of the same customer: of former addresses, and of the guest who ordered before the account was."""
    if customer is None:
        return []
    former = [user_id(customer.ref, email, tenant, rules) for email in history.former_emails]
    return [*former, *_merged(history, tenant, rules)] + [
        _guest(visit, tenant, rules)
        for visit in history.guests
        # Somebody with an entry of their own joins an account only: two entries may be two people of one address.
        if visit.customer_ref is None or (customer.registered and visit.customer_ref != customer.ref)
    ]


def _guest(visit: Visit, tenant: Tenant, rules: IdentityRules) -> str | None:
    if visit.customer_ref is None:
        return anonymous_id(visit, tenant, rules)
    known = user_id(visit.customer_ref, None, tenant, rules)
    return known or (None if rules.user_id in BY_EMAIL else anonymous_id(visit, tenant, rules))


def _merged(history: History, tenant: Tenant, rules: IdentityRules) -> list[str | None]:
    """Return every id that the customers who were merged into this one were known by."""
    return [name for account in history.merged for name in _names(account, tenant, rules)]


def _names(account: Account, tenant: Tenant, rules: IdentityRules) -> list[str]:
    """Return the ids of an account, newest last; none where nothing was ever sent about it."""
    known = (user_id(account.ref, email, tenant, rules) for email in (None, *account.emails))
    names = [name for name in known if name]
    return names or ([anonymous_id(account.first, tenant, rules)] if account.first else [])


def _successor(history: History, tenant: Tenant, rules: IdentityRules) -> str | None:
    names = _names(history.successor, tenant, rules) if history.successor else []
    return names[-1] if names else None


def _person(
    known: str | None, anonymous: str | None, kept: str, others: Iterable[str | None], successor: str | None = None
) -> Person:
    earlier = dict.fromkeys(other for other in others if other and other != kept)
    successor = None if successor == kept else successor
    return Person(user_id=known, anonymous_id=anonymous, kept=kept, earlier=tuple(earlier), successor=successor)
