"""`crossdock clock`: the process that finds what nobody is working on."""

from __future__ import annotations

import click

from plugin.cli.processes import process_settings, stop_on_signals, with_parent_option
from plugin.runtime.clock import run
from plugin.services import Services


@click.command()
@with_parent_option
def clock() -> None:
    """Find what is due that no job is working on, once a second."""
    settings = process_settings()
    stopping = stop_on_signals()
    opened = Services.open(settings)
    run(opened, stopping)
    opened.close()
