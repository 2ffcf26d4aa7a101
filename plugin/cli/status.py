"""Counts by state, and what each lane does."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, services, show
from plugin.operations.status import snapshot
from plugin.storage import queries

if TYPE_CHECKING:
    from collections.abc import Callable


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
