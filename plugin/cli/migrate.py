"""The database's schema."""

from __future__ import annotations

import click

from plugin.cli.output import say
from plugin.core import log
from plugin.settings import Settings
from plugin.storage import migrate as schema
from plugin.storage.database import Database


@click.command()
def migrate() -> None:
    """Bring the database's schema to the version of this release."""
    settings = Settings.from_env()
    log.set_up("WARNING")
    database = Database(settings.database_url)
    before, after = schema.migrate(database)
    database.close()
    say(f"the schema is at {after}" + ("" if before == after else f" (was {before or 'empty'})"))
