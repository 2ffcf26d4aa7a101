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

    `later`: a query for the ids of deliveries that come after one in the JSON array `:named`, are about its subject and
    meet the condition in `{}`; worded so that it is worked off one by one through the index of subjects, whatever the
    database believes of its tables. `one_of`: a condition that a column is among the ids that a query in `{}` finds.
    `given`: a query for `id`, `lease` and `event_id` of each triple in the
    JSON array `:given`. `insert_attempt`: takes the values of `ATTEMPT_COLUMNS`, in the driver's own words, as
    SQLAlchemy takes as long for the parameters of a row as SQLite does to insert it.
    """

    later: str
    one_of: str
    given: str
    false: str
    insert_attempt: str

    def follows(self, unfinished: str) -> str:
        """Return the condition of an unfinished delivery (`unfinished` of `later`) behind one of those in `:named`."""
        return f"deliveries.id {self.one_of.format(self.later.format(unfinished))}"

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
DELIVERY_COLUMNS = (
    "event_id",
    "store_id",
    "connection_id",
    "destination",
    "lane",
    "action",
    "key",
    "subject",
    "grouping",
    "content",
    "version",
    "state",
    "priority",
    "attempts",
    "doubtful",
    "losses",
    "due_at",
    "reason",
    "data",
    "message",
    "created_at",
    "updated_at",
)
LINK_COLUMNS = ("store_id", "name", "known", "customer_ref", "order_ref", "updated_at")
BOOKING_COLUMNS = (
    "store_id",
    "subject",
    "connection_id",
    "next_id",
    "rule",
    "since",
    "on_payment",
    "heard",
    "version",
    "event_id",
    "problem",
    "created_at",
    "updated_at",
)
_RESTS = f"deliveries.state IN ('{State.SKIPPED}', '{State.HELD}', '{State.FAILED}')"
# What a newer version of a document makes of a step that is there already. What rests is taken up again; what is on its
# way goes on, and learns of the newer version when it comes back without a booking (`ledger.settle`). What was tried
# before may have arrived, so it is looked up before it is sent again. Something that is done stays done.
_NEWEST = (
    "event_id = excluded.event_id, version = excluded.version, content = excluded.content, data = excluded.data, "
    "message = excluded.message, updated_at = excluded.updated_at, "
    f"state = CASE WHEN {_RESTS} THEN '{State.WAITING}' ELSE deliveries.state END, "
    f"reason = CASE WHEN {_RESTS} OR deliveries.state = '{State.WAITING}' THEN NULL ELSE deliveries.reason END, "
    f"due_at = CASE WHEN {_RESTS} THEN excluded.due_at ELSE deliveries.due_at END, "
    f"doubtful = (deliveries.doubtful OR ({_RESTS} AND deliveries.attempts > 0)), "
    f"attempts = CASE WHEN {_RESTS} THEN 0 ELSE deliveries.attempts END "
    f"WHERE {{}} AND deliveries.state <> '{State.DONE}' AND deliveries.version <= excluded.version"
)
_HELD_AGAIN = "state = excluded.state, reason = excluded.reason, updated_at = excluded.updated_at"


def batch_statements(placeholder: str) -> dict[str, str]:
    """Return the statements that write rows in sets, by name, with the placeholder of a driver."""

    def row(table: str, columns: Sequence[str]) -> str:
        return insert(table, columns, [placeholder] * len(columns))

    def replacing(table: str, columns: Sequence[str], key: Sequence[str], kept: Collection[str] = ()) -> str:
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in {*key, *kept})
        return f"{row(table, columns)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"

    delivery, once = row("deliveries", DELIVERY_COLUMNS), "ON CONFLICT (connection_id, key) DO"
    return {
        # The last parameter says whether a newer version replaces what is there.
        "plan": f"{delivery} {once} UPDATE SET {_NEWEST.format(placeholder)}",
        "hold": f"{delivery} {once} UPDATE SET {_HELD_AGAIN}",
        "renew": f"UPDATE deliveries SET version = {placeholder} WHERE connection_id = {placeholder} AND key = {placeholder}",  # noqa: S608, E501  (our own words)
        "keep_link": replacing("links", LINK_COLUMNS, ("store_id", "name")),
        "write_booking": replacing("bookings", BOOKING_COLUMNS, ("store_id", "subject"), ("created_at",)),
        "settle_event": (
            f"UPDATE events SET state = {placeholder}, reason = {placeholder}, topic = {placeholder}, "  # noqa: S608  (our own words)
            f"document_ref = {placeholder}, customer_ref = {placeholder} WHERE id = {placeholder}"
        ),
    }


SCHEMA_VERSION = "SELECT version_num FROM alembic_version"
_NEW_EVENT = "ON CONFLICT (store_id, webhook_id) DO NOTHING"


def insert(table: str, columns: Sequence[str], values: Sequence[str]) -> str:
    """Return an INSERT of one row, made of our own names only."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"  # noqa: S608  (our own names)


