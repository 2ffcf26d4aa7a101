"""What an account offers, for settings to choose from."""

from __future__ import annotations

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, show
from plugin.cli.session import open_services
from plugin.operations.offers import list_offers, offered_by


@click.command(name="services")
@click.argument("destination")
@click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
@json_option
def offered(destination: str, store_id: str, as_json: bool) -> None:
    """List what a connection's account offers, such as delivery services, with the ids that settings take."""
    listings = offered_by(destination)
    with open_services() as opened:
        found = list_offers(opened, destination, store_id)
    if as_json:
        print_json({name.replace(" ", "_"): rows for name, rows in found.items()})
        return
    for listing in listings:
        show(found[listing.name], listing.columns, as_json=False, title=listing.name)
