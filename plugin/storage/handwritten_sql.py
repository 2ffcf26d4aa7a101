"""The SQL that is written by hand, since SQLAlchemy has no words for it or takes too long to say it; per dialect.

First what both databases read, then SQLite's, then PostgreSQL's. Conditions of indexes stand with their tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin.core.delivery import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One database's words for parts of the ledger's statements.

    `named`: a FROM item with a row `value` for each id in the JSON array `:named`. `one_of`: a condition that a column
    is among the ids that a query in `{}` finds. `given`: a query for `id`, `lease` and `event_id` of each triple in the
    JSON array `:given`. `insert_attempt`: takes the values of `ATTEMPT_COLUMNS`, in the driver's own words, as
    SQLAlchemy takes as long for the parameters of a row as SQLite does to insert it.
    """

    named: str
    one_of: str
    given: str
    false: str
    insert_attempt: str

    def follows(self, unfinished: str) -> str:
        """Return the condition of an unfinished delivery (`unfinished` of `later`) behind one of those in `:named`."""
        later = (
            f"SELECT later.id FROM {self.named} "  # noqa: S608  (our own words)
            "JOIN deliveries AS ours ON ours.id = CAST(value AS bigint) JOIN deliveries AS later "
            "ON later.connection_id = ours.connection_id AND later.subject = ours.subject AND later.id > ours.id "
            f"AND {unfinished}"
        )
        return f"deliveries.id {self.one_of.format(later)}"

    def change_each(self, what: str) -> str:
        """Return the UPDATE that makes one of `CHANGES` to the deliveries in `:given` whose lease still holds."""
        values, condition = CHANGES[what]
        return (
            f"UPDATE deliveries SET {values.format(false=self.false)} FROM ({self.given}) AS given "  # noqa: S608  (our own words)
            f"WHERE deliveries.id = given.id AND deliveries.lease = given.lease{condition} RETURNING deliveries.id"
        )


# --- Both databases ---

EVENT_COLUMNS = (
    "store_id",
    "webhook_id",
    "platform_topic",
    "api_version",
    "triggered_at",
    "received_at",
    "state",
    "body",
)
ATTEMPT_COLUMNS = ("delivery_id", "at", "milliseconds", "purpose", "request", "status", "answer", "outcome", "reason")
_FREED = "lease = NULL, leased_until = NULL"
# What a delivery's columns become, and a further condition. `{false}` is the dialect's.
CHANGES = {
    # A newer version of the order may have come since it was prepared.
    "begin": (
        "state = :to_state, attempts = attempts + :spent, leased_until = :until, updated_at = :now",
        " AND deliveries.leased_until > :now AND deliveries.event_id = given.event_id",
    ),
    "give_back": (_FREED, ""),
    "finish": (
        (
            f"state = '{State.DONE}', reason = NULL, due_at = :now, updated_at = :now, doubtful = {{false}}, "
            f"message = NULL, {_FREED}"
        ),
        "",
    ),
}
SCHEMA_VERSION = "SELECT version_num FROM alembic_version"
_NEW_EVENT = "ON CONFLICT (store_id, webhook_id) DO NOTHING"


def insert(table: str, columns: Sequence[str], values: Sequence[str]) -> str:
    """Return an INSERT of one row, made of our own names only."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"  # noqa: S608  (our own names)


def upsert(table: str, columns: Sequence[str], key: Collection[str]) -> str:
    """Return an INSERT of one row, with a parameter for each column, that replaces the row with the same key."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    made = insert(table, columns, [f":{name}" for name in columns])
    return f"{made} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"


# --- SQLite ---

SQLITE = Dialect(
    named="json_each(:named)",
    one_of="IN ({})",
    given=(
        "SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS lease, "
        "json_extract(value, '$[2]') AS event_id FROM json_each(:given)"
    ),
    false="0",
    insert_attempt=insert("attempts", ATTEMPT_COLUMNS, ["?"] * len(ATTEMPT_COLUMNS)),
)
INSERT_EVENT = f"{insert('events', EVENT_COLUMNS, ['?'] * len(EVENT_COLUMNS))} {_NEW_EVENT}"
SQLITE_SESSION = (
    "PRAGMA journal_mode=WAL",
    # NORMAL may lose the last commits in a power cut; a webhook answered 200 must survive one.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # Kilobytes: a round comes back to the same rows three times.
    "PRAGMA cache_size=-8000",
    # Pages, 40 MB: whoever commits when the log is full has to empty it, and webhooks wait meanwhile.
    "PRAGMA wal_autocheckpoint=10000",
)
# To be filled in with milliseconds.
BUSY_TIMEOUT = "PRAGMA busy_timeout={}"
FOREIGN_KEYS_OFF, FOREIGN_KEYS_ON = "PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON"
FOREIGN_KEYS_CHECK = "PRAGMA foreign_key_check"
BEGIN, BEGIN_IMMEDIATE = "BEGIN", "BEGIN IMMEDIATE"

# --- PostgreSQL ---

POSTGRESQL = Dialect(
    named="json_array_elements_text(CAST(:named AS json)) AS named(value)",
    # From an array PostgreSQL finds the ids before it looks.
    one_of="= ANY (ARRAY({}))",
    given=(
        "SELECT CAST(value->>0 AS bigint) AS id, value->>1 AS lease, CAST(value->>2 AS bigint) AS event_id "
        "FROM json_array_elements(CAST(:given AS json)) AS one(value)"
    ),
    false="false",
    insert_attempt=insert("attempts", ATTEMPT_COLUMNS, ["%s"] * len(ATTEMPT_COLUMNS)),
)
# %b: numbers, times and bodies travel as they are; as text, bodies twice as long and each searched for quotes, it all
# would take three times as long.
INSERT_EVENTS = (
    f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) SELECT * FROM unnest("  # noqa: S608  (names of our own columns)
    "%b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::bytea[]) "
    f"{_NEW_EVENT} RETURNING store_id, webhook_id"
)
# The numbers are any that no other program uses on the same server.
TRY_SESSION_LOCK = "SELECT pg_try_advisory_lock(7405303, hashtext(:name))"
END_SESSION_LOCKS = "SELECT pg_advisory_unlock_all()"
TRY_TRANSACTION_LOCK = "SELECT pg_try_advisory_xact_lock(7405302, hashtext(:name))"
# Waits until no other process migrates.
MIGRATION_LOCK = "SELECT pg_advisory_xact_lock(7405302118)"
# A server too old to know the setting compiles nothing.
NO_JIT = "SELECT set_config('jit', 'off', false) FROM pg_settings WHERE name = 'jit'"

# By whether the database is PostgreSQL.
DIALECTS = {False: SQLITE, True: POSTGRESQL}
