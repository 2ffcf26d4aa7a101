"""What storefronts and destinations meet at: frozen values, free of any vendor's words.

Money is `Decimal` with its currency, time is aware UTC, ids of storefronts are strings, weights are whole grams.
`None` always means "the storefront did not say"; nothing here is ever defaulted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal


class Topic(StrEnum):
    """What happened, in our words. A storefront's own topic names stay in its module."""

    ORDER_CREATED = "order_created"
    ORDER_UPDATED = "order_updated"
    ORDER_PAID = "order_paid"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_FULFILLED = "order_fulfilled"
    ORDER_PARTLY_FULFILLED = "order_partly_fulfilled"
    CUSTOMER_CREATED = "customer_created"
    CUSTOMER_UPDATED = "customer_updated"
    CUSTOMER_DELETED = "customer_deleted"
    CUSTOMER_MERGED = "customer_merged"
    CONSENT_UPDATED = "consent_updated"
    CART_CREATED = "cart_created"
    CART_UPDATED = "cart_updated"
    CHECKOUT_CREATED = "checkout_created"
    CHECKOUT_UPDATED = "checkout_updated"
    CHECKOUT_DELETED = "checkout_deleted"
    REFUND_CREATED = "refund_created"
    PAYMENT_CREATED = "payment_created"
    FULFILMENT_CREATED = "fulfilment_created"
    FULFILMENT_UPDATED = "fulfilment_updated"
    PARCEL_SCANNED = "parcel_scanned"
    PARCEL_BOOKED = "parcel_booked"
    APP_UNINSTALLED = "app_uninstalled"
    CUSTOMER_DATA_REQUESTED = "customer_data_requested"
    CUSTOMER_REDACTED = "customer_redacted"
    SHOP_REDACTED = "shop_redacted"


class DeliveryKind(StrEnum):
    """How goods reach the buyer. A pick-up may carry an address all the same, even the warehouse's own."""

    SHIP = "ship"
    PICKUP = "pickup"


ORDER_TOPICS = frozenset({Topic.ORDER_CREATED, Topic.ORDER_UPDATED, Topic.ORDER_PAID, Topic.ORDER_CANCELLED})
# What these say follows from an order too, but nothing is booked for them: orders/updated comes beside each.
FULFILLED_TOPICS = frozenset({Topic.ORDER_FULFILLED, Topic.ORDER_PARTLY_FULFILLED})
CUSTOMER_TOPICS = frozenset({Topic.CUSTOMER_CREATED, Topic.CUSTOMER_UPDATED})
COMPLIANCE_TOPICS = frozenset({Topic.CUSTOMER_DATA_REQUESTED, Topic.CUSTOMER_REDACTED, Topic.SHOP_REDACTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An exact amount; two amounts of different currencies never meet in arithmetic."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address as the storefront gave it; `country_code` is ISO 3166-1 alpha-2, upper case."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an order.

    `quantity` is as ordered, `quantity_kept` what is left of it after edits and refunds, sent or not, and
    `quantity_to_ship` what of that is still to be fulfilled.
    `unit_price` is before discounts, `discount` and `tax` are totals of the whole line.
    """

    ref: str
    name: str
    quantity: int
    quantity_to_ship: int
    unit_price: Money
    discount: Money
    tax: Money
    requires_shipping: bool
    quantity_kept: int | None = None
    gift_card: bool = False
    unit_weight_g: int | None = None
    sku: str | None = None
    product_ref: str | None = None
    variant_ref: str | None = None
    variant: str | None = None
    brand: str | None = None
    coupon: str | None = None
    hs_code: str | None = None
    origin_country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What the buyer's browser said when the order was placed; all of it may be unknown."""

    ip: str | None = None
    user_agent: str | None = None
    landing_url: str | None = None
    referrer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person with an account or at least an entry at the storefront; `registered` says that it is an account."""

    ref: str
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    state: str | None = None
    verified_email: bool | None = None
    tax_exempt: bool | None = None
    currency: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    address: Address | None = None
    registered: bool | None = None
    consent: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxNumber:
    """A buyer's tax number and its kind, such as `VAT` or `EORI`."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One version of an order. Amounts are as placed, in the shop's currency.

    `subtotal` and `shipping` are net of tax, `subtotal` after discounts;
    `total = subtotal + shipping + tax + tip + duties + fees + rounding` wherever the storefront's own figures add up.
    `impossible_sample` marks the platform's documentation sample, whose body contradicts itself.
    """

    ref: str
    number: str
    currency: str
    created_at: datetime
    updated_at: datetime
    total: Money
    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    tip: Money
    duties: Money
    fees: Money
    rounding: Money
    lines: tuple[Line, ...]
    placed_at: datetime
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    test: bool = False
    impossible_sample: bool = False
    source: str | None = None
    point_of_sale: bool = False
    payment_status: str | None = None
    fulfillment_status: str | None = None
    fully_refunded: bool = False
    delivery: DeliveryKind | None = None
    tax_numbers: tuple[TaxNumber, ...] = ()
    customer: Customer | None = None
    email: str | None = None
    phone: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    total_weight_g: int | None = None
    presentment_total: Money | None = None
    coupons: tuple[str, ...] = ()
    payment_methods: tuple[str, ...] = ()
    shipping_methods: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    cart_ref: str | None = None
    checkout_ref: str | None = None
    locale: str | None = None
    accepts_marketing: bool | None = None
    client: Client = field(default_factory=Client)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopNotice:
    """A message about the shop itself: uninstalled, or one of the privacy requests.

    `order_refs` and `customer_ref` name what a privacy request is about; `request_ref` is the platform's number of it.
    """

    shop_ref: str
    customer_ref: str | None = None
    customer_email: str | None = None
    order_refs: tuple[str, ...] = ()
    request_ref: str | None = None
