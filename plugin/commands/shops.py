"""Stores and connections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from plugin import checks, destinations, storefronts
from plugin.commands.frame import json_option, print_json, say, services, show
from plugin.errors import ConfigError
from plugin.limits import SHARED, limits_of
from plugin.storage.shops import StoreState, require_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugin.destinations.base import Destination
    from plugin.services import Services
    from plugin.settings import Settings
    from plugin.storage.shops import Connection, Store


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
        _check("--api-url", checks.http_url, api_url)
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
    columns = ("id", "destination", "store", "account", "base_url", "rate", "state", "reason")
    show(rows, columns, as_json=as_json, title="connections")


def make_connection(
    opened: Services, found: Store, destination: str, base_url: str, given: Mapping[str, str]
) -> Connection:
    """Connect a store with these settings; raises `ConfigError` naming the first that is wrong or missing."""
    vendor = destinations.get(destination)
    _check("--base-url", checks.http_url, base_url)
    values = _values(vendor, given)
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
    )


def _connect_command(vendor: Destination) -> click.Command:
    @click.command(name=vendor.name, short_help=f"Connect a shop to {vendor.name}.", help=_help(vendor))
    @click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
    @click.option("--base-url", default=vendor.base_url, show_default=True, help="The vendor's root, without a path.")
    @click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting; may be repeated.")
    @json_option
    def command(store_id: str, base_url: str, pairs: Sequence[str], as_json: bool) -> None:
        given = dict(_pair(text) for text in pairs)
        with services() as opened:
            made = make_connection(opened, require_store(opened.shops, store_id), vendor.name, base_url, given)
        for line in vendor.warnings(made.values):
            say(f"note: {line}")
        print_json(_connection_row(made)) if as_json else say(f"connection {made.id}: {vendor.name}, store {store_id}")

    return command


def _help(vendor: Destination) -> str:
    own = replace(SHARED[0], default=",".join(map(str, vendor.limits)))
    declared = (*vendor.needs, own, *SHARED[1:])
    lines = [f"  {setting.key}{_marks(setting.required, setting.default)}: {setting.help}" for setting in declared]
    return f"Connect a shop to {vendor.name}.\n\n\b\nSettings:\n" + "\n".join(lines)


def _marks(required: bool, default: str | None) -> str:
    return " [required]" if required else (f" [default: {default}]" if default else "")


def _values(vendor: Destination, given: Mapping[str, str]) -> dict[str, str]:
    """Every setting with a value: given or by default; raises `ConfigError` naming the first that is wrong."""
    declared = {setting.key: setting for setting in (*vendor.needs, *SHARED)}
    for key, value in given.items():
        if key not in declared:
            raise ConfigError(f"{vendor.name} has no setting {key!r}: there are {', '.join(declared)}")
        _check(f"{vendor.name} {key}", declared[key].check, value)
    missing = [setting.key for setting in vendor.needs if setting.required and not given.get(setting.key)]
    if missing:
        raise ConfigError(f"{vendor.name} needs {', '.join(missing)}: give each with --set KEY=VALUE")
    return {key: setting.default for key, setting in declared.items() if setting.default} | dict(given)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {key!r} is not KEY=VALUE")
    return key.strip(), value.strip()


def _check(name: str, check: Callable[[str], object], value: str) -> None:
    try:
        check(value)
    except ValueError as error:
        raise ConfigError(f"{name} must be {error}") from None


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
        "store": item.store_id,
        "account": item.account,
        "base_url": item.base_url,
        "rate": ",".join(map(str, limits_of(item))),
        "state": item.state,
        "reason": item.reason,
    }
