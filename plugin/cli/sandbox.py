"""`crossdock sandbox`: the emulated destinations alone."""

from __future__ import annotations

import click

from plugin.cli.output import say
from plugin.cli.processes import stop_on_signals
from plugin.core.errors import ConfigError
from plugin.sandbox import Sandbox, available


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--port", type=int, default=9000, show_default=True)
def sandbox(names: tuple[str, ...], port: int) -> None:
    """Serve the emulated destinations alone; all of them, or those named."""
    stopping = stop_on_signals()
    try:
        emulated = Sandbox(names or None, port=port).start()
    except (ValueError, OSError) as error:
        raise ConfigError(str(error)) from None
    say(f"{', '.join(names or available())} at {emulated.base_url}; what they were sent: {emulated.base_url}/_sandbox")
    stopping.wait()
    emulated.stop()
