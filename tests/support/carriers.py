"""A shop with two shipping connections, and rules between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugin.operations import replay
from plugin.operations.connections import make_connection
from plugin.rules import rule_file
from plugin.sandbox import Fault
from tests.support.running_line import owed, work_off
from tests.support.shop import ADDRESS, PACKAGE, SECRET, Shop, connect, sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from plugin.storage.stores import Connection

ORDER = sent("orders_create")
REF = str(ORDER["id"])
LATER = "2026-11-20T12:00:00-06:00"
DEAD = {"canceled", "voided", "Failed", "Ignored"}
ACCOUNTS: dict[tuple[str, str], dict[str, str]] = {
    ("one", "chitchats"): {"client_id": "1", "token": "t", **PACKAGE},
    ("two", "chitchats"): {"client_id": "2", "token": "t", **PACKAGE},
    ("two", "shiptheory"): {"token": "a permanent one"},
}


@dataclass
class Carriers:
    """`one` has account 1 of Chit Chats and is asked first, `two` has account 2 there, or one at `second`."""

    shop: Shop
    one: Connection
    two: Connection
    second: str = "chitchats"

    @classmethod
    def open(
        cls,
        services: Services,
        sandbox: Sandbox,
        app: Flask,
        one: object,
        two: object = None,
        *,
        second: str = "chitchats",
    ) -> Carriers:
        """Open two accounts at emulated vendors with these rules; none take every order."""
        store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
        chrts = connect(services, store, "chrts", sandbox.base_url, api_key="k", rate="1000/1s")
        shop = Shop(services, sandbox, app, store, chrts, chrts)
        made = cls(shop, chrts, chrts, second)
        made.one = shop.chitchats = made.connect("one", one)
        made.two = made.connect("two", two)
        return made

    def connect(self, name: str, rules: object, **settings: str) -> Connection:
        """Connect again, with other rules or settings."""
        vendor = {"one": "chitchats", "two": self.second}[name]
        given = ACCOUNTS[name, vendor] | settings
        kept = None if rules is None else rule_file.read(json.dumps(rules), "rules.json")
        services, store = self.shop.services, self.shop.store
        url = self.shop.sandbox.base_url
        return make_connection(services, store, vendor, url, given, name=name, rules=kept)

    def post(self, topic: str = "orders/create", **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
        """Deliver a webhook about the one order, as its topic has it."""
        document = sent({"orders/edited": "orders_create"}.get(topic, topic.replace("/", "_"))) | changes
        topic = "orders/updated" if topic == "orders/edited" else topic
        assert self.shop.post(topic, document).status_code == 200

    def edit(self, tags: str = "", at: str = LATER, **more: Any) -> None:  # noqa: ANN401  (any JSON value)
        """Deliver a change of the order's tags."""
        self.post("orders/edited", tags=tags, updated_at=at, **more)

    def replay(self, state: str = "held") -> None:
        """Run `crossdock replay --state held`, and the work that follows."""
        database = self.shop.services.database
        found = replay.deliveries_to_replay(database, replay.Selection(state=state))
        replay.replay_deliveries(database, found)
        work_off(self.shop.services)

    def fault(self, kind: Any, match: str, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
        """Let something go wrong at the vendor."""
        self.shop.sandbox.emulators["chitchats"].faults.add(Fault(kind, match=match, **more))

    def live(self, ref: str = REF) -> list[str]:
        """Return the accounts with a booking that is neither deleted nor refunded, and did not fail."""
        return sorted(account for account, _ in self.places(ref))

    def places(self, ref: str = REF) -> list[tuple[str, str]]:
        """Return the same accounts, each with the street that its parcel goes to."""
        found = [(one["client_id"], one["to_address_1"], one["order_id"], one["status"]) for one in self.shop.booked()]
        others = self.shop.sandbox.emulators["shiptheory"].state()["shipments"]
        found += [("2", one["recipient"]["address_line_1"], one["reference2"], one["status"]) for one in others]
        return [(account, street) for account, street, order, status in found if order == ref and status not in DEAD]

    def rows(self, connection: Connection, action: str = "book") -> list[dict[str, Any]]:
        """Return the deliveries of a connection, oldest first."""
        return owed(self.shop.services, connection_id=connection.id, action=action)

    def created(self) -> int:
        """Return how many bookings were ever asked for."""
        asked = self.shop.sandbox.emulators["chitchats"].requests()
        return sum(one["method"] == "POST" and one["path"].endswith("/shipments") for one in asked)


def rules(*parts: dict[str, Any], **more: object) -> dict[str, object]:
    """Write a file of rules; return its path."""
    return {"rules": list(parts), **more}
