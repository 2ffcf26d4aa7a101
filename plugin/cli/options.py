"""Options and arguments that several commands take."""

from __future__ import annotations

import click

what_argument = click.argument("what", default="list", type=click.Choice(["list", "show"]))


ident_argument = click.argument("ident", required=False, type=int)


state_option = click.option("--state", help="Only those in this state.")


store_option = click.option("--store", help="Only this store's.")


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
