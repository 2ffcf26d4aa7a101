"""What is kept between documents: under which names people were met, and which versions of baskets came.

`links` answers "whose cart was this?": a row for each cart, checkout, customer, guest and fulfilment. `versions` has a
row for each version of a cart or checkout that was newer than all before it. Neither holds a name or an address: a
guest's e-mail is kept as its hash, everything else is read again from the event it came with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, or_, select

from plugin.storage.tables import events, links, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy import Connection as Sql

    from plugin.storage.unit_of_work import UnitOfWork


_LONGEST_REF = 255
_TOKENS = ("cart", "checkout")


# Built once: putting a statement together takes SQLAlchemy several times as long as a database takes to run it.
_FIND = select(links.c.name, links.c.known, links.c.customer_ref, links.c.order_ref).where(
    links.c.store_id == bindparam("in_store"), links.c.name.in_(bindparam("these", expanding=True))
)
_NEWEST = (
    select(events.c.id)
    .where(
        events.c.store_id == bindparam("in_store"),
        events.c.document_ref == bindparam("about"),
        events.c.topic.in_(bindparam("of", expanding=True)),
    )
    .order_by(events.c.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is known under a name, and whose it is."""

    known: Mapping[str, Any] = field(default_factory=dict)
    customer_ref: str | None = None
    order_ref: str | None = None


def name_of(kind: str, ref: str) -> str:
    """Return the name of a row of `links`; what is too long for one is replaced by its hash."""
    return f"{kind}:{ref if len(ref) <= _LONGEST_REF else hash_of(ref)}"


def hash_of(text: str) -> str:
    """Return the hash that an e-mail address is kept as."""
    return hashlib.sha256(text.strip().lower().encode()).hexdigest()


def find(unit: UnitOfWork, store_id: str, names: Iterable[str]) -> dict[str, Link]:
    """Return what is known under each of these names; names of which nothing is known are left out."""
    asked = list(names)
    unread = [name for name in asked if not unit.knows(_place(store_id, name))]
    if unread:
        rows = unit.query(_FIND, {"in_store": store_id, "these": unread})
        found = {
            row.name: Link(known=row.known, customer_ref=row.customer_ref, order_ref=row.order_ref) for row in rows
        }
        for name in unread:
            unit.remember(_place(store_id, name), found.get(name))
    known = ((name, unit.recall(_place(store_id, name))) for name in asked)
    return {name: link for name, link in known if link is not None}


def keep(unit: UnitOfWork, store_id: str, changed: Mapping[str, Link]) -> None:
    """Write down what is known now under these names."""
    now = datetime.now(UTC)
    for name, link in changed.items():
        unit.remember(_place(store_id, name), link)
        unit.write("keep_link", store_id, name, dict(link.known), link.customer_ref, link.order_ref, now)


def _place(store_id: str, name: str) -> tuple[str, str, str]:
    return ("link", store_id, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketVersion:
    """One version of a cart or checkout, as one event brought it; versions of one name sort by age."""

    store_id: str
    name: str
    version: str
    content: str
    event_id: int


def before(unit: UnitOfWork, mine: BasketVersion) -> int | None:
    """Return the event of the newest version before this one, None for the first.

    Raises:
        LookupError: this one is late, or came before, so nothing follows from it.
    """
    db = unit.sql()
    own = and_(versions.c.store_id == mine.store_id, versions.c.name == mine.name)
    columns = select(versions.c.event_id, versions.c.version, versions.c.content)
    newest = columns.where(own).order_by(versions.c.version.desc(), versions.c.event_id.desc())
    if db.execute(columns.where(versions.c.event_id == mine.event_id)).first():
        older = or_(
            versions.c.version < mine.version,
            and_(versions.c.version == mine.version, versions.c.event_id < mine.event_id),
        )
        row = db.execute(newest.where(older).limit(1)).first()
        return row.event_id if row else None
    row = db.execute(newest.limit(1)).first()
    if row is None:
        return None
    same = and_(versions.c.version == mine.version, versions.c.content == mine.content)
    if row.version > mine.version or db.execute(columns.where(own, same).limit(1)).first():
        raise LookupError("an older version, or the same again")
    event_id: int = row.event_id
    return event_id


def is_outdated(unit: UnitOfWork, mine: BasketVersion) -> bool:
    """Return whether a newer version of the same thing is known."""
    newer = or_(
        versions.c.version > mine.version,
        and_(versions.c.version == mine.version, versions.c.event_id > mine.event_id),
    )
    query = select(versions.c.event_id).where(versions.c.store_id == mine.store_id, versions.c.name == mine.name, newer)
    return unit.sql().execute(query.limit(1)).first() is not None


def add(unit: UnitOfWork, mine: BasketVersion) -> None:
    """Write down a version that is the newest of its name."""
    row = {name: getattr(mine, name) for name in BasketVersion.__slots__}
    new = unit.database.insert(versions).values(row).on_conflict_do_nothing(index_elements=["event_id"])
    unit.sql().execute(new)


def newest_event(unit: UnitOfWork, store_id: str, document_ref: str, topics: Sequence[str]) -> int | None:
    """Return the newest event about a document that brought it under one of these topics; None if there is none."""
    found: int | None = (
        unit.sql().execute(_NEWEST, {"in_store": store_id, "about": document_ref, "of": topics}).scalar()
    )
    return found


def forget(
    db: Sql, store_id: str, customer_ref: str | None, email: str | None, order_refs: Sequence[str]
) -> tuple[str, ...]:
    """Forget a person; return the references of the carts and checkouts that were theirs."""
    theirs: list[ColumnElement[bool]] = [links.c.order_ref.in_(order_refs)] if order_refs else []
    if customer_ref:
        theirs.append(links.c.customer_ref == customer_ref)
    if email:
        theirs.append(links.c.name == name_of("guest", hash_of(email)))
    if not theirs:
        return ()
    rows = db.execute(select(links.c.name, links.c.known).where(links.c.store_id == store_id, or_(*theirs))).all()
    visits = [visit for row in rows for visit in row.known.get("visits", ())]
    named = {name_of(kind, visit[f"{kind}_ref"]) for visit in visits for kind in _TOKENS if visit.get(f"{kind}_ref")}
    named |= {row.name for row in rows}
    for table in (links, versions):
        db.execute(delete(table).where(table.c.store_id == store_id, table.c.name.in_(named)))
    kinds = [name.partition(":") for name in sorted(named)]
    return tuple(ref for kind, _, ref in kinds if kind in _TOKENS)


def forget_all(db: Sql, store_id: str) -> None:
    """Forget everybody that a store's documents named."""
    for table in (links, versions):
        db.execute(delete(table).where(table.c.store_id == store_id))
