"""Shipments, and their labels."""

from __future__ import annotations

import click

from plugin.cli.options import form_option, ident_argument, json_option, output_option, state_option, store_option
from plugin.cli.output import needed_id, only_row, print_json, save_file, say, services, show
from plugin.operations import labels
from plugin.storage import queries


@click.command()
@click.argument("what", default="list", type=click.Choice(["list", "show", "label"]))
@ident_argument
@state_option
@store_option
@output_option
@form_option
@json_option
def shipments(
    what: str,
    ident: int | None,
    state: str | None,
    store: str | None,
    output: str | None,
    form: str,
    as_json: bool,
) -> None:
    """List the shipments that were booked, show one, or save its label: `crossdock shipments label ID -o x.pdf`."""
    with services() as opened:
        if what == "label":
            label = labels.fetch(opened, needed_id(ident), form)
            path = output or f"label-{ident}.{form}"
            save_file(label.data, path)
            say(f"{path}: {label.media_type}, {len(label.data)} bytes")
            return
        if what == "show":
            print_json(only_row(queries.list_shipments(opened.database, id=str(needed_id(ident))), "shipment"))
            return
        rows = queries.list_shipments(opened.database, status=state, store_id=store)
    columns = ("id", "destination", "order_number", "remote_id", "state", "tracking_number", "cost")
    show(rows, columns, as_json=as_json, title="shipments")
