"""Events: webhooks as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plugin.cli.options import ident_argument, json_option, state_option, store_option, what_argument
from plugin.cli.output import needed_id, only_row, print_json, services, show
from plugin.storage import inbox, queries

if TYPE_CHECKING:
    from plugin.services import Services


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
    with services() as opened:
        if what == "show":
            print_json(_event(opened, needed_id(ident)))
            return
        rows = queries.list_events(opened.database, state=state, store_id=store, customer_ref=customer)
    show(rows, ("id", "store", "topic", "state", "received_at", "reason"), as_json=as_json, title="events")


def _event(opened: Services, ident: int) -> dict[str, Any]:
    row = only_row(queries.list_events(opened.database, id=str(ident)), "event")
    with opened.database.read() as db:
        body = inbox.by_ids(db, [ident])[0].body
    return row | {"body": None if body is None else body.decode("utf-8", "backslashreplace")}
