"""The planning of what is owed: each step once for ever, and the newest version of a document wins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection as Sql
from sqlalchemy import and_, case, literal, null, or_, select, update

from plugin.core.delivery import State
from plugin.storage.compression import compress
from plugin.storage.tables import deliveries
from plugin.storage.version import UNVERSIONED, Version, age_of

if TYPE_CHECKING:
    from plugin.core.step import Step
    from plugin.storage.database import Database


# In a delivery's data, where it says that no document is needed.
STANDS_ALONE = "stands_alone"
# PostgreSQL indexes hold keys of up to 2,700 bytes; ours are bounded well below.
_LONGEST_KEY = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """To whom a step is owed, and for which version of the document that its event brought."""

    event_id: int
    store_id: str
    connection_id: str
    destination: str
    lane: str
    version: Version = UNVERSIONED


def plan(database: Database, db: Sql, owner: Owner, step: Step) -> None:
    """Write down one step, unless it is there already or nothing changed since the last one of its group."""
    group = bounded(step.group) if step.group else None
    if step.only_if_changed and group and _is_stale_or_same(db, owner, group, step.content):
        return
    row = _row(owner, step, group)
    statement = database.insert(deliveries).values(row)
    unique = ["connection_id", "key"]
    if not step.newest:
        db.execute(statement.on_conflict_do_nothing(index_elements=unique))
        return
    # The newest version is the one to act on, unless it is done already. What rests is taken up again; what is on its
    # way goes on, and learns of the newer version when it comes back without a booking (`ledger.settle`).
    rests = deliveries.c.state.in_([State.SKIPPED, State.HELD, State.FAILED])
    fresh = {name: row[name] for name in ("event_id", "version", "content", "data", "message", "updated_at")}
    again = {
        "state": case((rests, literal(State.WAITING.value)), else_=deliveries.c.state),
        "reason": case((or_(rests, deliveries.c.state == State.WAITING), null()), else_=deliveries.c.reason),
        "due_at": case((rests, literal(row["due_at"], deliveries.c.due_at.type)), else_=deliveries.c.due_at),
        # What was tried before may have arrived, so it is looked up before it is sent again.
        "doubtful": or_(deliveries.c.doubtful, and_(rests, deliveries.c.attempts > 0)),
        "attempts": case((rests, literal(0)), else_=deliveries.c.attempts),
    }
    newer = and_(deliveries.c.state != State.DONE, deliveries.c.version <= str(owner.version))
    db.execute(statement.on_conflict_do_update(index_elements=unique, set_=fresh | again, where=newer))


def plan_held(database: Database, db: Sql, owner: Owner, step: Step, reason: str) -> None:
    """Show something that is owed but can't be named; it is held until its event is mapped again."""
    row = _row(owner, step, None) | {"state": State.HELD, "reason": reason}
    again = {"state": State.HELD, "reason": reason, "updated_at": row["updated_at"]}
    db.execute(
        database.insert(deliveries)
        .values(row)
        .on_conflict_do_update(index_elements=["connection_id", "key"], set_=again)
    )


def settle_held(db: Sql, event_id: int) -> None:
    """End what `plan_held` showed, since the event could be mapped after all and what it is owed is named now."""
    shown = (deliveries.c.event_id == event_id, deliveries.c.action == "map", deliveries.c.state == State.HELD)
    db.execute(update(deliveries).where(*shown).values(state=State.DONE, reason=None, updated_at=datetime.now(UTC)))


def _is_stale_or_same(db: Sql, owner: Owner, group: str, content: str | None) -> bool:
    # Only their age counts here: a customer's facts are sent after an order of theirs was cancelled, too.
    last = db.execute(
        select(deliveries.c.id, deliveries.c.version, deliveries.c.content)
        .where(deliveries.c.connection_id == owner.connection_id, deliveries.c.grouping == group)
        .order_by(age_of(deliveries.c.version).desc(), deliveries.c.id.desc())
        .limit(1)
    ).first()
    if last is None:
        return False
    known = Version.parse(last.version)
    if last.content != content:
        return known.at > owner.version.at
    if known.at < owner.version.at:
        # The same was said again: nothing is owed for it, but whatever is older than that comes too late from now on.
        newer = replace(known, at=owner.version.at)
        db.execute(update(deliveries).where(deliveries.c.id == last.id).values(version=str(newer)))
    return True


def _row(owner: Owner, step: Step, group: str | None) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "event_id": owner.event_id,
        "store_id": owner.store_id,
        "connection_id": owner.connection_id,
        "destination": owner.destination,
        "lane": owner.lane,
        "action": step.action,
        "key": bounded(step.key or f"{step.action}:{step.data.get('fact', '')}:event:{owner.event_id}"),
        "subject": bounded(step.subject),
        "grouping": group,
        "content": step.content,
        "version": str(owner.version),
        "state": State.WAITING,
        "priority": step.priority,
        "attempts": 0,
        "doubtful": step.look_first,
        "losses": 0,
        "due_at": now + step.delay,
        "data": dict(step.data) | ({STANDS_ALONE: True} if step.stands_alone else {}),
        "message": None if step.message is None else compress(step.message),
        "created_at": now,
        "updated_at": now,
    }


def bounded(text: str) -> str:
    """Return a key or subject as it may stand in a column that people read: short, and no e-mail address."""
    if len(text) <= _LONGEST_KEY and "@" not in text:
        return text
    kind = text.partition(":")[0][:64]
    return f"{kind}:sha256:{hashlib.sha256(text.encode()).hexdigest()}"
