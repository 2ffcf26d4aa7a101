"""Looking at events, deliveries, shipments and the state of everything."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plugin.cli.output import json_option, print_json, say, services, show
from plugin.core.errors import ConfigError
from plugin.operations import labels
from plugin.operations.status import snapshot
from plugin.storage import inbox, queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin.services import Services

_what = click.argument("what", default="list", type=click.Choice(["list", "show"]))
_ident = click.argument("ident", required=False, type=int)
_state = click.option("--state", help="Only those in this state.")
_store = click.option("--store", help="Only this store's.")


@click.command()
@_what
@_ident
@_state
@_store
@click.option("--customer", help="Only those about this customer of the store.")
@json_option
def events(
    what: str, ident: int | None, state: str | None, store: str | None, customer: str | None, as_json: bool
) -> None:
    """List webhooks, or show one with its body: `crossdock events show ID`."""
    with services() as opened:
        if what == "show":
            print_json(_event(opened, _needed(ident)))
            return
        rows = queries.list_events(opened.database, state=state, store_id=store, customer_ref=customer)
    show(rows, ("id", "store", "topic", "state", "received_at", "reason"), as_json=as_json, title="events")


@click.command()
@_what
@_ident
@_state
@_store
@click.option("--destination", help="Only those to this destination.")
@json_option
def deliveries(
    what: str, ident: int | None, state: str | None, store: str | None, destination: str | None, as_json: bool
) -> None:
    """List what is or was owed, or show one with every attempt: `crossdock deliveries show ID`."""
    with services() as opened:
        if what == "show":
            found = _one(queries.list_deliveries(opened.database, id=str(_needed(ident))), "delivery")
            print_json(found | {"tries": queries.list_attempts(opened.database, _needed(ident))})
            return
        rows = queries.list_deliveries(opened.database, state=state, store_id=store, destination=destination)
    columns = ("id", "event", "destination", "what", "subject", "state", "attempts", "reason")
    show(rows, columns, as_json=as_json, title="deliveries")


@click.command()
@click.argument("what", default="list", type=click.Choice(["list", "show", "label"]))
@_ident
@_state
@_store
@labels.output_option
@labels.form_option
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
            labels.save(opened, _needed(ident), form, Path(output or f"label-{ident}.{form}"))
            return
        if what == "show":
            print_json(_one(queries.list_shipments(opened.database, id=str(_needed(ident))), "shipment"))
            return
        rows = queries.list_shipments(opened.database, status=state, store_id=store)
    columns = ("id", "destination", "order_number", "remote_id", "state", "tracking_number", "cost")
    show(rows, columns, as_json=as_json, title="shipments")


@click.command()
@click.option(
    "--wait-idle", type=float, metavar="SECONDS", help="Wait until nothing is left to do; exit 1 if it still is."
)
@json_option
def status(wait_idle: float | None, as_json: bool) -> None:
    """Counts by state, the oldest due delivery, and what each lane does."""
    with services() as opened:
        if wait_idle is not None:
            _wait(lambda: queries.is_idle(opened.database), wait_idle)
        found = snapshot(opened)
    if any(lane["in_use"] is None for lane in found["lanes"]):
        say("note: Redis can't be reached, so nothing is known of the lanes' use")
    if as_json:
        print_json(found)
    else:
        _print(found)
    if wait_idle is not None and not found["idle"]:
        say(f"crossdock: not idle after {wait_idle:g} seconds")
        sys.exit(1)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.1)


def _print(found: dict[str, Any]) -> None:
    for what in ("events", "deliveries"):
        stated = ", ".join(f"{count} {state}" for state, count in found[what].items() if count) or "none"
        click.echo(f"{what}: {stated}")
    click.echo(f"oldest due: {found['oldest_due'] or 'nothing is due'}")
    columns = ("destination", "account", "limit", "in_use", "backlog", "clears_at", "state", "reason")
    show(found["lanes"], columns, as_json=False, title="lanes")


def _event(opened: Services, ident: int) -> dict[str, Any]:
    row = _one(queries.list_events(opened.database, id=str(ident)), "event")
    with opened.database.read() as db:
        body = inbox.by_ids(db, [ident])[0].body
    return row | {"body": None if body is None else body.decode("utf-8", "backslashreplace")}


def _needed(ident: int | None) -> int:
    if ident is None:
        raise ConfigError("show what? Give the id, as the list shows it")
    return ident


def _one(rows: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if not rows:
        raise ConfigError(f"no {what} with this id")
    return rows[0]
