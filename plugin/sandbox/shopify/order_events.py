"""What goes before and follows an invented order: carts, checkouts, refunds, payments, parcels.

Every one is made of an order's own goods and figures, so that it belongs to the order of the same number.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Document = dict[str, Any]

_PIECE = ("variant_id", "product_id", "sku", "title", "vendor", "quantity", "grams", "price", "price_set", "gift_card")
_BOUGHT = ("cart_token", "email", "phone", "customer", "shipping_address", "billing_address", "note_attributes")
_SAME = ("currency", "presentment_currency", "taxes_included", "customer_locale", "buyer_accepts_marketing")
_VISIT = ("landing_site", "referring_site", "source_name", "total_weight")
_NOTHING = "0.00"


def cart(order: Document, created: str, updated: str, pieces: Sequence[int]) -> Document:
    """Return a cart with so many pieces of each of the order's goods; no customer and no currency of its own."""
    lines = [_cart_line(line, count) for line, count in zip(order["line_items"], pieces, strict=False) if count]
    token = order["cart_token"]
    return {
        "id": token,
        "token": token,
        "line_items": lines,
        "note": None,
        "updated_at": updated,
        "created_at": created,
    }


def _cart_line(line: Document, pieces: int) -> Document:
    made = {name: line.get(name) for name in _PIECE} | {"quantity": pieces, "id": line["variant_id"]}
    whole = f"{Decimal(line['price']) * pieces:.2f}"
    zero = _both(line["price_set"], _NOTHING)
    return made | {
        "key": f"{line['variant_id']}:{line['id']:x}",
        "properties": None,
        "discounts": [],
        "discounted_price": line["price"],
        "discounted_price_set": line["price_set"],
        "line_price": whole,
        "line_price_set": _both(line["price_set"], whole),
        "original_price": line["price"],
        "original_line_price": whole,
        "original_line_price_set": _both(line["price_set"], whole),
        "taxable": True,
        "total_discount": _NOTHING,
        "total_discount_set": zero,
        "parent_relationship": None,
    }


def _both(like: Mapping[str, Any], amount: str) -> Document:
    return {side: money | {"amount": amount} for side, money in like.items()}


def checkout(order: Document, created: str, updated: str, *, chosen: bool) -> Document:
    """Return a checkout of all that is ordered; `chosen` once the buyer chose shipping and payment and used a code."""
    named = {name: order.get(name) for name in (*_BOUGHT, *_SAME, *_VISIT)}
    lines = [_checkout_line(line, discounted=chosen) for line in order["line_items"]]
    shipping = order["shipping_lines"] if chosen else []
    taxes = [tax for line in (*lines, *shipping) for tax in line["tax_lines"]]
    figures = _figures(lines, shipping, taxes, included=bool(order["taxes_included"]))
    made = {
        "token": order["checkout_token"],
        "name": f"#{order['id']}",
        "line_items": lines,
        "shipping_lines": shipping,
    }
    made |= {"gateway": order["payment_gateway_names"][0] if chosen else None, "tax_lines": taxes}
    made |= {"discount_codes": order["discount_codes"] if chosen else [], "created_at": created, "updated_at": updated}
    absent = ("note", "completed_at", "closed_at", "user_id", "location_id", "source", "total_duties", "device_id")
    return (
        dict.fromkeys(absent) | named | made | figures | {"abandoned_checkout_url": "https://invented.example/recover"}
    )


def discard(checkout: Document, order: Document) -> Document:
    """Return the deletion of a checkout: its totals, and of names only the cart's."""
    kept = ("presentment_currency", "total_discounts", "total_line_items_price", "total_price", "total_tax")
    named = {name: checkout.get(name) for name in (*kept, "subtotal_price", "cart_token", "total_duties")}
    return {"id": order["id"] + 5_000_000, "buyer_accepts_sms_marketing": False, "sms_marketing_phone": None} | named


def _checkout_line(line: Document, *, discounted: bool) -> Document:
    made = {name: line.get(name) for name in (*_PIECE, "variant_title", "requires_shipping", "tax_lines")}
    off = line["discount_allocations"] if discounted else []
    whole = f"{Decimal(line['price']) * line['quantity']:.2f}"
    del made["price_set"]
    return made | {"key": f"{line['id']:x}", "discount_allocations": off, "line_price": whole, "properties": None}


def _figures(
    lines: Sequence[Document], shipping: Sequence[Document], taxes: Sequence[Document], *, included: bool
) -> Document:
    goods = sum((Decimal(line["line_price"]) for line in lines), Decimal())
    off = sum((Decimal(one["amount"]) for line in lines for one in line["discount_allocations"]), Decimal())
    tax = sum((Decimal(one["price"]) for one in taxes), Decimal())
    sent = sum((Decimal(one["price"]) for one in shipping), Decimal())
    total = goods - off + sent + (Decimal() if included else tax)
    named = {"total_line_items_price": goods, "total_discounts": off, "subtotal_price": goods - off}
    return {name: f"{amount:.2f}" for name, amount in (named | {"total_tax": tax, "total_price": total}).items()}


