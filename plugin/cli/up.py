"""`crossdock up`: all processes on one machine."""

from __future__ import annotations

import click

from plugin.cli.output import say
from plugin.cli.processes import port_option, process_settings, stop_on_signals
from plugin.runtime.supervisor import Supervisor


@click.command()
@port_option
def up(port: int | None) -> None:
    """Run database, Redis, web, worker and clock on this machine, until Ctrl-C."""
    settings = process_settings()
    stopping = stop_on_signals()
    with Supervisor(settings, port=port or settings.port) as running:
        say(f"Crossdock listens on {running.base_url}; Ctrl-C stops it")
        running.watch(stopping)
