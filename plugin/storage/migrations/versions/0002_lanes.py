"""Bodies that are mapped once, and an index that finds what is due however much waits for later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_unfinished = sa.text("state in ('waiting', 'sending', 'unknown')")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("message", sa.LargeBinary(), nullable=True))
    # Between live and backfill there is retry now.
    op.execute("UPDATE deliveries SET priority = priority + 1 WHERE priority > 0")
    op.drop_index("ix_deliveries_due", "deliveries")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["lane", "priority", "due_at", "id"],
        sqlite_where=_unfinished,
        postgresql_where=_unfinished,
    )
