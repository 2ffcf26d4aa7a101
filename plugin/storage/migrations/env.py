"""Run by Alembic; the connection comes from `plugin.storage.migrate`, already inside a transaction."""

from __future__ import annotations

from alembic import context

from plugin.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
