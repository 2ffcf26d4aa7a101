"""Several connections of a store to one destination, rules between them, and one booking over all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("connections") as batch:
        batch.add_column(sa.Column("name", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("rules", sa.Text(), nullable=True))
    op.execute("UPDATE connections SET name = destination")
    with op.batch_alter_table("connections") as batch:
        batch.alter_column("name", existing_type=sa.String(length=64), nullable=False)
        batch.drop_constraint("uq_connections_store_id_destination", type_="unique")
        batch.create_unique_constraint("uq_connections_store_id_destination_name", ["store_id", "destination", "name"])
    op.create_table(
        "bookings",
        sa.Column("store_id", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("connection_id", sa.String(length=16), nullable=True),
        sa.Column("next_id", sa.String(length=16), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_payment", sa.Boolean(), nullable=False),
        sa.Column("heard", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_bookings_connection_id")),
        sa.ForeignKeyConstraint(["next_id"], ["connections.id"], name=op.f("fk_bookings_next_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_bookings_event_id")),
        sa.PrimaryKeyConstraint("store_id", "subject", name=op.f("pk_bookings")),
    )
    spending = sa.text("action in ('book', 'amend', 'buy')")
    op.create_index(
        "ix_deliveries_spending",
        "deliveries",
        ["connection_id", "subject"],
        sqlite_where=spending,
        postgresql_where=spending,
    )
    # Whoever was to book an order, or did, goes on being the one.
    op.execute(
        "INSERT INTO bookings (store_id, subject, connection_id, rule, since, on_payment, heard, version, event_id, "
        "created_at, updated_at) SELECT store_id, subject, MIN(connection_id), 'every order', MIN(created_at), "
        "false, '', MAX(version), MAX(event_id), MIN(created_at), MAX(updated_at) "
        "FROM deliveries WHERE action = 'book' GROUP BY store_id, subject"
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_spending", "deliveries")
    op.drop_table("bookings")
    with op.batch_alter_table("connections") as batch:
        batch.drop_constraint("uq_connections_store_id_destination_name", type_="unique")
        batch.create_unique_constraint("uq_connections_store_id_destination", ["store_id", "destination"])
        batch.drop_column("rules")
        batch.drop_column("name")
