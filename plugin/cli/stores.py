"""Stores and connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plugin import storefronts
from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, services, show
from plugin.core import validators
from plugin.core.errors import ConfigError
from plugin.operations.connections import check
from plugin.storage.stores import StoreState, require_store

if TYPE_CHECKING:
    from plugin.settings import Settings
    from plugin.storage.stores import Store


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
        added = opened.stores.add(platform, storefront.normal_address(address), given, api_url)
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
        rows = [_store_row(item, opened.settings) for item in opened.stores.all() if item.state != StoreState.REMOVED]
    show(rows, ("id", "platform", "address", "state", "webhook_url"), as_json=as_json, title="stores")


@store.command()
@click.argument("store_id")
@click.confirmation_option(prompt="Forget this store's API token and connections?")
def remove(store_id: str) -> None:
    """Forget a shop's API token and connections; late privacy requests are still answered."""
    with services() as opened:
        opened.stores.remove(require_store(opened.stores, store_id))
    say(f"store {store_id} is removed")


def _store_row(item: Store, settings: Settings) -> dict[str, object]:
    return {
        "id": item.id,
        "platform": item.platform,
        "address": item.address,
        "state": item.state,
        "webhook_url": f"{settings.base_url}/webhooks/{item.platform}/{item.id}",
    }
