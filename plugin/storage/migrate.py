"""The schema's versions, through Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from plugin.storage.database import Database


# Any number that no other program uses on the same PostgreSQL server: it lets one process migrate at a time.
_LOCK = 7_405_302_118


def migrate(database: Database) -> tuple[str | None, str | None]:
    """Bring the schema to the newest version; return the versions before and after. Safe to run many times at once."""
    with database.reshape() as connection:
        if database.is_postgresql:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        before = _version(connection)
        if before != newest():
            command.upgrade(_config(connection), "head")
        return before, _version(connection)


def is_current(database: Database) -> bool:
    """Whether the schema is the one this code was written for."""
    with database.read() as connection:
        return _version(connection) == newest()


def newest() -> str | None:
    """The version this code was written for."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def require_schema(database: Database) -> None:
    """Set a new SQLite file up; raise `ConfigError` for a server's database, which is migrated on purpose only."""
    if is_current(database):
        return
    if database.is_postgresql:
        raise ConfigError("the database's schema is missing or old: run `crossdock migrate`")
    migrate(database)
