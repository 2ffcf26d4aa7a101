"""The schema's versions, through Alembic."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from plugin.core.errors import ConfigError
from plugin.storage.handwritten_sql import MIGRATION_LOCK, SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

    from plugin.storage.database import Database


_MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(database: Database) -> tuple[str | None, str | None]:
    """Bring the schema to the newest version; return the versions before and after. Safe to run many times at once."""
    with database.reshape() as connection:
        if database.is_postgresql:
            connection.execute(text(MIGRATION_LOCK))
        before = _version(connection)
        if before != newest():
            _upgrade(connection)
        return before, _version(connection)


def is_current(database: Database) -> bool:
    """Return whether the schema is the one this code was written for."""
    with database.read() as connection:
        return _version(connection) == newest()


@functools.cache
def newest() -> str:
    """Return the schema version of this code: the number that the newest migration's file name begins with."""
    return max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _version(connection: Connection) -> str | None:
    """Return the version that Alembic wrote down, None where the database is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text(SCHEMA_VERSION)).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  (takes a while to load, and every command asks for the version)

    command.upgrade(_config(connection), "head")


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415  (the same)

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
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
