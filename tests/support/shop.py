"""A shop for tests: it signs as the vendor's documentation says, and never with our own code."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from werkzeug.test import TestResponse

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from plugin.storage.stores import Connection, Store
from plugin.operations.connections import make_connection
from tests.support.folders import TESTS

SENT = TESTS / "storefronts" / "shopify" / "sent"
SECRET = "the app's secret"
ADDRESS = "demo.myshopify.com"
PACKAGE = {"size_x": "10", "size_y": "5", "size_z": "2"}


def sent(name: str) -> dict[str, Any]:
    """Return a body of `sent/` that a test may change at will."""
    document: dict[str, Any] = copy.deepcopy(json.loads((SENT / f"{name}.json").read_text()))
    return document


def sign(raw: bytes, secret: str = SECRET) -> str:
    """Return base64(HMAC-SHA256(client secret, raw body)), as `docs/vendors/shopify.md` §4 describes it."""
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


def headers(raw: bytes, topic: str, webhook_id: str, *, secret: str = SECRET, address: str = ADDRESS) -> dict[str, str]:
    """Return the headers of one delivery."""
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-SHA256": sign(raw, secret),
        "X-Shopify-Shop-Domain": address,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Triggered-At": "2026-11-20T16:02:12.123456789Z",
    }


@dataclass
class Shop:
    """A store with its connections, and how to send to it."""

    services: Services
    sandbox: Sandbox
    app: Flask
    store: Store
    chitchats: Connection
    chrts: Connection
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def open(cls, services: Services, sandbox: Sandbox, app: Flask) -> Shop:
        """Return a new shop, connected to both emulated destinations."""
        store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
        return cls(
            services=services,
            sandbox=sandbox,
            app=app,
            store=store,
            chitchats=connect(services, store, "chitchats", sandbox.base_url, client_id="1", token="t", **PACKAGE),
            chrts=connect(services, store, "chrts", sandbox.base_url, api_key="k", rate="1000/1s"),
        )

    def post(self, topic: str, document: object, webhook_id: str | None = None, **other: str) -> TestResponse:
        """Deliver a document, signed."""
        return self.post_raw(topic, json.dumps(document).encode(), webhook_id, **other)

    def post_raw(self, topic: str, raw: bytes, webhook_id: str | None = None, **other: str) -> TestResponse:
        """Deliver these very bytes, signed."""
        name = webhook_id or f"webhook-{next(self._numbers)}"
        return self.app.test_client().post("/webhooks/shopify", data=raw, headers=headers(raw, topic, name, **other))

    def reconnect(self, destination: str, **settings: str) -> Connection:
        """Give one of the connections other settings."""
        own = {
            "chitchats": {"client_id": "1", "token": "t", **PACKAGE},
            "chrts": {"api_key": "k", "rate": "1000/1s"},
            "pingnetwork": {"token": "t", "rate": "1000/1s"},
            "segment": {"write_key": "k"},
            "shiptheory": {"token": "t", "rate": "1000/1s"},
        }
        return connect(self.services, self.store, destination, self.sandbox.base_url, **(own[destination] | settings))

    def booked(self) -> list[dict[str, Any]]:
        """Return the shipments that exist at the emulated Chit Chats."""
        found: list[dict[str, Any]] = self.sandbox.emulators["chitchats"].state()["shipments"]
        return found

    def tracked(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the events that the emulated chrts counted."""
        events: list[dict[str, Any]] = self.sandbox.emulators["chrts"].state()["events"]
        return [event for event in events if name in (None, event["name"])]


def connect(services: Services, store: Store, destination: str, base_url: str, **settings: str) -> Connection:
    """Return a connection as `crossdock connect` makes it."""
    return make_connection(services, store, destination, base_url, settings)
