"""A shop that books at Shiptheory, as a test sees it: what arrives there, and what it is told to do wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from plugin.operations import replay
from plugin.sandbox import Fault
from tests.support.running_line import only, turn, work_off
from tests.support.shop import ADDRESS, SECRET, connect, headers, sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Emulator, Sandbox
    from plugin.services import Services
    from plugin.storage.stores import Connection, Store

EMAIL = "ship@example.com"
LOGIN = {"email": EMAIL, "password": "pass-word-1"}
ORDER = str(sent("orders_create")["id"])
REFERENCE = sent("orders_create")["name"].lstrip("#")
# In a test, pauses are skipped, and a second between two calls would be the only thing left to wait for.
FAST = {"rate": "1000/1s"}


@dataclass
class Ship:
    """One store with one connection to Shiptheory."""

    services: Services
    sandbox: Sandbox
    app: Flask
    store: Store
    connection: Connection
    _sent: int = 0

    @classmethod
    def open(cls, services: Services, sandbox: Sandbox, app: Flask, **settings: str) -> Ship:
        """Return a new shop; the vendor's own limit is off unless a test sets it."""
        sandbox.emulators["shiptheory"].window.set(None)
        store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
        given = LOGIN | FAST | settings
        return cls(services, sandbox, app, store, connect(services, store, "shiptheory", sandbox.base_url, **given))

    def reconnect(self, **settings: str) -> None:
        """Give the connection other settings."""
        given = (FAST if "token" in settings else LOGIN | FAST) | settings
        self.connection = connect(self.services, self.store, "shiptheory", self.sandbox.base_url, **given)

    @property
    def vendor(self) -> Emulator:
        """The emulated Shiptheory."""
        return self.sandbox.emulators["shiptheory"]

    def post(self, topic: str, document: object) -> None:
        """Deliver a webhook."""
        self._sent += 1
        raw = json.dumps(document).encode()
        signed = headers(raw, topic, f"webhook-{self._sent}")
        assert self.app.test_client().post("/webhooks/shopify", data=raw, headers=signed).status_code == 200

    def order(self, topic: str = "orders/create", **changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
        """Deliver the order and work it off; return what became of its booking."""
        self.post(topic, sent(topic.replace("/", "_")) | changes)
        work_off(self.services)
        return self.owed("book")

    def mend(self, minute: int = 30, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
        """Deliver a newer version of the order; return what became of its booking."""
        return self.order(
            "orders/updated", **{"updated_at": f"2026-11-20T20:{minute}:00-06:00", "cancelled_at": None} | changes
        )

    def owed(self, action: str) -> dict[str, Any]:
        """Return the one delivery of an action."""
        return only(self.services, destination="shiptheory", action=action)

    def until(self, state: str) -> None:
        """Let workers take turns until the booking is in this state after a call, without skipping any pause."""
        while not self.asked("POST /v1/shipments") or self.owed("book")["state"] != state:
            turn(self.services)

    def fault(self, kind: Any, match: str, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
        """Let something go wrong at the vendor."""
        self.vendor.faults.add(Fault(kind, match=match, **more))

    def control(self, method: str, path: str, document: object = None) -> None:
        """Do what somebody does in Shiptheory's own pages."""
        url = f"{self.sandbox.base_url}/_sandbox/shiptheory{path}"
        assert requests.request(method, url, json=document, timeout=5).status_code == 200

    def booked(self) -> list[dict[str, Any]]:
        """Return the shipments at the vendor, oldest first."""
        found: list[dict[str, Any]] = self.vendor.state()["shipments"]
        return found

    def live(self) -> list[str]:
        """Return the references of those that a carrier has."""
        return [one["reference"] for one in self.booked() if one["status"] == "Complete"]

    def asked(self, line: str) -> int:
        """How often the vendor was asked for something, such as `POST /v1/…`."""
        return sum(f"{one['method']} {one['path']}".startswith(line) for one in self.vendor.requests())

    def replay(self) -> None:
        """`crossdock replay` of all that is held or failed, and the work that follows."""
        for state in ("failed", "held"):
            found = replay.deliveries_to_replay(self.services.database, replay.Selection(state=state))
            replay.replay_deliveries(self.services.database, found)
        work_off(self.services)
