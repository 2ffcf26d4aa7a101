"""Counts by state, and what each lane does."""

from __future__ import annotations

import sys
from typing import Any

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, show
from plugin.cli.session import open_services
from plugin.operations.status import snapshot, wait_until_idle


@click.command()
@click.option(
    "--wait-idle", type=float, metavar="SECONDS", help="Wait until nothing is left to do; exit 1 if it still is."
)
@json_option
def status(wait_idle: float | None, as_json: bool) -> None:
    """Show counts by state, the oldest due delivery, and what each lane does."""
    with open_services() as opened:
        if wait_idle is not None:
            wait_until_idle(opened, wait_idle)
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


def _print(found: dict[str, Any]) -> None:
    for what in ("events", "deliveries"):
        stated = ", ".join(f"{count} {state}" for state, count in found[what].items() if count) or "none"
        click.echo(f"{what}: {stated}")
    click.echo(f"oldest due: {found['oldest_due'] or 'nothing is due'}")
    columns = ("destination", "account", "limit", "in_use", "backlog", "clears_at", "state", "reason")
    show(found["lanes"], columns, as_json=False, title="lanes")
