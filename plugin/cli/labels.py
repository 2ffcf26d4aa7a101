"""Labels of shipments, and the papers that vendors give only once."""

from __future__ import annotations

import click

from plugin.cli.options import json_option, store_option
from plugin.cli.output import save_file, say, show
from plugin.cli.session import open_services
from plugin.core.errors import ConfigError
from plugin.operations import labels, records

label_output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where the label goes; `-` is standard output.",
)


label_format_option = click.option(
    "--format",
    "label_format",
    type=click.Choice(labels.FORMS),
    default="pdf",
    show_default=True,
    help="The form of the label.",
)


def save_label(shipment_id: int, label_format: str, output: str | None) -> None:
    """Save the label of a shipment, in a file named after it unless `output` says where."""
    with open_services() as opened:
        label = labels.fetch(opened, shipment_id, label_format)
    path = output or f"label-{shipment_id}.{label_format}"
    save_file(label.data, path)
    say(f"{path}: {label.media_type}, {len(label.data)} bytes")


@click.command()
@click.argument("ident", required=False, type=int)
@store_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, allow_dash=True), help="Where the paper goes.")
@json_option
def papers(ident: int | None, store: str | None, output: str | None, as_json: bool) -> None:
    """List what vendors give only once, such as return labels, or save one: `crossdock papers ID -o return.pdf`."""
    with open_services() as opened:
        if ident is not None:
            _save_paper(records.read_shipment_file(opened, ident), output)
            return
        rows = records.list_shipment_files(opened, store_id=store)
    columns = ("id", "destination", "kind", "order_number", "remote_id", "tracking_number", "expires_on")
    show(rows, columns, as_json=as_json, title="papers")


def _save_paper(data: bytes, output: str | None) -> None:
    if output is None:
        raise ConfigError("where to? Give -o FILE, or -o - for standard output")
    save_file(data, output)
    say(f"{output}: {len(data)} bytes")
