"""Chit Chats as a test sees it: what arrives there, what it is told to do wrong, what was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from plugin.operations.replay import Selection, deliveries_to_replay, replay_deliveries
from plugin.sandbox import Fault
from tests.sandbox.conftest import MINIMAL
from tests.support.running_line import work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from tests.support.shop import Shop

ROOT = "/api/v1/clients/1/shipments"
ORDER = str(sent("orders_create")["id"])
BUYING = {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}


def order(shop: Shop, topic: str = "orders/create", **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Deliver the order."""
    assert shop.post(topic, sent(topic.replace("/", "_")) | changes).status_code == 200


def fault(shop: Shop, kind: Any, match: str, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
    """Let something go wrong at the vendor."""
    shop.sandbox.emulators["chitchats"].faults.add(Fault(kind, match=match, **more))


def foreign(shop: Shop, **changes: str) -> str:
    """Somebody else books in the same account; return the shipment's id."""
    made = requests.post(
        shop.sandbox.base_url + ROOT, json=MINIMAL | changes, headers={"Authorization": "t"}, timeout=5
    )
    assert made.status_code == 201, made.text
    return str(made.json()["shipment"]["id"])


def asked(shop: Shop, line: str) -> int:
    """How often the vendor was asked for something, such as `POST /api/…`."""
    requests_so_far = shop.sandbox.emulators["chitchats"].requests()
    return sum(f"{one['method']} {one['path']}".startswith(line) for one in requests_so_far)


def purchases(shop: Shop) -> int:
    """How often postage was paid."""
    return len(shop.sandbox.emulators["chitchats"].state()["accounts"]["1"]["purchases"])


def left(shop: Shop) -> str:
    """Return the credits that the account has."""
    return str(shop.sandbox.emulators["chitchats"].state()["accounts"]["1"]["credits"])


def advance(shop: Shop, status: str) -> None:
    """Move the one parcel along at the vendor; what the shop knew before is read again first."""
    (parcel,) = shop.booked()
    control = f"{shop.sandbox.base_url}/_sandbox/chitchats/shipments/{parcel['id']}"
    assert requests.post(control, json={"status": status}, timeout=5).status_code == 200


def configure(shop: Shop, **settings: object) -> None:
    """Change the vendor's own settings."""
    shop.sandbox.emulators["chitchats"].configure(**settings)


def replay(shop: Shop) -> None:
    """`crossdock replay --state failed` and `--state held`, and the work that follows."""
    for state in ("failed", "held"):
        found = deliveries_to_replay(shop.services.database, Selection(state=state))
        replay_deliveries(shop.services.database, found)
    work_off(shop.services)
