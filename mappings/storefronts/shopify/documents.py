"""LOADS: Shopify's webhook bodies into canonical values.

The topic decides what a body is, never its state: the documented sample of `orders/create` is a cancelled order
(docs/vendors/storefront-to-segment.md §5). Staff fields such as `user_id` are never read: they are not the buyer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.canonical.orders import (
    CUSTOMER_TOPICS,
    FULFILLED_TOPICS,
    ORDER_TOPICS,
    Customer,
    Line,
    Money,
    Order,
    ShopNotice,
    Topic,
)
from mappings.schemas.fields import Identifier, Text
from mappings.schemas.schema import Inbound, PayloadRejected
from mappings.storefronts.shopify.activity import READERS
from mappings.storefronts.shopify.schemas import CustomerSchema, OrderSchema
from mappings.storefronts.shopify.shared import (
    NOTHING,
    attributes_of,
    client_of,
    coupon_of,
    delivery,
    given,
    kept_shipping,
    line_discount,
    shipping_price,
    shop_amount,
    texts_of,
    total_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from mappings.canonical.document import Document


class _ShopSchema(Inbound):
    """The body of `app/uninstalled`."""

    into = dict

    shop_ref = Identifier(data_key="id", required=True)
    domain = Text(data_key="myshopify_domain")


class _PersonSchema(Inbound):
    """Whom a privacy request is about; it may hold only an e-mail (§5)."""

    into = dict

    ref = Identifier(data_key="id", allow_none=True)
    email = Text()


class _PrivacySchema(Inbound):
    """The bodies of the three compliance topics (§5)."""

    into = dict

    shop_ref = Identifier(data_key="shop_id", required=True)
    domain = Text(data_key="shop_domain")
    customer = fields.Nested(_PersonSchema, allow_none=True)
    to_redact = fields.List(Identifier(), data_key="orders_to_redact", allow_none=True)
    requested = fields.List(Identifier(), data_key="orders_requested", allow_none=True)
    data_request = fields.Nested(_PersonSchema, only=("ref",), allow_none=True)


_ORDER: Final = OrderSchema()
_CUSTOMER: Final = CustomerSchema()
_SHOP: Final = _ShopSchema()
_PRIVACY: Final = _PrivacySchema()

_DOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")

_ORDER_AS_SENT: Final = (
    *("ref", "currency", "created_at", "cancelled_at", "cancel_reason", "closed_at", "source", "payment_status"),
    *("fulfillment_status", "customer", "phone", "shipping_address", "billing_address", "total_weight_g", "note"),
    *("cart_ref", "locale", "accepts_marketing"),
)
_LINE_AS_SENT: Final = (
    *("ref", "quantity", "requires_shipping", "unit_weight_g", "sku"),
    *("product_ref", "variant_ref", "variant", "brand"),
)


def load(topic: Topic, document: object, shop: str) -> Document:
    """Load the parsed body that came for `topic` to `shop`, a `….myshopify.com` name.

    Raises:
        PayloadRejected: a field is missing or misshapen, or a notice names another shop than the headers did.
    """
    if topic in ORDER_TOPICS or topic in FULFILLED_TOPICS:
        return _order(_ORDER.read(document, "shopify order"))
    if topic in CUSTOMER_TOPICS:
        customer: Customer = _CUSTOMER.read(document, "shopify customer")
        return customer
    if topic in READERS:
        return READERS[topic](document)
    schema = _SHOP if topic is Topic.APP_UNINSTALLED else _PRIVACY
    return _notice(schema.read(document, "shopify shop notice"), shop)


def _order(data: Mapping[str, Any]) -> Order:
    as_sent: dict[str, Any] = {name: data.get(name) for name in _ORDER_AS_SENT}
    return Order(**(as_sent | _state(data) | _amounts(data) | _lists(data)), client=client_of(data))


def _state(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": data.get("name") or data.get("order_number") or data["ref"],
        "updated_at": data.get("updated_at") or data["created_at"],
        "placed_at": data.get("processed_at") or data["created_at"],
        "test": bool(data.get("test")),
        "impossible_sample": _impossible(data),
        "point_of_sale": data.get("source") == "pos",
        "fully_refunded": data.get("payment_status") == "refunded",
        "delivery": delivery(data),
        "email": data.get("email") or data.get("contact_email"),
        "checkout_ref": data.get("checkout_token") or data.get("checkout_id"),
    }


def _impossible(data: Mapping[str, Any]) -> bool:
    """Tell whether this is the documentation's own order, which `shopify app webhook trigger` sends too.

    No shop can make one: it is cancelled in the very second it was placed and was never confirmed. A developer who
    triggers it wants to see the whole line work, so nothing may be held against it.
    """
    unconfirmed = data.get("confirmed") is False
    return bool(data.get("test")) and unconfirmed and data.get("cancelled_at") == data["created_at"]


def _amounts(data: Mapping[str, Any]) -> dict[str, Money]:
    shipping_lines = kept_shipping(data)
    amounts = {
        "total": data["total"],
        "subtotal": given(data.get("subtotal"), _lines_total(data["lines"])),
        "shipping": given(shop_amount(data, "shipping_set"), total_of(map(shipping_price, shipping_lines))),
        "tax": given(data.get("tax"), data.get("tax_lines")),
        "discount": given(data.get("discount"), total_of(map(line_discount, data["lines"]))),
        "tip": data.get("tip"),
        "duties": given(shop_amount(data, "duties_set"), shop_amount(data, "current_duties_set")),
        "fees": given(shop_amount(data, "fees_set"), shop_amount(data, "current_fees_set")),
        "rounding": shop_amount(data, "rounding_set"),
    }
    if data.get("taxes_included"):
        # Then both contain tax; ours do not (docs/vendors/storefront-to-segment.md §6.2).
        amounts["subtotal"] -= total_of(line.get("tax") for line in data["lines"])
        amounts["shipping"] -= total_of(line.get("tax") for line in shipping_lines)
    return {name: Money(amount=amount or NOTHING, currency=data["currency"]) for name, amount in amounts.items()}


def _lists(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lines": tuple(_line(line, data) for line in data["lines"]),
        "presentment_total": (data.get("total_set") or {}).get("presentment"),
        "coupons": texts_of(pair.get("code") for pair in data.get("discount_codes") or ()),
        "payment_methods": texts_of(data.get("payment_methods") or ()),
        "shipping_methods": texts_of(line.get("title") for line in kept_shipping(data)),
        "tags": data.get("tags") or (),
        "attributes": attributes_of(data),
    }


def _line(data: Mapping[str, Any], order: Mapping[str, Any]) -> Line:
    as_sent: dict[str, Any] = {name: data.get(name) for name in _LINE_AS_SENT}
    currency = order["currency"]
    return Line(
        **as_sent,
        coupon=coupon_of(data, order),
        name=data.get("title") or data["name"],
        quantity_to_ship=_quantity_to_ship(data),
        quantity_kept=data.get("current_quantity"),
        unit_price=Money(amount=data["price"], currency=currency),
        discount=Money(amount=line_discount(data), currency=currency),
        tax=Money(amount=data.get("tax") or NOTHING, currency=currency),
        gift_card=bool(data.get("gift_card")),
    )


def _quantity_to_ship(line: Mapping[str, Any]) -> int:
    if line.get("fulfillment_status") == "fulfilled":
        return 0
    known = (line.get("fulfillable_quantity"), line.get("current_quantity"), line["quantity"])
    quantity: int = next(number for number in known if number is not None)
    return quantity


def _lines_total(lines: Sequence[Mapping[str, Any]]) -> Decimal:
    return total_of(line["price"] * line["quantity"] - line_discount(line) for line in lines)


def _notice(data: Mapping[str, Any], shop: str) -> ShopNotice:
    # One app secret signs for all shops and the headers are not signed, so a body that names its shop is held to it
    # (§4). The documented samples hold a placeholder there, which names no shop.
    named = (data.get("domain") or "").lower()
    if _DOMAIN.fullmatch(named) and named != shop.lower():
        raise PayloadRejected("shopify shop notice: shop_domain: names another shop than the headers do")
    customer = data.get("customer") or {}
    return ShopNotice(
        shop_ref=data["shop_ref"],
        customer_ref=customer.get("ref"),
        customer_email=customer.get("email"),
        order_refs=tuple(data.get("to_redact") or data.get("requested") or ()),
        request_ref=(data.get("data_request") or {}).get("ref"),
    )
