"""Connections: connect a store to a destination, and list what is connected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from plugin import destinations
from plugin.cli.connection_settings import help_of, pair, read_rules
from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, services, show
from plugin.delivery.lane_limits import limits_of
from plugin.destinations.base import ships
from plugin.rules import rule_file
from plugin.storage.stores import require_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugin.destinations.base import Destination
    from plugin.storage.stores import Connection
from plugin.operations.connections import make_connection


class _Destinations(click.Group):
    """One subcommand for each destination, whose help lists its settings."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(destinations.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        return _connect_command(destinations.get(cmd_name))


@click.command(cls=_Destinations)
def connect() -> None:
    """Connect a shop to a destination; `crossdock connect DESTINATION --help` lists its settings."""


@click.command()
@click.option("--store", "store_id", help="Only this store's.")
@json_option
def connections(store_id: str | None, as_json: bool) -> None:
    """List the connections, with what pauses them."""
    with services() as opened:
        rows = [_connection_row(item) for item in opened.stores.connections(store_id)]
    columns = ("id", "destination", "name", "store", "account", "base_url", "rate", "books", "state", "reason")
    show(rows, columns, as_json=as_json, title="connections")


def _connect_command(vendor: Destination) -> click.Command:
    @click.command(name=vendor.name, short_help=f"Connect a shop to {vendor.name}.", help=help_of(vendor))
    @click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
    @click.option("--base-url", default=vendor.base_url, show_default=True, help="The vendor's root, without a path.")
    @click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting; may be repeated.")
    @click.option("--name", help=f"Which of several connections to {vendor.name}; without it the one of that name.")
    @click.option(
        "--rules", "path", metavar="FILE", help="Which orders it books, in YAML or JSON; kept until given anew."
    )
    @click.option("--no-rules", is_flag=True, help="Forget its rules: it takes every order.")
    @json_option
    def command(
        store_id: str,
        base_url: str,
        pairs: Sequence[str],
        name: str | None,
        path: str | None,
        no_rules: bool,
        as_json: bool,
    ) -> None:
        given = dict(pair(text) for text in pairs)
        rules = "" if no_rules else read_rules(path) if path else None
        with services() as opened:
            store = require_store(opened.stores, store_id)
            made = make_connection(opened, store, vendor.name, base_url, given, name=name, rules=rules)
        for line in vendor.warnings(made.values):
            say(f"note: {line}")
        print_json(_connection_row(made)) if as_json else say(f"connection {made.id}: {vendor.name}, store {store_id}")

    return command


def _connection_row(item: Connection) -> dict[str, object]:
    return {
        "id": item.id,
        "destination": item.destination,
        "name": item.name,
        "store": item.store_id,
        "account": item.account,
        "base_url": item.base_url,
        "rate": ",".join(map(str, limits_of(item))),
        "state": item.state,
        "reason": item.reason,
        "books": _books(item),
        "rules": json.loads(item.rules) if item.rules else None,
    }


def _books(item: Connection) -> str | None:
    """Which orders, in a few words."""
    if not ships(destinations.get(item.destination)):
        return None
    found = rule_file.book(item.rules)
    names = ", ".join(rule.name for rule in found.rules)
    return f"{names} (priority {found.priority})"
