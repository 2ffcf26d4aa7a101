"""Stores: add, list and remove them."""

from __future__ import annotations

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, show
from plugin.cli.session import open_services
from plugin.operations.stores import add_store, list_stores, remove_store


@click.group()
def store() -> None:
    """Add, list and remove stores."""


@store.command()
@click.argument("platform")
@click.argument("address")
@click.option("--secret", help="The webhook secret (Shopify: the app's; else SHOPIFY_API_SECRET).")
@click.option("--token", help="The API's token.")
@click.option("--api-url", help="Where its API is, if not at the platform's own address.")
@json_option
def add(platform: str, address: str, secret: str | None, token: str | None, api_url: str | None, as_json: bool) -> None:
    """Add a store, or give a known one a new secret: the former secret stays valid beside it.

    PLATFORM is for example shopify, ADDRESS the shop's, for example demo.myshopify.com.
    """
    with open_services() as opened:
        added = add_store(opened, platform, address, secret=secret, token=token, api_url=api_url)
    if as_json:
        print_json(added)
        return
    say(f"store {added['id']}: {added['platform']} {added['address']}")
    say(f"its webhooks go to {added['webhook_url']}")


@store.command(name="list")
@json_option
def list_command(as_json: bool) -> None:
    """List the stores."""
    with open_services() as opened:
        rows = list_stores(opened)
    show(rows, ("id", "platform", "address", "state", "webhook_url"), as_json=as_json, title="stores")


@store.command()
@click.argument("store_id")
@click.confirmation_option(prompt="Forget this store's API token and connections?")
def remove(store_id: str) -> None:
    """Forget a store's API token and connections; late privacy requests are still answered."""
    with open_services() as opened:
        remove_store(opened, store_id)
    say(f"store {store_id} is removed")