# --- SQLite ---

SQLITE = Dialect(
    later=(
        "SELECT later.id FROM json_each(:named) CROSS JOIN deliveries AS ours ON ours.id = CAST(value AS bigint) "
        "CROSS JOIN deliveries AS later ON later.connection_id = ours.connection_id AND later.subject = ours.subject "
        "AND later.id > ours.id AND {}"
    ),
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
    later=(
        "SELECT after.id FROM json_array_elements_text(CAST(:named AS json)) AS named(value) CROSS JOIN LATERAL "
        "(SELECT * FROM deliveries WHERE deliveries.id = CAST(value AS bigint) OFFSET 0) AS ours CROSS JOIN LATERAL "
        "(SELECT later.id FROM deliveries AS later WHERE later.connection_id = ours.connection_id "
        "AND later.subject = ours.subject AND later.id > ours.id AND {} OFFSET 0) AS after"
    ),
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
# Kept by the session, as it ends before the transaction does; nobody else waits for it.
TRY_TURN_TO_TAKE = "SELECT pg_try_advisory_lock(7405302, 0)"
END_TURN_TO_TAKE = "SELECT pg_advisory_unlock(7405302, 0)"
# Until the transaction ends; of numbers, in the driver's own words.
CLAIM = "SELECT key, pg_try_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS asked(key)"
CLAIM_SHARED = "SELECT key, pg_try_advisory_xact_lock_shared(key) FROM unnest(%s::bigint[]) AS asked(key)"
# Waits until no other process migrates.
MIGRATION_LOCK = "SELECT pg_advisory_xact_lock(7405302118)"
# A server too old to know the setting compiles nothing.
NO_JIT = "SELECT set_config('jit', 'off', false) FROM pg_settings WHERE name = 'jit'"

# By whether the database is PostgreSQL.
DIALECTS = {False: SQLITE, True: POSTGRESQL}
# The same for the statements that write rows in sets.
BATCH_STATEMENTS = {False: batch_statements("?"), True: batch_statements("%s")}
# The newest of a group is the one of the youngest version (whose text has its time from the third character on), or of
# several such the last one planned.
_LAST = (
    "SELECT key, version, content FROM deliveries WHERE connection_id = {} AND grouping = {} "
    "ORDER BY substr(version, 3) DESC, id DESC LIMIT 1"
)
LAST_OF_GROUP = {kind: _LAST.format(placeholder, placeholder) for kind, placeholder in ((False, "?"), (True, "%s"))}
# PostgreSQL's alone: each pair of a connection and a group in a JSON array, with what `LAST_OF_GROUP` finds.
LAST_OF_GROUPS = (
    "SELECT pair->>0, pair->>1, last.key, last.version, last.content "  # noqa: S608  (our own words)
    "FROM json_array_elements(CAST(%s AS json)) AS asked(pair) "
    f"CROSS JOIN LATERAL ({_LAST.format('pair->>0', 'pair->>1')}) AS last"
)
