"""The facts of carts and checkouts: what was put in and taken out, and how far the buyer came."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.canonical.activity import Cart, Checkout
from mappings.canonical.orders import Topic
from mappings.customer_data.fact import digest, identify, joins, track
from mappings.customer_data.person import email_of, person_of
from mappings.customer_data.properties import (
    amount_of,
    checkout_properties,
    known,
    product,
    products_of,
    traits_of_buyer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mappings.canonical.activity import Item
    from mappings.canonical.history import History
    from mappings.customer_data.fact import Fact
    from mappings.customer_data.ids import IdentityRules, Tenant
    from mappings.customer_data.person import Person


def of_cart(topic: Topic, cart: Cart, history: History, tenant: Tenant, rules: IdentityRules) -> Iterator[Fact]:
    """Yield what is different from the version before; nothing of one that is late, or came twice."""
    if history.stale:
        return
    person = person_of(cart, history, tenant, rules)
    yield from joins(person, rules, cart.updated_at)
    before = history.before.items if isinstance(history.before, Cart) else ()
    changed = tuple(_changes(cart, before, person))
    yield from changed
    if changed and topic is Topic.CART_UPDATED:
        properties = {"cart_id": cart.ref, "affiliation": tenant.shop, "products": products_of(cart.items)}
        yield track(
            "Cart Updated",
            person,
            f"cart:{cart.ref}",
            properties=properties | _currency(cart.items),
            at=cart.updated_at,
            once=f"cart-updated:{cart.ref}:{_version(cart)}",
        )


def _changes(cart: Cart, before: Sequence[Item], person: Person) -> Iterator[Fact]:
    """Yield each kind of goods that was put in or taken out; the same variant in two lines is one kind."""
    had, has = _quantities(before), _quantities(cart.items)
    for goods, item in {_goods(item): item for item in (*before, *cart.items)}.items():
        difference = has[goods] - had[goods]
        if not difference:
            continue
        name = "Product Added" if difference > 0 else "Product Removed"
        yield track(
            name,
            person,
            f"cart:{cart.ref}",
            properties={"cart_id": cart.ref} | _piece(item) | {"quantity": abs(difference)} | _currency([item]),
            at=cart.updated_at,
            once=f"{name.lower().replace(' ', '-')}:{cart.ref}:{_version(cart)}:{goods}",
        )


def _piece(item: Item) -> dict[str, object]:
    """Return one kind of goods without what is a total of its line, as only some of its pieces may be meant."""
    whole = ("discount", "tax", "line_item_id")
    return {name: value for name, value in product(item).items() if name not in whole}


def _goods(item: Item) -> str:
    return item.variant_ref or item.ref


def _quantities(items: Sequence[Item]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for item in items:
        counted[_goods(item)] += item.quantity
    return counted


def _currency(items: Sequence[Item]) -> dict[str, object]:
    prices = (item.unit_price for item in items if item.unit_price)
    return known({"currency": next((price.currency for price in prices), None)})


def of_checkout(
    topic: Topic, checkout: Checkout, history: History, tenant: Tenant, rules: IdentityRules
) -> Iterator[Fact]:
    """Yield who is buying and how far they came; each topic yields the start, as any may be the first to arrive."""
    if history.stale:
        return
    person = person_of(checkout, history, tenant, rules)
    if checkout.customer or checkout.email or checkout.phone:
        yield identify(person, traits_of_buyer(checkout), checkout.updated_at)
    yield from joins(person, rules, checkout.updated_at)
    properties = checkout_properties(checkout, tenant)
    content = digest(properties)
    if rules.email_in_properties:
        properties |= known({"email": email_of(checkout)})
    steps = [("Checkout Started", f"checkout-started:{checkout.ref}", checkout.created_at)]
    if topic is Topic.CHECKOUT_UPDATED:
        steps.append(("Checkout Updated", "", checkout.updated_at))
    for name, once, at in steps:
        group = f"checkout:{checkout.ref}"
        yield track(name, person, group, properties=properties, content=content, at=at, once=once or None)
    yield from _steps(checkout, person)
    yield from _coupons(checkout, history.before, person)


def _steps(checkout: Checkout, person: Person) -> Iterator[Fact]:
    """Yield the steps that a checkout has reached: who and where to, how it is sent, how it is paid."""
    manner = {"shipping_method": ", ".join(checkout.shipping_methods), "payment_method": checkout.payment_method}
    done = {
        1: bool((checkout.email or checkout.phone) and checkout.shipping_address),
        2: bool(checkout.shipping_methods),
        3: bool(checkout.payment_method),
    }
    names = [(step, "Checkout Step Completed", f"checkout-step:{checkout.ref}:{step}") for step in done]
    names.append((3, "Payment Info Entered", f"payment-info-entered:{checkout.ref}"))
    for step, name, once in names:
        if done[step]:
            properties = known({"checkout_id": checkout.ref, "cart_id": checkout.cart_ref, "step": step, **manner})
            group = once.replace(":", "/")
            yield track(name, person, group, properties=properties, at=checkout.updated_at, once=once)


def _coupons(checkout: Checkout, before: Cart | Checkout | None, person: Person) -> Iterator[Fact]:
    had = before.coupons if isinstance(before, Checkout) else ()
    changes = [("Coupon Applied", code) for code in checkout.coupons if code not in had]
    changes += [("Coupon Removed", code) for code in had if code not in checkout.coupons]
    for name, code in dict.fromkeys(changes):
        saved = amount_of(checkout.discount) if name == "Coupon Applied" else None
        names = {"checkout_id": checkout.ref, "cart_id": checkout.cart_ref, "coupon_id": code, "coupon_name": code}
        yield track(
            name,
            person,
            f"coupons:{checkout.ref}",
            properties=known(names | {"discount": saved, "currency": checkout.currency}),
            at=checkout.updated_at,
            once=f"{name.lower().replace(' ', '-')}:{checkout.ref}:{_version(checkout)}:{code}",
        )


def of_abandoned(checkout: Checkout, history: History, tenant: Tenant, rules: IdentityRules) -> Fact | None:
    """Return the fact that a checkout was abandoned; None where there is nothing to wait for.

    Its time is the end of the wait, so that it is the same whenever it is sent.
    """
    if not rules.abandoned_hours or checkout.completed_at or not checkout.items:
        return None
    person = person_of(checkout, history, tenant, rules)
    properties = checkout_properties(checkout, tenant)
    if rules.email_in_properties:
        properties |= known({"email": email_of(checkout)})
    return track(
        "Cart Abandoned",
        person,
        f"abandoned:{checkout.ref}",
        properties=properties,
        at=checkout.updated_at + timedelta(hours=rules.abandoned_hours),
        once=f"cart-abandoned:{checkout.ref}:{_version(checkout)}",
    )


def _version(document: Cart | Checkout) -> str:
    coupons = document.coupons if isinstance(document, Checkout) else ()
    # Of what never changes its form: a key has to be the same for ever, whatever fields an item gains.
    items = [(item.ref, item.variant_ref, item.quantity) for item in document.items]
    return digest([document.updated_at.isoformat(), items, coupons])[:16]
