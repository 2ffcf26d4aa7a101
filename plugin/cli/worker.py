"""`crossdock worker`: the process that delivers."""

from __future__ import annotations

import click

from plugin.cli.processes import process_settings, with_parent_option
from plugin.runtime.worker import run


@click.command()
@with_parent_option
def worker() -> None:
    """Deliver what is due; without Redis too, as long as no other worker does."""
    run(process_settings())
