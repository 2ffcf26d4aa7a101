"""What a webhook is about: any of the canonical values that a storefront's body becomes."""

from __future__ import annotations

from mappings.canonical.activity import Activity
from mappings.canonical.orders import Customer, Order, ShopNotice

Document = Order | Customer | ShopNotice | Activity
