"""Signed samples of invented people, for `send-sample`, the demo and whoever develops.

A topic with a case, such as `orders/create:digital`, differs from the plain one as the case's name says. `SOURCE.md`
beside the templates in `plugin/sandbox/shopify/templates/` says what they were made after.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from plugin.sandbox.kit.sample import Sample
from plugin.sandbox.shopify import order_states, orders, other_events

SHOP = "crossdock-demo.myshopify.com"
SIGNATURE_HEADER = "X-Shopify-Hmac-SHA256"

_FOLDER = files("plugin.sandbox.shopify") / "templates"
_CUSTOMERS = ("customers/create", "customers/update", "customers/enable", "customers/disable")
_NOTICES = ("app/uninstalled", "customers/data_request", "customers/redact", "shop/redact")
# What goes wrong on the way: a body cut off, a topic that is left alone, and one that nobody documents.
_CUT, _IGNORED, _UNHEARD_OF = "orders/create:cut_off", "products/update", "orders/teleported"


def topics() -> list[str]:
    """Return each topic, or `topic:case`, that there is a sample of."""
    cases = [f"{topic}:{case}".rstrip(":") for topic in order_states.LATER for case in orders.CASES]
    return [*cases, *other_events.TOPICS, *_CUSTOMERS, *_NOTICES, _CUT, _IGNORED, _UNHEARD_OF]


def sample(topic: str, number: int, secret: str, shop: str) -> Sample:
    """Return the signed sample of a topic (or `topic:case`) that belongs to `number`.

    The same topic, case and number give the same webhook id: sent twice, it is a redelivery.

    Raises:
        ValueError: there is no such sample; lists what there is.
    """
    if topic not in topics():
        raise ValueError(f"no sample of {topic!r}: there are {', '.join(topics())}")
    text = json.dumps(_document(topic, number, shop), ensure_ascii=False)
    body = (text[: len(text) // 2] if topic == _CUT else text).encode()
    webhook_id = hashlib.sha256(f"{shop} {topic} {number}".encode()).hexdigest()[:32]
    return signed(topic.partition(":")[0], body, webhook_id, secret, shop)


def signed(topic: str, body: bytes, webhook_id: str, secret: str, shop: str) -> Sample:
    """Return these bytes as a webhook of a topic, signed with base64(HMAC-SHA256(client secret, body)).

    Signature and headers are those of `docs/vendors/shopify.md` §4.
    """
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        SIGNATURE_HEADER: base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Triggered-At": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    return Sample(headers=headers, body=body)


def _document(topic: str, number: int, shop: str) -> dict[str, Any]:
    plain, _, case = topic.partition(":")
    if topic in _NOTICES:
        return _notice(topic, shop)
    if topic in _CUSTOMERS:
        return orders.customer(_templates(), topic, number)
    if topic == _IGNORED:
        return {"id": 8_033_120_045_200 + number % 7, "title": "Stoneware mug", "variants": []}
    if topic in other_events.TOPICS:
        order = orders.order(_templates(), "orders/create", orders.CASES[""], number, shop)
        return other_events.document(topic, order, order_states.moment)
    if plain in order_states.LATER:
        return orders.order(_templates(), plain, orders.CASES.get(case, orders.CASES[""]), number, shop)
    return {"id": number}


def _notice(topic: str, shop: str) -> dict[str, Any]:
    document: dict[str, Any] = _read(topic.replace("/", "_"))
    named = {"shop_domain": shop, "myshopify_domain": shop, "domain": shop}
    return document | {name: value for name, value in named.items() if name in document}


@functools.cache
def _templates() -> dict[str, dict[str, Any]]:
    return {name: _read(name) for name in ("order", "line", "shipping_line", "customer")}


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text())
    return document
