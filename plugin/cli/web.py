"""`crossdock web`: the process that takes webhooks."""

from __future__ import annotations

import importlib
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING

import click
from granian import Granian
from granian.constants import Interfaces

from plugin.cli.output import say
from plugin.cli.processes import port_option, process_settings, with_parent_option
from plugin.runtime.process_tuning import keep_to_one

if TYPE_CHECKING:
    from pathlib import Path
    from wsgiref.types import WSGIApplication

# Threads that mostly wait for the commit they share. More would bring nothing, but that the unluckiest waits longer.
_WEB_THREADS = 32


@click.command()
@port_option
@with_parent_option
@click.option("--host", default="0.0.0.0", show_default=True, help="The address to listen on.")  # noqa: S104  (as a platform wants it)
def web(port: int | None, host: str) -> None:
    """Serve the webhook addresses."""
    settings = process_settings()
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
    server.serve(target_loader=partial(_load_application, settings.data_dir))


def _load_application(folder: Path, target: str) -> WSGIApplication:
    """Return what a web process serves, imported by the process itself, once it is on the core where it will stay."""
    keep_to_one(folder)
    module, _, name = target.partition(":")
    sys.path.insert(0, "")
    application: WSGIApplication = getattr(importlib.import_module(module), name)
    return application
