"""A person's ids never change, never collide, and cannot be forged."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from mappings.canonical.orders import Customer, Order, Topic
from mappings.customer_data import Alias, IdentityRules, Tenant, Track, facts
from mappings.customer_data.ids import USER_ID_STRATEGIES
from tests.support.documents import ATTRIBUTE, EMAIL, RULES, SHOP, USER, customer, facts_of, order


def ids(document: Order | Customer, rules: IdentityRules = RULES) -> tuple[str | None, str | None]:
    """Give both ids of whoever a document is about."""
    topic = Topic.ORDER_CREATED if isinstance(document, Order) else Topic.CUSTOMER_CREATED
    call = facts_of(topic, document, rules)[-1].call
    assert isinstance(call, Track)
    return call.user_id, call.anonymous_id


def test_alias_joins_a_visit_to_its_buyer_once() -> None:
    """Its key is the pair; there is none without a user, without a visit, or when it is switched off."""
    alias = facts_of(Topic.ORDER_CREATED, order())[1]
    assert alias.key == f"alias:{ATTRIBUTE}:{USER}"
    assert alias.call == Alias(user_id=USER, previous_id=ATTRIBUTE, at=order().updated_at)
    unvisited = order(attributes=(), cart_ref=None, checkout_ref=None)
    silent = [
        facts_of(Topic.ORDER_CREATED, order(customer=None)),
        facts_of(Topic.ORDER_CREATED, unvisited),
        facts_of(Topic.ORDER_CREATED, order(), replace(RULES, alias=False)),
        facts_of(Topic.ORDER_CREATED, order(), replace(RULES, user_id="none")),
    ]
    assert all(fact.action != "alias" for found in silent for fact in found)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("customer_id", USER),
        ("customer_id_bare", "7313004880213"),
        ("email", EMAIL),
        ("sha256_email", hashlib.sha256(EMAIL.encode()).hexdigest()),
        ("md5_email", hashlib.md5(EMAIL.encode(), usedforsecurity=False).hexdigest()),
        ("none", None),
    ],
)
def test_user_id_strategies(strategy: str, expected: str | None) -> None:
    """Each gives the same id for an order and for its customer; addresses are normalised before hashing."""
    rules = replace(RULES, user_id=strategy)
    shouted = f" {EMAIL.upper()} "
    assert ids(order(), rules)[0] == ids(customer(email=shouted), rules)[0] == expected
    assert strategy in USER_ID_STRATEGIES


def test_a_guest_has_no_user_id_unless_by_email() -> None:
    """And is the same guest whenever the same order is sent."""
    guest = order("order_created__guest_gb")
    assert ids(guest)[0] is None
    assert ids(guest, replace(RULES, user_id="email"))[0] == "ifeoma.castellane@example.com"
    assert facts_of(Topic.ORDER_CREATED, guest)[0].subject == f"person:{ids(guest)[1]}"


def test_anonymous_ids_go_down_the_ladder() -> None:
    """An attribute of the list, in its order; then cart, checkout, order: never random, never equal."""
    listed = order(attributes=(("anonymousId", "last"), ("ajs_anonymous_id", "first")))
    assert ids(listed)[1] == "first"
    assert ids(order(), replace(RULES, anonymous_id_attributes=("Gift message",)))[1] == "Happy birthday, Tove!"
    rungs = [
        order(attributes=()),
        order(attributes=(), cart_ref=None),
        order(attributes=(), cart_ref=None, checkout_ref=None),
    ]
    found = [ids(rung)[1] for rung in rungs]
    assert found == [ids(rung)[1] for rung in rungs]
    assert len(set(found)) == 3
    assert all(UUID(anonymous).version == 5 for anonymous in found if anonymous)


def test_anonymous_ids_of_two_shops_differ() -> None:
    """Equal order ids of different shops are different people."""
    here, there = (
        facts(Topic.ORDER_CREATED, order("order_created__yen_nobody"), Tenant(platform="shopify", shop=shop), RULES)
        for shop in ("a.myshopify.com", "b.myshopify.com")
    )
    assert here[0].subject != there[0].subject


@pytest.mark.parametrize("forged", [f"shopify:{SHOP}:1", "victim@example.com", "x" * 129])
def test_an_attribute_cannot_claim_to_be_somebody_known(forged: str) -> None:
    """Buyers write attributes; an alias of a known id would hand them its history."""
    assert ids(order(attributes=(("anonymousId", forged),)))[1] != forged
