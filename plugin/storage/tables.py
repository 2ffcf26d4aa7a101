"""The tables. SQL is the truth; Redis may be emptied at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from plugin.core.delivery import UNFINISHED
from plugin.storage.utc_datetime import UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy import TextClause


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial(condition: TextClause, name: str, *columns: str) -> Index:
    """Return an index of those rows alone for which the condition holds."""
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _known(column: str) -> TextClause:
    """Return a condition that every comparison with a value implies."""
    return text(f"{column} is not null")


# SQLite gives a rowid only to INTEGER keys.
Id = BigInteger().with_variant(Integer, "sqlite")

stores = Table(
    "stores",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("address", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("api_url", Text),
    Column("sealed", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("platform", "address"),
)

connections = Table(
    "connections",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("store_id", ForeignKey("stores.id"), nullable=False, index=True),
    Column("destination", String(32), nullable=False),
    # Of several connections to one destination; the destination's own name where nobody gave another.
    Column("name", String(64), nullable=False),
    Column("account", String(64), nullable=False),
    Column("lane", String(128), nullable=False, index=True),
    Column("base_url", Text, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("sealed", Text, nullable=False),
    # JSON as `plugin.rules.rule_file` keeps it; none takes every order.
    Column("rules", Text),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("store_id", "destination", "name"),
)

# Conditions of partial indexes are literal, never bound: SQLite uses such an index only for one it recognises while it
# plans. Most events are routed, most deliveries done: no index has those. NAMELESS: read, but about nobody known.
_received = text("state = 'received'")
_notable_event = text("state not in ('received', 'routed')")
NAMELESS = text("document_ref is null and customer_ref is null and state <> 'received'")


def received() -> TextClause:
    """Return the condition of the index of events that nobody has read yet."""
    return text(f"events.{_received.text}")


def notable_event() -> TextClause:
    """Return the condition of the index of what was neither received just now nor routed."""
    return text(f"events.{_notable_event.text}")


events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("store_id", ForeignKey("stores.id"), nullable=False),
    Column("webhook_id", String(200), nullable=False),
    Column("platform_topic", String(200), nullable=False),
    Column("topic", String(32)),
    Column("api_version", String(32)),
    Column("triggered_at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    # What the event is about, so that a privacy request finds it.
    Column("document_ref", String(255)),
    Column("customer_ref", String(255)),
    # Compressed; empty once a privacy request erased it.
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("store_id", "webhook_id"),
    _partial(_known("document_ref"), "ix_events_document", "store_id", "document_ref"),
    _partial(_known("customer_ref"), "ix_events_customer", "store_id", "customer_ref"),
    _partial(NAMELESS, "ix_events_nameless", "store_id", "id"),
    _partial(_received, "ix_events_received", "id"),
    _partial(_notable_event, "ix_events_notable", "state"),
    sqlite_autoincrement=True,
)

_unfinished = text("state in ({})".format(", ".join(f"'{state}'" for state in UNFINISHED)))


def unfinished(name: str = "deliveries") -> TextClause:
    """Return the condition of the partial indexes, about the deliveries table under this name."""
    return text(f"{name}.{_unfinished.text}")


_notable = text("state not in ('done', 'sending')")


def notable() -> TextClause:
    """Return the condition of the index of deliveries that are neither done nor just being sent."""
    return text(f"deliveries.{_notable.text}")


# What makes or pays a booking.
_spending = text("action in ('book', 'amend', 'buy')")


def spending() -> TextClause:
    """Return the condition of the index that finds the bookings of an order."""
    return text(f"deliveries.{_spending.text}")


deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", ForeignKey("events.id"), nullable=False, index=True),
    Column("store_id", String(16), nullable=False),
    Column("connection_id", ForeignKey("connections.id"), nullable=False),
    Column("destination", String(32), nullable=False),
    Column("lane", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("key", String(300), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("grouping", String(300)),
    Column("content", String(64)),
    Column("version", String(40), nullable=False),
    Column("state", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    # It may have arrived already: look before sending it.
    Column("doubtful", Boolean, nullable=False),
    # How often an answer was lost, for calls that can't be looked up.
    Column("losses", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("lease", String(64)),
    Column("leased_until", UtcDateTime),
    Column("reason", Text),
    Column("data", JSON, nullable=False),
    # The mapped body while it is owed, compressed; a person's data is kept in the event alone.
    Column("message", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("connection_id", "key"),
    _partial(_unfinished, "ix_deliveries_due", "lane", "priority", "due_at", "id"),
    _partial(_unfinished, "ix_deliveries_subject", "connection_id", "subject", "id"),
    _partial(_known("grouping"), "ix_deliveries_grouping", "connection_id", "grouping", "id"),
    _partial(_notable, "ix_deliveries_notable", "state"),
    _partial(_spending, "ix_deliveries_spending", "connection_id", "subject"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("purpose", String(8), nullable=False),
    Column("request", Text, nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text),
)

shipments = Table(
    "shipments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("store_id", String(16), nullable=False),
    Column("connection_id", ForeignKey("connections.id"), nullable=False),
    Column("destination", String(32), nullable=False),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("order_ref", Text, nullable=False),
    Column("order_number", Text),
    Column("remote_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("carrier", Text),
    Column("tracking_number", Text),
    Column("tracking_url", Text),
    # An exact decimal as text: SQLite has no decimal type of its own.
    Column("cost", Text),
    Column("cost_currency", Text),
    Column("label_formats", Text, nullable=False),
    # The vendor's history of it, which may name people; emptied by a privacy request.
    Column("messages", JSON(none_as_null=True)),
    # What was offered when the vendor was last asked.
    Column("rates", JSON(none_as_null=True)),
    # Which parcel of the order it is, and of which version of the order.
    Column("parcel", SmallInteger, nullable=False, server_default="1"),
    Column("content", String(64)),
    Column("as_of", UtcDateTime),
    # Whether it is still worth looking at.
    Column("watched", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("connection_id", "remote_id"),
    Index("ix_shipments_order", "connection_id", "order_ref"),
    _partial(text("watched"), "ix_shipments_watched", "connection_id"),
    sqlite_autoincrement=True,
)


bookings = Table(
    "bookings",
    metadata,
    # Which of a store's connections books an order: one over all of them, for ever.
    Column("store_id", String(16), primary_key=True),
    Column("subject", String(300), primary_key=True),
    # Nobody's until a rule takes the order. Only this connection may have a booking of it.
    Column("connection_id", ForeignKey("connections.id")),
    # The connection that books it once the booking at the other one is taken back.
    Column("next_id", ForeignKey("connections.id")),
    Column("rule", Text),
    # Since when the rule took it, from which its hold window runs; and whether it had waited for a payment.
    Column("since", UtcDateTime),
    Column("on_payment", Boolean, nullable=False),
    # The topics heard of so far, with commas, and the newest version with its event.
    Column("heard", Text, nullable=False),
    Column("version", String(40), nullable=False),
    Column("event_id", ForeignKey("events.id"), nullable=False),
    # Why the booking can't simply go to the other connection; a person was shown it.
    Column("problem", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)


links = Table(
    "links",
    metadata,
    Column("store_id", String(16), primary_key=True),
    # Kind and reference, such as `cart:1f3c`.
    Column("name", String(300), primary_key=True),
    Column("known", JSON, nullable=False),
    # Whom a privacy request about a customer or an order means.
    Column("customer_ref", String(255)),
    Column("order_ref", String(255)),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_links_customer", "store_id", "customer_ref"),
    Index("ix_links_order", "store_id", "order_ref"),
)


versions = Table(
    "versions",
    metadata,
    Column("event_id", ForeignKey("events.id"), primary_key=True),
    Column("store_id", String(16), nullable=False),
    Column("name", String(300), nullable=False),
    Column("version", String(40), nullable=False),
    Column("content", String(64), nullable=False),
    Index("ix_versions_name", "store_id", "name", "version", "event_id"),
)


# A privacy request removes what is about its person.
shipment_files = Table(
    "papers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("store_id", String(16), nullable=False),
    Column("connection_id", ForeignKey("connections.id"), nullable=False),
    Column("destination", String(32), nullable=False),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("order_ref", Text, nullable=False),
    Column("order_number", Text),
    Column("remote_id", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("tracking_number", Text),
    Column("expires_on", Date),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_papers_order", "store_id", "order_ref"),
    sqlite_autoincrement=True,
)


# What calls carry where logging in is a call of its own; one for each lane, shared by all processes.
tokens = Table(
    "tokens",
    metadata,
    Column("lane", String(128), primary_key=True),
    # Counts the logins, so that what is said of one token never touches the next.
    Column("number", Integer, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("renewing_until", UtcDateTime, nullable=False),
    # How many tokens in a row the vendor refused before their time.
    Column("refusals", Integer, nullable=False),
)
