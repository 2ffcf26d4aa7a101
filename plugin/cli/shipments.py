"""Shipments that were booked."""

from __future__ import annotations

import click

from plugin.cli.labels import label_format_option, label_output_option, save_label
from plugin.cli.options import ident_argument, json_option, state_option, store_option
from plugin.cli.output import needed_id, print_json, show
from plugin.cli.session import open_services
from plugin.operations import records


@click.command()
@click.argument("what", default="list", type=click.Choice(["list", "show", "label"]))
@ident_argument
@state_option
@store_option
@label_output_option
@label_format_option
@json_option
def shipments(
    what: str,
    ident: int | None,
    state: str | None,
    store: str | None,
    output: str | None,
    label_format: str,
    as_json: bool,
) -> None:
    """List the shipments that were booked, show one, or save its label: `crossdock shipments label ID -o x.pdf`."""
    if what == "label":
        save_label(needed_id(ident), label_format, output)
        return
    with open_services() as opened:
        if what == "show":
            print_json(records.show_shipment(opened, needed_id(ident)))
            return
        rows = records.list_shipments(opened, state=state, store_id=store)
    columns = ("id", "destination", "order_number", "remote_id", "state", "tracking_number", "cost")
    show(rows, columns, as_json=as_json, title="shipments")
