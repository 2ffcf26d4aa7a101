"""A webhook is stored without index entries of what nobody knows of it yet, and PostgreSQL deflates nothing twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_events_document", "events", "document_ref", ["store_id", "document_ref"]),
    ("ix_events_customer", "events", "customer_ref", ["store_id", "customer_ref"]),
    ("ix_deliveries_grouping", "deliveries", "grouping", ["connection_id", "grouping", "id"]),
)
_NAMELESS = sa.text("document_ref is null and customer_ref is null and state <> 'received'")
_DEFLATED = (("events", "body"), ("deliveries", "message"))


def upgrade() -> None:
    for name, table, column, columns in _INDEXES:
        condition = sa.text(f"{column} is not null")
        op.drop_index(name, table)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index(
        "ix_events_nameless", "events", ["store_id", "id"], sqlite_where=_NAMELESS, postgresql_where=_NAMELESS
    )
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")
    op.drop_index("ix_events_nameless", "events")
    for name, table, _, columns in _INDEXES:
        op.drop_index(name, table)
        op.create_index(name, table, columns)


def _store(how: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column in _DEFLATED:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {how}")
