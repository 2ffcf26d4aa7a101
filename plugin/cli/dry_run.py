"""`crossdock dry-run`: what a webhook would lead to. Nothing is sent, and nothing is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from requests import Request as Http

from mappings.canonical.orders import Order, ShopNotice, Topic
from mappings.schemas.schema import MappingError
from plugin import destinations, storefronts
from plugin.cli.options import json_option
from plugin.cli.output import print_json, services
from plugin.core.errors import ConfigError
from plugin.core.event import Event
from plugin.core.redaction import HIDDEN
from plugin.operations.dry_run import rehearse
from plugin.routing.load import load_document
from plugin.rules.assignment import NOT_WANTED, subject_of
from plugin.rules.rule_file import book
from plugin.storage import bookings
from plugin.storage.stores import require_store
from plugin.storefronts.base import Ignored

if TYPE_CHECKING:
    from io import BufferedReader

    from mappings.canonical.document import Document
    from plugin.core.step import Request
    from plugin.operations.dry_run import Call, Rehearsal
    from plugin.rules.selection import Asked
    from plugin.services import Services
    from plugin.storage.bookings import Booking
    from plugin.storage.stores import Connection, Store

_SHORTEST = 6


@click.command("dry-run")
@click.argument("file", type=click.File("rb"))
@click.option("--platform", required=True, help="Where the webhook comes from, for example shopify.")
@click.option("--topic", "platform_topic", required=True, help="The platform's own topic, for example orders/create.")
@click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
@json_option
def dry_run(file: BufferedReader, platform: str, platform_topic: str, store_id: str, as_json: bool) -> None:
    """Show what the webhook in FILE (- reads standard input) would lead to: sends nothing, writes nothing.

    Names the rule that chooses the shipping connection, and every request that would go out, with its later steps.
    Secrets are masked; the addresses are shown as they would be sent.
    """
    with services() as opened:
        store = require_store(opened.stores, store_id)
        if storefronts.get(platform).name != store.platform:
            raise ConfigError(f"store {store_id} is at {store.platform}, not at {platform}")
        shown = _shown(opened, store, platform_topic, file.read())
    if as_json:
        print_json(shown)
    else:
        _print(shown)


def _shown(opened: Services, store: Store, platform_topic: str, body: bytes) -> dict[str, Any]:
    now = datetime.now(UTC)
    event = Event(id=0, store_id=store.id, platform_topic=platform_topic, received_at=now, body=body)
    about = {"store": store.id, "platform": store.platform, "topic": platform_topic}
    empty: dict[str, Any] = {"rules": [], "chosen": None, "given_to": None, "requests": []}
    known = storefronts.get(store.platform).topics.get(platform_topic)
    if not isinstance(known, Topic):
        reason = known.reason if isinstance(known, Ignored) else "nothing is known of this topic"
        return about | empty | {"state": "ignored" if isinstance(known, Ignored) else "unknown", "reason": reason}
    try:
        topic, document = load_document(event, store)
    except MappingError as error:
        return about | empty | {"state": "held", "reason": str(error)}
    if isinstance(document, ShopNotice):
        return about | empty | {"state": "routed", "reason": "a message about the shop itself; nothing goes out"}
    given = _given(opened, store, document)
    connections = opened.stores.connections(store.id)
    heard = given.heard if given else frozenset[Topic]()
    found = rehearse(store.facts, connections, topic, document, heard=heard, at=now)
    return about | {"state": "routed"} | _found(found, document, given)


def _given(opened: Services, store: Store, document: Document) -> Booking | None:
    """Whose the order is already, if anything was heard of it."""
    if not isinstance(document, Order):
        return None
    with opened.database.read() as db:
        return bookings.look(db, store.id, subject_of(document))


def _found(found: Rehearsal, document: Document, given: Booking | None) -> dict[str, Any]:
    chosen = found.chosen
    nobody = NOT_WANTED if isinstance(document, Order) and found.asked and chosen is None else None
    return {
        "reason": nobody or (None if found.calls else "no connection of this store asks for it"),
        "rules": [_rule_row(asked) for asked in found.asked],
        "chosen": None if chosen is None else _rule_row(chosen) | {"hold_minutes": chosen.hold.total_seconds() / 60},
        "given_to": given.connection_id if given else None,
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


def _call_row(call: Call) -> dict[str, Any]:
    row = _connection_row(call.connection) | {
        "action": call.action,
        "later": call.later,
        "after_minutes": call.delay.total_seconds() / 60,
        "note": call.note,
        "reason": call.reason,
    }
    sent = _masked(_request(call.connection, call.request), call.connection) if call.request else None
    return row | (sent or {"method": None, "url": None, "headers": {}, "body": None})


def _request(connection: Connection, request: Request) -> dict[str, Any]:
    url = Http(request.method, f"{connection.base_url}{request.path}", params=dict(request.query)).prepare().url
    body = json.loads(request.body) if isinstance(request.body, bytes) else request.body
    return {"method": request.method, "url": url, "headers": dict(request.headers), "body": body}


def _masked(sent: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """The same without any secret of the connection, wherever it stands; what authorises is hidden whole."""
    needs = destinations.get(connection.destination).needs
    secrets = [connection.values[one.key] for one in needs if one.secret and connection.values.get(one.key)]
    headers = {key: HIDDEN if key.lower() == "authorization" else text for key, text in sent["headers"].items()}
    return {key: _without(value, secrets) for key, value in (sent | {"headers": headers}).items()}


def _without(value: Any, secrets: list[str]) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, str):
        for secret in secrets:
            # A shorter one occurs in ordinary words, and hiding those would tell what it is.
            value = value.replace(secret, HIDDEN) if len(secret) >= _SHORTEST or value == secret else value
        return value
    if isinstance(value, dict):
        return {key: _without(item, secrets) for key, item in value.items()}
    return [_without(item, secrets) for item in value] if isinstance(value, list | tuple) else value


def _print(shown: dict[str, Any]) -> None:
    click.echo(f"{shown['topic']} to store {shown['store']}: {shown['state']}, {shown['reason'] or 'as follows'}")
    for row in shown["rules"]:
        verdict = "takes it" if row["takes"] else f"passes it on: {row['because']}"
        click.echo(f"  {row['destination']} {row['name']} (priority {row['priority']}), rule {row['rule']}: {verdict}")
    if shown["given_to"]:
        click.echo(f"  connection {shown['given_to']} has this order already; a move is made as the README says")
    for number, row in enumerate(shown["requests"], start=1):
        _print_call(number, row)
    click.echo("Nothing was sent, and nothing was written.")


def _print_call(number: int, row: dict[str, Any]) -> None:
    when = f"after {row['after_minutes']:g} minutes" if row["after_minutes"] else ""
    notes = "; ".join(filter(None, ("later" if row["later"] else "", when, row["note"], row["reason"])))
    click.echo(f"\n{number}. {row['destination']} {row['name']}: {row['action']}" + (f" ({notes})" if notes else ""))
    if row["method"]:
        click.echo(f"   {row['method']} {row['url']}")
    for key, text in row["headers"].items():
        click.echo(f"   {key}: {text}")
    if row["body"] is not None:
        text = json.dumps(row["body"], ensure_ascii=False, indent=2, default=str)
        click.echo("\n".join(f"   {line}" for line in text.splitlines()))
