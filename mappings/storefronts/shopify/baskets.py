"""LOADS: Shopify's carts and checkouts (docs/vendors/storefront-to-segment.md §5).

A cart names nobody, and its currency only inside the sets of its lines. A checkout's `abandoned_checkout_url` holds a
secret key and its `user_id` is a member of staff: neither is ever read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.canonical.activity import Cart, Checkout, Discard, Item
from mappings.canonical.orders import Money
from mappings.schemas.fields import Amount, AmountsOf, Currency, Flag, Identifier, Quantity, Text, UtcDateTime
from mappings.schemas.schema import Inbound
from mappings.storefronts.shopify.schemas import (
    AddressSchema,
    CustomerSchema,
    PairSchema,
    PriceSetSchema,
    ShippingLineSchema,
)
from mappings.storefronts.shopify.shared import (
    NOTHING,
    attributes_of,
    client_of,
    given,
    kept_shipping,
    line_discount,
    shipping_price,
    texts_of,
    total_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class _CartLineSchema(Inbound):
    """One of a cart's lines: `id` is the variant's, `key` tells two lines of one variant apart."""

    into = dict

    key = Identifier(required=True)
    quantity = Quantity(required=True)
    name = Text(data_key="title", required=True)
    price_set = fields.Nested(PriceSetSchema, allow_none=True)
    discount_set = fields.Nested(PriceSetSchema, data_key="total_discount_set", allow_none=True)
    sku = Text()
    product_ref = Identifier(data_key="product_id", allow_none=True)
    variant_ref = Identifier(data_key="variant_id", allow_none=True)
    brand = Text(data_key="vendor")


class _CartSchema(Inbound):
    """The body of the carts topics."""

    into = dict

    ref = Identifier(data_key="token", required=True)
    updated_at = UtcDateTime(required=True)
    created_at = UtcDateTime(allow_none=True)
    lines = fields.Nested(_CartLineSchema, many=True, data_key="line_items", required=True)


class _CheckoutLineSchema(Inbound):
    """One of a checkout's lines."""

    into = dict

    key = Identifier(allow_none=True)
    quantity = Quantity(required=True)
    name = Text(data_key="title", required=True)
    price = Amount(required=True)
    discounts = AmountsOf("amount", data_key="discount_allocations")
    tax = AmountsOf("price", data_key="tax_lines")
    sku = Text()
    product_ref = Identifier(data_key="product_id", allow_none=True)
    variant_ref = Identifier(data_key="variant_id", allow_none=True)
    variant = Text(data_key="variant_title")
    brand = Text(data_key="vendor")


class _CheckoutSchema(Inbound):
    """The body of the checkouts topics; its `id` was removed in 2026-04."""

    into = dict

    ref = Identifier(data_key="token", required=True)
    currency = Currency(required=True)
    created_at = UtcDateTime(required=True)
    updated_at = UtcDateTime(allow_none=True)
    completed_at = UtcDateTime(allow_none=True)
    total = Amount(data_key="total_price", required=True)
    subtotal = Amount(data_key="subtotal_price", allow_none=True)
    tax = Amount(data_key="total_tax", allow_none=True)
    discount = Amount(data_key="total_discounts", allow_none=True)
    taxes_included = Flag(allow_none=True)
    lines = fields.Nested(_CheckoutLineSchema, many=True, data_key="line_items", required=True)
    shipping_lines = fields.Nested(ShippingLineSchema, many=True, allow_none=True)
    presentment_currency = Currency(allow_none=True)
    cart_ref = Text(data_key="cart_token")
    customer = fields.Nested(CustomerSchema, allow_none=True)
    email = Text()
    phone = Text()
    shipping_address = fields.Nested(AddressSchema, allow_none=True)
    billing_address = fields.Nested(AddressSchema, allow_none=True)
    discount_codes = fields.Nested(PairSchema, many=True, allow_none=True)
    payment_method = Text(data_key="gateway")
    source = Text(data_key="source_name")
    note_attributes = fields.Nested(PairSchema, many=True, allow_none=True)
    locale = Text(data_key="customer_locale")
    accepts_marketing = Flag(data_key="buyer_accepts_marketing", allow_none=True)
    landing_site = Text()
    referring_site = Text()


