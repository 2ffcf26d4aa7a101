"""Deliveries: the calls that are or were owed."""

from __future__ import annotations

import click

from plugin.cli.options import ident_argument, json_option, state_option, store_option, what_argument
from plugin.cli.output import needed_id, print_json, show
from plugin.cli.session import open_services
from plugin.operations import records


@click.command()
@what_argument
@ident_argument
@state_option
@store_option
@click.option("--destination", help="Only those to this destination.")
@json_option
def deliveries(
    what: str, ident: int | None, state: str | None, store: str | None, destination: str | None, as_json: bool
) -> None:
    """List what is or was owed, or show one with every attempt: `crossdock deliveries show ID`."""
    with open_services() as opened:
        if what == "show":
            print_json(records.show_delivery(opened, needed_id(ident)))
            return
        rows = records.list_deliveries(opened, state=state, store_id=store, destination=destination)
    columns = ("id", "event", "destination", "what", "subject", "state", "attempts", "reason")
    show(rows, columns, as_json=as_json, title="deliveries")
