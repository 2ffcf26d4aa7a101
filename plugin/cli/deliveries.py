"""Looking at events, deliveries, shipments and the state of everything."""

from __future__ import annotations

import click

from plugin.cli.options import ident_argument, json_option, state_option, store_option, what_argument
from plugin.cli.output import needed_id, only_row, print_json, services, show
from plugin.storage import queries


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
    with services() as opened:
        if what == "show":
            found = only_row(queries.list_deliveries(opened.database, id=str(needed_id(ident))), "delivery")
            print_json(found | {"tries": queries.list_attempts(opened.database, needed_id(ident))})
            return
        rows = queries.list_deliveries(opened.database, state=state, store_id=store, destination=destination)
    columns = ("id", "event", "destination", "what", "subject", "state", "attempts", "reason")
    show(rows, columns, as_json=as_json, title="deliveries")