class _DiscardSchema(Inbound):
    """The body of `checkouts/delete`: totals, and of names only the cart's; its `id` is in no other body any more."""

    into = Discard

    cart_ref = Text(data_key="cart_token")


_CART: Final = _CartSchema()
_CHECKOUT: Final = _CheckoutSchema()
_DISCARD: Final = _DiscardSchema()
_CHECKOUT_AS_SENT: Final = (
    *("ref", "currency", "created_at", "presentment_currency", "cart_ref", "customer", "email", "phone"),
    *("shipping_address", "billing_address", "payment_method", "completed_at", "source", "locale"),
    "accepts_marketing",
)
_ITEM_AS_SENT: Final = ("name", "quantity", "sku", "product_ref", "variant_ref", "variant", "brand")


def cart(document: object) -> Cart:
    """Load the body of `carts/create` or `carts/update`."""
    data = _CART.read(document, "shopify cart")
    return Cart(
        ref=data["ref"],
        updated_at=data["updated_at"],
        created_at=data.get("created_at"),
        items=tuple(map(_cart_item, data["lines"])),
    )


def _cart_item(line: Mapping[str, Any]) -> Item:
    as_sent: dict[str, Any] = {name: line.get(name) for name in _ITEM_AS_SENT}
    prices = {name: (line.get(f"{name}_set") or {}).get("shop") for name in ("price", "discount")}
    return Item(**as_sent, ref=line["key"], unit_price=prices["price"], discount=prices["discount"])


def checkout(document: object) -> Checkout:
    """Load the body of `checkouts/create` or `checkouts/update`."""
    data = _CHECKOUT.read(document, "shopify checkout")
    as_sent: dict[str, Any] = {name: data.get(name) for name in _CHECKOUT_AS_SENT}
    return Checkout(
        **(as_sent | _amounts(data)),
        updated_at=data.get("updated_at") or data["created_at"],
        items=tuple(_checkout_item(line, place, data["currency"]) for place, line in enumerate(data["lines"], start=1)),
        coupons=texts_of(pair.get("code") for pair in data.get("discount_codes") or ()),
        shipping_methods=texts_of(line.get("title") for line in kept_shipping(data)),
        attributes=attributes_of(data),
        client=client_of(data),
    )


def discard(document: object) -> Discard:
    """Load the body of `checkouts/delete`."""
    gone: Discard = _DISCARD.read(document, "shopify checkout deletion")
    return gone


def _checkout_item(line: Mapping[str, Any], place: int, currency: str) -> Item:
    as_sent: dict[str, Any] = {name: line.get(name) for name in _ITEM_AS_SENT}
    return Item(
        **as_sent,
        ref=line.get("key") or str(place),
        unit_price=Money(amount=line["price"], currency=currency),
        discount=Money(amount=line_discount(line), currency=currency),
        tax=Money(amount=line.get("tax") or NOTHING, currency=currency),
    )


def _amounts(data: Mapping[str, Any]) -> dict[str, Money]:
    shipping_lines = kept_shipping(data)
    whole = total_of(line["price"] * line["quantity"] - line_discount(line) for line in data["lines"])
    amounts = {
        "total": data["total"],
        "subtotal": given(data.get("subtotal"), whole) or NOTHING,
        "shipping": total_of(map(shipping_price, shipping_lines)),
        "tax": data.get("tax") or NOTHING,
        "discount": given(data.get("discount"), total_of(map(line_discount, data["lines"]))) or NOTHING,
    }
    if data.get("taxes_included"):
        # Then both contain tax, as in an order; ours do not.
        amounts["subtotal"] -= total_of(line.get("tax") for line in data["lines"])
        amounts["shipping"] -= total_of(line.get("tax") for line in shipping_lines)
    return {name: Money(amount=amount, currency=data["currency"]) for name, amount in amounts.items()}
