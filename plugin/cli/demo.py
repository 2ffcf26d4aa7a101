"""`crossdock demo`: the whole line with emulated destinations, invented shops, and trouble on the way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console

from plugin.cli.processes import stop_on_signals
from plugin.demo.display import progress, report
from plugin.demo.run import Run
from plugin.demo.world import world

if TYPE_CHECKING:
    import threading

    from plugin.demo.world import World

_INTERRUPTED = 130


@click.command()
@click.option("--exit", "ends", is_flag=True, help="End when all is delivered; status 0 only if everything arrived.")
@click.option("--orders", default=40, show_default=True, type=click.IntRange(1, 500), help="How many orders.")
def demo(ends: bool, orders: int) -> None:
    """Show the whole line at work: signed orders in, bookings and calls out, faults on the way.

    Runs on its own temporary database and Redis and calls emulated destinations only.
    """
    sys.exit(perform(Console(), stop_on_signals(), orders=orders, ends=ends))


def perform(console: Console, stopping: threading.Event, *, orders: int, ends: bool) -> int:
    """Run the demo on `console`; return the exit status. Everything it started is gone when this returns."""
    console.print("Starting database, Redis, web, worker, clock and the emulated destinations …", style="dim")
    with world(orders) as running:
        run = Run(running, stopping, progress(console))
        verdict = run.play()
        if stopping.is_set():
            return _INTERRUPTED
        report(console, run, verdict)
        if not ends:
            _stay(console, running, stopping)
    return 0 if verdict.is_good else 1


def _stay(console: Console, running: World, stopping: threading.Event) -> None:
    settings = running.services.settings
    store, platform = running.stores[0], running.casts[0].platform
    lines = (
        f"Webhooks go to        {running.running.base_url}/webhooks/{platform}/{store}",
        f"What vendors received {running.sandbox.base_url}/_sandbox",
        "",
        "In another terminal:",
        f"  export DATABASE_URL={settings.database_url} PORT={settings.port} REDIS_URL= SECRET_KEY= BASE_URL=",
        f"  crossdock send-sample {platform} orders/create --store {store} --count 5",
        "  crossdock status",
        "",
        "Ctrl-C stops everything and removes the demo's data.",
    )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
    running.running.watch(stopping)
