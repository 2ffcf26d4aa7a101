"""What a command works with while it runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from plugin.core import log
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import require_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_services() -> Iterator[Services]:
    """Open services for one command, and close them after it.

    Brings the schema of an embedded database up to date; raises `ConfigError` for a wrong environment, or for a
    server's database that has another schema.
    """
    settings = Settings.from_env()
    log.set_up("WARNING")
    opened = Services.open(settings)
    try:
        require_schema(opened.database)
        yield opened
    finally:
        opened.close()
