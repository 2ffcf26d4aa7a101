"""Stores and connections."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from plugin import destinations, storefronts
from plugin.cli.output import json_option, print_json, say, services, show
from plugin.core import validators
from plugin.core.errors import ConfigError
from plugin.delivery.lane_limits import limits_of
from plugin.operations.connections import check, help_of, pair, read_rules, values_of
from plugin.rules import rule_file
from plugin.storage.stores import StoreState, require_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin.destinations.base import Destination
    from plugin.services import Services
    from plugin.settings import Settings
    from plugin.storage.stores import Connection, Store


@click.group()
def store() -> None:
    """Add, list and remove shops."""


@store.command()
@click.argument("platform")
@click.argument("address")
@click.option("--secret", help="The webhook secret (Shopify: the app's; else SHOPIFY_API_SECRET).")
@click.option("--token", help="The API's token.")
@click.option("--api-url", help="Where its API is, if not at the platform's own address.")
@json_option
def add(platform: str, address: str, secret: str | None, token: str | None, api_url: str | None, as_json: bool) -> None:
    """Add a shop, or give a known one a new secret: the former secret stays valid beside it.

    PLATFORM is for example shopify, ADDRESS the shop's, for example demo.myshopify.com.
    """
    storefront = storefronts.get(platform)
    if api_url is not None:
        check("--api-url", validators.http_url, api_url)
    with services() as opened:
        if not secret and not storefront.app_secrets(opened.settings.environment):
            raise ConfigError(f"no secret: give --secret, or set {platform.upper()}_API_SECRET")
        given = {"secret": secret or "", "token": token or ""}
        added = opened.shops.add(platform, storefront.normal_address(address), given, api_url)
        shown = _store_row(added, opened.settings) | {"headers": {}}
    if as_json:
        print_json(shown)
        return
    say(f"store {added.id}: {added.platform} {added.address}")
    say(f"its webhooks go to {shown['webhook_url']}")


@store.command(name="list")
@json_option
def list_stores(as_json: bool) -> None:
    """List the shops."""
    with services() as opened:
        rows = [_store_row(item, opened.settings) for item in opened.shops.all() if item.state != StoreState.REMOVED]
    show(rows, ("id", "platform", "address", "state", "webhook_url"), as_json=as_json, title="stores")


@store.command()
@click.argument("store_id")
@click.confirmation_option(prompt="Forget this store's API token and connections?")
def remove(store_id: str) -> None:
    """Forget a shop's API token and connections; late privacy requests are still answered."""
    with services() as opened:
        opened.shops.remove(require_store(opened.shops, store_id))
    say(f"store {store_id} is removed")


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
        rows = [_connection_row(item) for item in opened.shops.connections(store_id)]
    columns = ("id", "destination", "name", "store", "account", "base_url", "rate", "books", "state", "reason")
    show(rows, columns, as_json=as_json, title="connections")


def make_connection(
    opened: Services,
    found: Store,
    destination: str,
    base_url: str,
    given: Mapping[str, str],
    *,
    name: str | None = None,
    rules: str | None = None,
) -> Connection:
    """Connect a store with these settings; raises `ConfigError` naming the first that is wrong or missing.

    `rules` are as `plugin.rules.rule_file.read` gives them; empty ones are removed, and None leaves them as they are.
    """
    vendor = destinations.get(destination)
    check("--base-url", validators.http_url, base_url)
    values = values_of(vendor, given)
    if rules and not vendor.ships:
        raise ConfigError(f"{vendor.name} books no parcels, and rules choose between connections that do")
    if name is not None and not re.fullmatch(r"[\w .-]{1,64}", name):
        raise ConfigError("--name must be up to 64 letters, digits, spaces, dots and hyphens")
    root = base_url.rstrip("/")
    account = vendor.account(values)
    secret = {setting.key for setting in vendor.needs if setting.secret}
    return opened.shops.connect(
        found,
        destination=vendor.name,
        account=account,
        # The same account at another address, such as the vendor's staging, is counted apart.
        lane=f"{vendor.name}:{account}@{root.partition('://')[2]}"[:128],
        base_url=root,
        plain={key: value for key, value in values.items() if key not in secret},
        secret={key: value for key, value in values.items() if key in secret},
        name=name,
        rules=rules,
    )


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
            store = require_store(opened.shops, store_id)
            made = make_connection(opened, store, vendor.name, base_url, given, name=name, rules=rules)
        for line in vendor.warnings(made.values):
            say(f"note: {line}")
        print_json(_connection_row(made)) if as_json else say(f"connection {made.id}: {vendor.name}, store {store_id}")

    return command


def _store_row(item: Store, settings: Settings) -> dict[str, object]:
    return {
        "id": item.id,
        "platform": item.platform,
        "address": item.address,
        "state": item.state,
        "webhook_url": f"{settings.base_url}/webhooks/{item.platform}/{item.id}",
    }


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
    if not destinations.get(item.destination).ships:
        return None
    found = rule_file.book(item.rules)
    names = ", ".join(rule.name for rule in found.rules)
    return f"{names} (priority {found.priority})"
