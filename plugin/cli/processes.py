"""The processes: web, worker, clock, and all of them together."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import click
from granian import Granian
from granian.constants import Interfaces

from plugin.cli.output import say
from plugin.core import log
from plugin.core.errors import ConfigError
from plugin.runtime import clock as ticking
from plugin.runtime.process_tuning import keep_to_one
from plugin.runtime.supervisor import Supervisor, stop_with_parent
from plugin.runtime.worker import run as run_worker
from plugin.sandbox import Sandbox, available
from plugin.services import Services
from plugin.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType
    from wsgiref.types import WSGIApplication

_RETRY_SECONDS = 2.0
# Threads that mostly wait for the commit they share. More would bring nothing, but that the unluckiest waits longer.
_WEB_THREADS = 32


def _obey(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        stop_with_parent()


_with_parent = click.option("--with-parent", is_flag=True, hidden=True, expose_value=False, callback=_obey)
_port = click.option("--port", type=int, help="Where to listen [default: PORT, else 8000].")


@click.command()
@_port
@_with_parent
@click.option("--host", default="0.0.0.0", show_default=True, help="The address to listen on.")  # noqa: S104  (as a platform wants it)
def web(port: int | None, host: str) -> None:
    """Serve the webhook addresses."""
    settings = Settings.from_env()
    log.set_up(settings.log_level)
    workers = settings.web_concurrency
    if workers > 1 and settings.database_url.startswith("sqlite"):
        say("note: one web process with SQLite, whose writers would only wait for each other")
        workers = 1
    server = Granian(
        "wsgi:app",
        address=host,
        port=port or settings.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=_WEB_THREADS,
        # Nobody here speaks HTTP/2 without TLS, and upgrade requests would only confuse.
        websockets=False,
        respawn_failed_workers=True,
        log_enabled=True,
        log_level="warning",  # type: ignore[arg-type]  # (its enumeration is of strings)
    )
    # It would warn of so many threads at every start.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in record.getMessage())
    server.serve(target_loader=partial(_application, settings.data_dir))


def _application(folder: Path, target: str) -> WSGIApplication:
    """What a web process serves, imported by the process itself, once it is where it will stay."""
    keep_to_one(folder)
    module, _, name = target.partition(":")
    sys.path.insert(0, "")
    application: WSGIApplication = getattr(importlib.import_module(module), name)
    return application


@click.command()
@_with_parent
def worker() -> None:
    """Deliver what is due; without Redis too, as long as no other worker does."""
    settings = Settings.from_env()
    log.set_up(settings.log_level)
    run_worker(settings)


@click.command()
@_with_parent
def clock() -> None:
    """Find what is due that no job is working on, once a second."""
    settings = Settings.from_env()
    log.set_up(settings.log_level)
    stopping = stop_on_signals()
    opened = Services.open(settings)
    ticking.run(opened, stopping)
    opened.close()


@click.command()
@_port
def up(port: int | None) -> None:
    """Database, Redis, web, worker and clock on this machine, until Ctrl-C."""
    settings = Settings.from_env()
    log.set_up(settings.log_level)
    stopping = stop_on_signals()
    with Supervisor(settings, port=port or settings.port) as running:
        say(f"Crossdock listens on {running.base_url}; Ctrl-C stops it")
        running.watch(stopping)


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


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and Ctrl-C set."""
    stopping = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping
