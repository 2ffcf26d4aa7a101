"""Dry run: what a webhook would lead to, as data to show. Nothing is sent, and nothing is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from requests import Request as HttpRequest

from mappings.canonical.orders import Order, ShopNotice, Topic
from mappings.schemas.schema import MappingError
from plugin import destinations, storefronts
from plugin.core.errors import ConfigError
from plugin.core.event import Event
from plugin.core.redaction import HIDDEN
from plugin.operations.preview import preview
from plugin.routing.load import load_document
from plugin.rules.assignment import NOT_WANTED, subject_of
from plugin.rules.rule_file import book
from plugin.storage import bookings
from plugin.storage.stores import require_store
from plugin.storefronts.base import Ignored

if TYPE_CHECKING:
    from mappings.canonical.document import Document
    from plugin.core.step import Request
    from plugin.operations.preview import Preview, PreviewCall
    from plugin.rules.selection import Asked
    from plugin.services import Services
    from plugin.storage.bookings import Booking
    from plugin.storage.stores import Connection, Store

# A shorter secret occurs in ordinary words, and hiding those would show what it is.
_SHORTEST_SECRET = 6


def dry_run(opened: Services, store_id: str, platform: str, platform_topic: str, body: bytes) -> dict[str, Any]:
    """Return what the line would make of a webhook of this store: its state, the rules asked, and every request.

    Secrets are hidden; addresses are shown as they would be sent.

    Raises:
        ConfigError: there is no such store, or it is not at this platform.
    """
    store = require_store(opened.stores, store_id)
    if storefronts.get(platform).name != store.platform:
        raise ConfigError(f"store {store_id} is at {store.platform}, not at {platform}")
    about = {"store": store.id, "platform": store.platform, "topic": platform_topic}
    nothing: dict[str, Any] = {"rules": [], "chosen": None, "given_to": None, "requests": []}
    known = storefronts.get(store.platform).topics.get(platform_topic)
    if isinstance(known, Topic):
        return about | nothing | _routed(opened, store, platform_topic, body)
    if isinstance(known, Ignored):
        return about | nothing | {"state": "ignored", "reason": known.reason}
    return about | nothing | {"state": "unknown", "reason": "nothing is known of this topic"}


def _routed(opened: Services, store: Store, platform_topic: str, body: bytes) -> dict[str, Any]:
    now = datetime.now(UTC)
    event = Event(id=0, store_id=store.id, platform_topic=platform_topic, received_at=now, body=body)
    try:
        topic, document = load_document(event, store)
    except MappingError as error:
        return {"state": "held", "reason": str(error)}
    if isinstance(document, ShopNotice):
        return {"state": "routed", "reason": "a message about the shop itself; nothing goes out"}
    booking = _booking(opened, store, document)
    heard = booking.heard if booking else frozenset[Topic]()
    found = preview(store.facts, opened.stores.connections(store.id), topic, document, heard=heard, at=now)
    return {"state": "routed"} | _rows(found, document, booking)


def _booking(opened: Services, store: Store, document: Document) -> Booking | None:
    """Return what is known of an order's booking, None if nothing was heard of it before."""
    if not isinstance(document, Order):
        return None
    with opened.database.read() as db:
        return bookings.look(db, store.id, subject_of(document))


def _rows(found: Preview, document: Document, booking: Booking | None) -> dict[str, Any]:
    chosen = found.chosen
    nobody = NOT_WANTED if isinstance(document, Order) and found.asked and chosen is None else None
    return {
        "reason": nobody or (None if found.calls else "no connection of this store asks for it"),
        "rules": [_rule_row(asked) for asked in found.asked],
        "chosen": None if chosen is None else _rule_row(chosen) | {"hold_minutes": chosen.hold.total_seconds() / 60},
        "given_to": booking.connection_id if booking else None,
        "requests": [_call_row(call) for call in found.calls],
    }


def _rule_row(asked: Asked) -> dict[str, Any]:
    return _connection_row(asked.connection) | {
        "priority": book(asked.connection.rules).priority,
        "rule": asked.rule.name,
        "takes": asked.refusal is None,
        "because": asked.refusal,
    }


def _connection_row(connection: Connection) -> dict[str, Any]:
    return {"connection": connection.id, "destination": connection.destination, "name": connection.name}


def _call_row(call: PreviewCall) -> dict[str, Any]:
    row = _connection_row(call.connection) | {
        "action": call.action,
        "later": call.later,
        "after_minutes": call.delay.total_seconds() / 60,
        "note": call.note,
        "reason": call.reason,
    }
    if call.request is None:
        return row | {"method": None, "url": None, "headers": {}, "body": None}
    return row | _redacted(_request_row(call.connection, call.request), call.connection)


def _request_row(connection: Connection, request: Request) -> dict[str, Any]:
    query = dict(request.query)
    url = HttpRequest(request.method, f"{connection.base_url}{request.path}", params=query).prepare().url
    body = json.loads(request.body) if isinstance(request.body, bytes) else request.body
    return {"method": request.method, "url": url, "headers": dict(request.headers), "body": body}


def _redacted(row: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """Return the row without any secret of the connection, wherever it stands; what authorises is hidden whole."""
    needs = destinations.get(connection.destination).needs
    secrets = [connection.values[one.key] for one in needs if one.secret and connection.values.get(one.key)]
    headers = {key: HIDDEN if key.lower() == "authorization" else text for key, text in row["headers"].items()}
    return {key: _without(value, secrets) for key, value in (row | {"headers": headers}).items()}


def _without(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, str):
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET or value == secret:
                value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, dict):
        return {key: _without(item, secrets) for key, item in value.items()}
    return [_without(item, secrets) for item in value] if isinstance(value, list | tuple) else value