def refund(order: Document, at: str, pieces: Sequence[int], *, status: str = "success") -> Document:
    """Money back for so many pieces of each line; all of them take the shipping along."""
    ident = order["id"] + 7_000_000
    lines = [
        _refund_line(line, count, ident + place)
        for place, (line, count) in enumerate(zip(order["line_items"], pieces, strict=False), start=1)
        if count
    ]
    is_all = [line["quantity"] for line in order["line_items"]] == list(pieces)
    taxed = () if order["taxes_included"] else ("total_tax",)
    share = sum((Decimal(line[name]) for line in lines for name in ("subtotal", *taxed)), Decimal())
    amount = order["total_price"] if is_all else f"{share:.2f}"
    paid = transaction(order, at, ident + 100, "refund", status) | {"amount": amount, "currency": None}
    return {
        "id": ident,
        "admin_graphql_api_id": f"gid://shopify/Refund/{ident}",
        "order_id": order["id"],
        "created_at": at,
        "processed_at": at,
        "note": "Arrived with a crack",
        "user_id": 88400011,
        "duties": [],
        "total_duties_set": _both(order["total_price_set"], _NOTHING),
        "return": None,
        "restock": True,
        "refund_shipping_lines": [],
        "order_adjustments": [],
        "refund_line_items": lines,
        "transactions": [paid],
    }


def _refund_line(line: Document, pieces: int, ident: int) -> Document:
    off = sum((Decimal(one["amount"]) for one in line["discount_allocations"]), Decimal())
    tax = sum((Decimal(one["price"]) for one in line["tax_lines"]), Decimal())
    share = Decimal(pieces) / line["quantity"]
    subtotal, part = (f"{amount * share:.2f}" for amount in (Decimal(line["price"]) * line["quantity"] - off, tax))
    return {
        "id": ident,
        "quantity": pieces,
        "line_item_id": line["id"],
        "location_id": 71200030101,
        "restock_type": "return",
        # Numbers here, unlike anywhere else; the sets beside them hold text.
        "subtotal": float(subtotal),
        "total_tax": float(part),
        "subtotal_set": _both(line["price_set"], subtotal),
        "total_tax_set": _both(line["price_set"], part),
        "line_item": line,
    }


def transaction(order: Document, at: str, ident: int, kind: str, status: str) -> Document:
    """Return a payment of the whole order, or the paying out of a refund."""
    return {
        "id": ident,
        "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{ident}",
        "order_id": order["id"],
        "kind": kind,
        "status": status,
        "gateway": order["payment_gateway_names"][0],
        "amount": order["total_price"],
        "currency": order["currency"],
        "error_code": "card_declined" if status == "failure" else None,
        "message": None,
        "test": order["test"],
        "created_at": at,
        "processed_at": at,
        "parent_id": None,
        "user_id": None,
        "source_name": order["source_name"],
        "payment_id": f"{order['name']}.1",
    }


def fulfilment(order: Document, created: str, updated: str, **changes: Any) -> Document:  # noqa: ANN401  (any JSON)
    """Everything of the order that is sent, in one parcel."""
    ident = order["id"] + 8_000_000
    number = f"CX{order['id'] % 10**9:09d}CA"
    url = f"https://tracking.example/{number}"
    return {
        "id": ident,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{ident}",
        "order_id": order["id"],
        "name": f"{order['name']}-F1",
        "status": "success",
        "service": "manual",
        "shipment_status": None,
        "created_at": created,
        "updated_at": updated,
        "location_id": 71200030101,
        "origin_address": None,
        "email": order["email"],
        "destination": order["shipping_address"],
        "tracking_company": "Invented Post",
        "tracking_number": number,
        "tracking_numbers": [number],
        "tracking_url": url,
        "tracking_urls": [url],
        "receipt": {},
        "line_items": [line for line in order["line_items"] if line["requires_shipping"]],
        **changes,
    }


def scan(order: Document, at: str, status: str) -> Document:
    """Return the carrier's scan of that parcel."""
    ident = order["id"] + 9_000_000
    return {
        "id": ident,
        "admin_graphql_api_id": f"gid://shopify/FulfillmentEvent/{ident}",
        "fulfillment_id": order["id"] + 8_000_000,
        "order_id": order["id"],
        "shop_id": 65000000001,
        "status": status,
        "message": f"The parcel is {status.replace('_', ' ')}",
        "happened_at": at,
        "created_at": at,
        "updated_at": at,
        "estimated_delivery_at": None,
        "address1": None,
        "city": None,
        "province": None,
        "country": "CA",
        "zip": None,
        "latitude": None,
        "longitude": None,
    }
