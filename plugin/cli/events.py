"""Events: webhooks as they came."""

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
@click.option("--customer", help="Only those about this customer of the store.")
@json_option
def events(
    what: str, ident: int | None, state: str | None, store: str | None, customer: str | None, as_json: bool
) -> None:
    """List webhooks, or show one with its body: `crossdock events show ID`."""
    with open_services() as opened:
        if what == "show":
            print_json(records.show_event(opened, needed_id(ident)))
            return
        rows = records.list_events(opened, state=state, store_id=store, customer=customer)
    show(rows, ("id", "store", "topic", "state", "received_at", "reason"), as_json=as_json, title="events")
