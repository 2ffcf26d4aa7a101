"""Indexes of states hold only what is neither done nor under way; that is most of it, and counted by difference."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_DELIVERIES = "state not in ('done', 'sending')"
_EVENTS = "state not in ('received', 'routed')"


def upgrade() -> None:
    op.drop_index("ix_deliveries_state", "deliveries")
    for table, condition in (("deliveries", sa.text(_DELIVERIES)), ("events", sa.text(_EVENTS))):
        op.create_index(f"ix_{table}_notable", table, ["state"], sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("ix_events_notable", "events")
    op.drop_index("ix_deliveries_notable", "deliveries")
    op.create_index("ix_deliveries_state", "deliveries", ["state"])
