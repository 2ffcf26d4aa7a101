"""LOADS: Shopify's bodies about refunds, payments and fulfilments (docs/vendors/storefront-to-segment.md §5).

Each names its order by number only; whose it is has to be recalled. Staff fields are never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.canonical.activity import Fulfilment, Item, ParcelScan, Payment, Refund, Tracking
from mappings.canonical.orders import Money, Topic
from mappings.schemas.fields import Amount, Currency, Flag, Identifier, Quantity, Text, UtcDateTime
from mappings.schemas.schema import Inbound, PayloadRejected
from mappings.storefronts.shopify.baskets import cart, checkout, discard
from mappings.storefronts.shopify.customers import consent, departure, merge
from mappings.storefronts.shopify.schemas import PriceSetSchema
from mappings.storefronts.shopify.shared import total_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mappings.canonical.document import Document


class _ItemSchema(Inbound):
    """The order's line inside a refund or fulfilment."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    title = Text()
    name = Text()
    quantity = Quantity(required=True)
    price = Amount(allow_none=True)
    price_set = fields.Nested(PriceSetSchema, allow_none=True)
    sku = Text()
    product_ref = Identifier(data_key="product_id", allow_none=True)
    variant_ref = Identifier(data_key="variant_id", allow_none=True)
    variant = Text(data_key="variant_title")
    brand = Text(data_key="vendor")


class _TransactionSchema(Inbound):
    """The body of `order_transactions/create`, and one of a refund's `transactions`; its currency may be null."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    order_ref = Identifier(data_key="order_id", required=True)
    kind = Text(required=True)
    status = Text(required=True)
    amount = Amount(required=True)
    currency = Currency(allow_none=True)
    gateway = Text()
    error_code = Text()
    test = Flag(allow_none=True)
    created_at = UtcDateTime(allow_none=True)
    processed_at = UtcDateTime(allow_none=True)


class _RefundLineSchema(Inbound):
    """So many pieces of one line that money went back for."""

    into = dict

    quantity = Quantity(required=True)
    line = fields.Nested(_ItemSchema, data_key="line_item", allow_none=True)
    subtotal_set = fields.Nested(PriceSetSchema, allow_none=True)
    tax_set = fields.Nested(PriceSetSchema, data_key="total_tax_set", allow_none=True)


class _RefundSchema(Inbound):
    """The body of `refunds/create`: no customer, no e-mail, no currency of its own."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    order_ref = Identifier(data_key="order_id", required=True)
    created_at = UtcDateTime(required=True)
    processed_at = UtcDateTime(allow_none=True)
    reason = Text(data_key="note")
    transactions = fields.Nested(_TransactionSchema, many=True, required=True)
    lines = fields.Nested(_RefundLineSchema, many=True, data_key="refund_line_items", allow_none=True)
    duties_set = fields.Nested(PriceSetSchema, data_key="total_duties_set", allow_none=True)


class _FulfilmentSchema(Inbound):
    """The body of the fulfillments topics."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    order_ref = Identifier(data_key="order_id", required=True)
    created_at = UtcDateTime(required=True)
    updated_at = UtcDateTime(allow_none=True)
    status = Text()
    carrier = Text(data_key="tracking_company")
    service = Text()
    number = Text(data_key="tracking_number")
    url = Text(data_key="tracking_url")
    numbers = fields.List(Text(), data_key="tracking_numbers", allow_none=True)
    urls = fields.List(Text(), data_key="tracking_urls", allow_none=True)
    lines = fields.Nested(_ItemSchema, many=True, data_key="line_items", allow_none=True)


class _ScanSchema(Inbound):
    """The body of `fulfillment_events/create`."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    order_ref = Identifier(data_key="order_id", required=True)
    fulfilment_ref = Identifier(data_key="fulfillment_id", required=True)
    status = Text(required=True)
    happened_at = UtcDateTime(required=True)


_REFUND: Final = _RefundSchema()
_TRANSACTION: Final = _TransactionSchema()
_FULFILMENT: Final = _FulfilmentSchema()
_SCAN: Final = _ScanSchema()

_FAILED: Final = frozenset({"failure", "error"})
_PAYING: Final = frozenset({"authorization", "sale", "capture"})
_VOID: Final = frozenset({"cancelled", "error", "failure"})


