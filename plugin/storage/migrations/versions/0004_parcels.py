"""Shipments know their rates, which parcel of which version of the order they are, and whether they are watched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("shipments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rates", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("parcel", sa.SmallInteger(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("content", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("as_of", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("watched", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index(
            "ix_shipments_watched",
            ["connection_id"],
            unique=False,
            sqlite_where=sa.text("watched"),
            postgresql_where=sa.text("watched"),
        )
