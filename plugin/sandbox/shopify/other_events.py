"""Samples of what is no order, no customer and no notice: each topic and case, made of the order of its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin.sandbox.shopify import order_events, people

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Document = dict[str, Any]
    # Minutes after the order was placed as a time in Shopify's form.
    Clock = Callable[[int], str]


def _pieces(order: Document) -> list[int]:
    return [line["quantity"] for line in order["line_items"]]


def _merged(order: Document, status: str) -> Document:
    errors = [] if status == "completed" else [{"customer_ids": [1], "field": "merge_in_progress", "message": "No"}]
    # The account of the number before this one lives on.
    kept, deleted = order["customer"]["id"] - 1, order["customer"]["id"]
    gids = {"kept": f"gid://shopify/Customer/{kept}", "deleted": f"gid://shopify/Customer/{deleted}"}
    named = {f"admin_graphql_api_customer_{which}_id": gid for which, gid in gids.items()}
    return named | {"admin_graphql_api_job_id": None, "status": status, "errors": errors}


def _consent(at: str) -> Document:
    return {"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": at}


_MADE: Mapping[str, Callable[[Document, Clock], Document]] = {
    "carts/create": lambda order, at: order_events.cart(order, at(-8), at(-8), [1]),
    "carts/update": lambda order, at: order_events.cart(order, at(-8), at(-5), _pieces(order)),
    "checkouts/create": lambda order, at: order_events.checkout(order, at(-4), at(-4), chosen=False),
    "checkouts/update": lambda order, at: order_events.checkout(order, at(-4), at(-1), chosen=True),
    "checkouts/delete": lambda order, at: order_events.discard(
        order_events.checkout(order, at(-4), at(-1), chosen=True), order
    ),
    "order_transactions/create": lambda order, at: order_events.transaction(
        order, at(-1), order["id"] + 6_000_000, "sale", "failure"
    ),
    "order_transactions/create:captured": lambda order, at: order_events.transaction(
        order, at(0), order["id"] + 6_000_001, "sale", "success"
    ),
    "fulfillments/create": lambda order, at: order_events.fulfilment(order, at(5), at(5)),
    "fulfillments/update": lambda order, at: order_events.fulfilment(order, at(5), at(7), shipment_status="delivered"),
    "fulfillments/update:cancelled": lambda order, at: order_events.fulfilment(order, at(5), at(7), status="cancelled"),
    "fulfillment_events/create": lambda order, at: order_events.scan(order, at(7), "delivered"),
    "fulfillment_events/create:in_transit": lambda order, at: order_events.scan(order, at(6), "in_transit"),
    "refunds/create": lambda order, at: order_events.refund(order, at(8), [1]),
    "refunds/create:full": lambda order, at: order_events.refund(order, at(8), _pieces(order)),
    "refunds/create:pending": lambda order, at: order_events.refund(order, at(8), [1], status="pending"),
    "customers/delete": lambda order, _: {"id": order["customer"]["id"], "tax_exemptions": []},
    "customers/merge": lambda order, _: _merged(order, "completed"),
    "customers/merge:failed": lambda order, _: _merged(order, "failed"),
    "customers_email_marketing_consent/update": lambda order, at: {
        "customer_id": order["customer"]["id"],
        "email_address": order["email"],
        "email_marketing_consent": _consent(at(3)),
    },
    "customers_marketing_consent/update": lambda order, at: {
        "id": order["customer"]["id"],
        "phone": people.CANADA[0].phone,
        "sms_marketing_consent": _consent(at(3)) | {"consent_collected_from": "other"},
    },
}
TOPICS = tuple(_MADE)


def document(topic: str, order: Document, at: Clock) -> Document:
    """Return the body of a topic, or of one of its cases, that belongs to an order."""
    return _MADE[topic](order, at)
