"""Documents of one invented person, and what the shop of these tests sends about them."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mappings.canonical.orders import Customer, Order, Topic
from mappings.customer_data import Fact, IdentityRules, Tenant, facts
from tests.support.golden import CANONICAL, read

SHOP = "crossdock-demo.myshopify.com"
TENANT = Tenant(platform="shopify", shop=SHOP)
RULES = IdentityRules()
USER = f"shopify:{SHOP}:7313004880213"
ATTRIBUTE = "a7c1e3b2-0d4f-4f7e-9a55-2b8f1c6d9e01"
EMAIL = "marguerite.okafor-lind@example.com"


def order(name: str = "order_created__web", **changes: Any) -> Order:
    """Read a canonical order, changed."""
    found: Order = read(Order, CANONICAL / f"{name}.json")
    return replace(found, **changes)


def customer(**changes: Any) -> Customer:
    """Read the canonical customer, changed."""
    found: Customer = read(Customer, CANONICAL / "customer_created__web.json")
    return replace(found, **changes)


def facts_of(topic: Topic, document: Order | Customer, rules: IdentityRules = RULES) -> tuple[Fact, ...]:
    """Return the facts that the shop of these tests sends about a document."""
    return facts(topic, document, TENANT, rules)
