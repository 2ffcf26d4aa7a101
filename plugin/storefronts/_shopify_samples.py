"""Signed samples of invented people, for `send-sample`, the demo and whoever develops.

A sample is a template (`plugin/sandbox/samples/shopify/`, made by hand after the documented shapes) whose ids, numbers
and times are made its own by `number`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from plugin.errors import ConfigError
from plugin.storefronts.base import Sample

_FOLDER = files("plugin.sandbox") / "samples" / "shopify"
# Above 2^53, as real ids may be: whoever passes them through a float loses their last digits.
_FIRST_ID = 9_100_000_000_000_000
_TIMES = ("created_at", "updated_at", "processed_at", "cancelled_at", "closed_at")


def topics() -> list[str]:
    """What there are samples of: topics, some with a case such as `orders/create:digital`."""
    names = sorted(entry.name.removesuffix(".json") for entry in _FOLDER.iterdir() if entry.name.endswith(".json"))
    return [_topic(name) for name in names]


def sample(topic: str, number: int, secret: str, shop: str) -> Sample:
    """The sample of a topic (or `topic:case`) that belongs to `number`; raises `ConfigError` listing what there is."""
    if topic not in topics():
        raise ConfigError(f"no sample of {topic!r}: there are {', '.join(topics())}")
    plain, _, case = topic.partition(":")
    name = plain.replace("/", "_") + (f"__{case}" if case else "") + ".json"
    document = json.loads((_FOLDER / name).read_text())
    _make_own(document, plain, number, shop)
    body = json.dumps(document, ensure_ascii=False).encode()
    return Sample(headers=_headers(plain, number, secret, shop, body), body=body)


def _make_own(document: dict[str, Any], topic: str, number: int, shop: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    document |= {name: now for name in _TIMES if document.get(name)}
    if "shop_domain" in document:
        document["shop_domain"] = shop
    if "id" not in document or topic.startswith("app/"):
        return
    document["id"] = _FIRST_ID + number
    if topic.startswith("orders/"):
        document |= {"name": f"#{1001 + number}", "order_number": 1001 + number, "number": 1 + number}
        document["admin_graphql_api_id"] = f"gid://shopify/Order/{document['id']}"
        if document.get("customer"):
            document["customer"] |= {"id": _FIRST_ID + 10**12 + number, "updated_at": now}
        document |= {name: f"{document[name][:8]}{number:012d}" for name in _TOKENS if document.get(name)}


_TOKENS = ("cart_token", "checkout_token", "token")


def _headers(topic: str, number: int, secret: str, shop: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-SHA256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": hashlib.sha256(f"{topic} {number}".encode()).hexdigest()[:32],
        "X-Shopify-Triggered-At": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }


def _topic(name: str) -> str:
    plain, _, case = name.partition("__")
    first, _, second = plain.partition("_")
    return f"{first}/{second}" + (f":{case}" if case else "")