def _refund(document: object) -> Refund:
    data = _REFUND.read(document, "shopify refund")
    paid = [one for one in data["transactions"] if one["kind"] == "refund" and one["status"] == "success"]
    currency = _currency(data, paid)
    return Refund(
        ref=data["ref"],
        order_ref=data["order_ref"],
        refunded_at=data.get("processed_at") or data["created_at"],
        # Apart from money, §5: what counts is what was really paid out.
        amount=total_of(one["amount"] for one in paid),
        currency=currency,
        reason=data.get("reason"),
        items=tuple(_refunded(line) for line in data.get("lines") or () if line.get("line")),
    )


def _currency(data: Mapping[str, Any], paid: list[dict[str, Any]]) -> str | None:
    """Return the transactions' currency; where they name none, the shop's one in the refund's sets."""
    named = {one["currency"] for one in paid if one.get("currency")}
    if len(named) > 1:
        raise PayloadRejected("shopify refund: transactions.currency: several currencies in one refund")
    sets = [data.get("duties_set"), *(line.get("subtotal_set") for line in data.get("lines") or ())]
    named = named or {one["shop"].currency for one in sets if one and one.get("shop")}
    return next(iter(named)) if len(named) == 1 else None


def _refunded(line: Mapping[str, Any]) -> Item:
    tax = (line.get("tax_set") or {}).get("shop")
    return _item({**line["line"], "quantity": line["quantity"]}, tax)


def _item(line: Mapping[str, Any], tax: Money | None = None) -> Item:
    names = ("ref", "quantity", "sku", "product_ref", "variant_ref", "variant", "brand")
    as_sent: dict[str, Any] = {name: line.get(name) for name in names}
    price = (line.get("price_set") or {}).get("shop")
    return Item(**as_sent, name=line.get("title") or line.get("name") or line["ref"], unit_price=price, tax=tax)


def _payment(document: object) -> Payment:
    data = _TRANSACTION.read(document, "shopify transaction")
    at = data.get("processed_at") or data.get("created_at")
    if at is None:
        raise PayloadRejected("shopify transaction: created_at: Missing data for required field")
    return Payment(
        ref=data["ref"],
        order_ref=data["order_ref"],
        failed=data["status"] in _FAILED and data["kind"] in _PAYING,
        at=at,
        amount=data["amount"],
        currency=data.get("currency"),
        method=data.get("gateway"),
        error_code=data.get("error_code"),
        test=bool(data.get("test")),
    )


def _fulfilment(document: object) -> Fulfilment:
    data = _FULFILMENT.read(document, "shopify fulfilment")
    names = ("ref", "order_ref", "created_at", "status", "carrier", "service")
    as_sent: dict[str, Any] = {name: data.get(name) for name in names}
    return Fulfilment(
        **as_sent,
        updated_at=data.get("updated_at") or data["created_at"],
        void=data.get("status") in _VOID,
        tracking=_tracking(data),
        items=tuple(map(_item, data.get("lines") or ())),
    )


def _tracking(data: Mapping[str, Any]) -> tuple[Tracking, ...]:
    numbers = data.get("numbers") or [data.get("number")]
    urls = [*(data.get("urls") or [data.get("url")]), *[None] * len(numbers)]
    found = {number: url for number, url in zip(numbers, urls, strict=False) if number}
    return tuple(Tracking(number=number, url=url) for number, url in found.items())


def _scan(document: object) -> ParcelScan:
    data = _SCAN.read(document, "shopify fulfilment event")
    names = ("ref", "order_ref", "fulfilment_ref", "status")
    as_sent: dict[str, Any] = {name: data[name] for name in names}
    return ParcelScan(**as_sent, delivered=data["status"] == "delivered", at=data["happened_at"])


READERS: Final[dict[Topic, Callable[[object], Document]]] = {
    Topic.CART_CREATED: cart,
    Topic.CART_UPDATED: cart,
    Topic.CHECKOUT_CREATED: checkout,
    Topic.CHECKOUT_UPDATED: checkout,
    Topic.CHECKOUT_DELETED: discard,
    Topic.REFUND_CREATED: _refund,
    Topic.PAYMENT_CREATED: _payment,
    Topic.FULFILMENT_CREATED: _fulfilment,
    Topic.FULFILMENT_UPDATED: _fulfilment,
    Topic.PARCEL_SCANNED: _scan,
    Topic.CUSTOMER_MERGED: merge,
    Topic.CUSTOMER_DELETED: departure,
    Topic.CONSENT_UPDATED: consent,
}
