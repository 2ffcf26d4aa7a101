"""What happens around orders: carts, checkouts, refunds, payments, parcels, and what becomes of customers.

Frozen values like those of `mappings/canonical/orders.py`, which they complete. What was known before a document came
is beside it, in `mappings/canonical/history.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from mappings.canonical.orders import Address, Client, Customer, Money, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """So many pieces of one thing in a cart, a checkout, a refund or a parcel.

    `ref` tells it apart within its document. `unit_price` is before discounts, `discount` and `tax` are totals of all
    its pieces; a document that names no currency gives no amounts.
    """

    ref: str
    name: str
    quantity: int
    unit_price: Money | None = None
    discount: Money | None = None
    tax: Money | None = None
    sku: str | None = None
    product_ref: str | None = None
    variant_ref: str | None = None
    variant: str | None = None
    brand: str | None = None
    coupon: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """One version of a visitor's cart; nobody's name is in it."""

    ref: str
    updated_at: datetime
    items: tuple[Item, ...]
    created_at: datetime | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """One version of a checkout that is no order yet. Amounts as in an order: net of tax, `subtotal` after discounts.

    `payment_method` is there as soon as the buyer has said how to pay, `completed_at` once it became an order.
    """

    ref: str
    currency: str
    created_at: datetime
    updated_at: datetime
    total: Money
    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    items: tuple[Item, ...]
    client: Client
    presentment_currency: str | None = None
    cart_ref: str | None = None
    customer: Customer | None = None
    email: str | None = None
    phone: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    coupons: tuple[str, ...] = ()
    shipping_methods: tuple[str, ...] = ()
    payment_method: str | None = None
    completed_at: datetime | None = None
    source: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    locale: str | None = None
    accepts_marketing: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """A checkout was thrown away; which one is known by its cart alone, and not always."""

    cart_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that went back to a buyer: `amount` is what was really paid out, zero while nothing was.

    Without a `currency` it is in the order's. `items` are the goods that it is for.
    """

    ref: str
    order_ref: str
    refunded_at: datetime
    amount: Decimal
    currency: str | None = None
    reason: str | None = None
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to pay for an order; without a `currency` its amount is in the order's."""

    ref: str
    order_ref: str
    failed: bool
    at: datetime
    amount: Decimal
    currency: str | None = None
    method: str | None = None
    error_code: str | None = None
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """How one parcel is followed."""

    number: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """One version of what the shop says it sent of an order; a `void` one was taken back, or failed."""

    ref: str
    order_ref: str
    created_at: datetime
    updated_at: datetime
    status: str | None = None
    void: bool = False
    carrier: str | None = None
    service: str | None = None
    tracking: tuple[Tracking, ...] = ()
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelScan:
    """What a carrier reported to the shop about a parcel on its way."""

    ref: str
    order_ref: str
    fulfilment_ref: str
    status: str
    delivered: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel that one of our own bookings sent, or that arrived (`delivered`) at a time that we learned `at`."""

    order: Order
    tracking: Tracking
    carrier: str | None
    delivered: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """The shop says that two customers are one: `deleted_ref` lives on as `kept_ref`, if it `succeeded`."""

    kept_ref: str
    deleted_ref: str
    succeeded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A customer's record was deleted. It is no request to erase what is known of the person."""

    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a customer lets the shop send through one `channel`; `given` is None where the word for it is unknown."""

    customer_ref: str
    channel: str
    state: str | None
    given: bool | None
    at: datetime | None = None
    email: str | None = None


Activity = Cart | Checkout | Discard | Refund | Payment | Fulfilment | ParcelScan | Parcel | Merge | Departure | Consent
# What names an order by its id alone, and needs the order to say whose it is.
Aftermath = Refund | Payment | Fulfilment | ParcelScan
