"""Options and arguments that several commands take."""

from __future__ import annotations

import click

from plugin.operations.labels import FORMS

what_argument = click.argument("what", default="list", type=click.Choice(["list", "show"]))


ident_argument = click.argument("ident", required=False, type=int)


state_option = click.option("--state", help="Only those in this state.")


store_option = click.option("--store", help="Only this store's.")


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")


output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where the label goes; `-` is standard output.",
)


form_option = click.option(
    "--format", "form", type=click.Choice(FORMS), default="pdf", show_default=True, help="The form of the label."
)
