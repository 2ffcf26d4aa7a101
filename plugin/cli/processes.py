"""What the commands that run a process share: their port, and how they are stopped."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

from plugin.core import log
from plugin.runtime.supervisor import stop_with_parent
from plugin.settings import Settings

if TYPE_CHECKING:
    from types import FrameType


def _obey(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        stop_with_parent()


with_parent_option = click.option("--with-parent", is_flag=True, hidden=True, expose_value=False, callback=_obey)
port_option = click.option("--port", type=int, help="Where to listen [default: PORT, else 8000].")


def process_settings() -> Settings:
    """Return the settings of this process, which logs from now on as they say; raise `ConfigError` for wrong ones."""
    settings = Settings.from_env()
    log.set_up(settings.log_level)
    return settings


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    stopping = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping
