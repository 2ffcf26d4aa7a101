"""The planning of what is owed: each step once for ever, and the newest version of a document wins."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import update

from plugin.core.delivery import State
from plugin.storage.compression import compress
from plugin.storage.handwritten_sql import LAST_OF_GROUP, LAST_OF_GROUPS
from plugin.storage.tables import deliveries
from plugin.storage.version import UNVERSIONED, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plugin.core.step import Step
    from plugin.storage.unit_of_work import UnitOfWork


# In a delivery's data, where it says that no document is needed.
STANDS_ALONE = "stands_alone"
# PostgreSQL indexes hold keys of up to 2,700 bytes; ours are bounded well below.
_LONGEST_KEY = 280


@dataclass(frozen=True, slots=True)
class _Last:
    """The last step of a group, by the age of its version: its key, that version and its content."""

    key: str
    version: str
    content: str | None


class _Unwritten(Enum):
    """Stands where what is remembered of a group is out of date: a step of it waits to be written."""

    YES = 1


_UNWRITTEN = _Unwritten.YES


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """To whom a step is owed, and for which version of the document that its event brought."""

    event_id: int
    store_id: str
    connection_id: str
    destination: str
    lane: str
    version: Version = UNVERSIONED


def expect(unit: UnitOfWork, groups: Iterable[tuple[str, str]]) -> None:
    """Ask at once for the last step of each of these groups (connection and group), which `plan` looks at."""
    if not unit.database.is_postgresql:
        # SQLite runs in our own process: it has nothing to gain from being asked for several at once.
        return
    unknown = [(connection, bounded(group)) for connection, group in groups]
    unknown = [pair for pair in dict.fromkeys(unknown) if not unit.knows(("group", *pair))]
    if unknown:
        found = {
            (row[0], row[1]): _Last(row[2], row[3], row[4]) for row in unit.ask(LAST_OF_GROUPS, (json.dumps(unknown),))
        }
        for pair in unknown:
            unit.remember(("group", *pair), found.get(pair))


def plan(unit: UnitOfWork, owner: Owner, step: Step) -> None:
    """Write down one step, unless it is there already or nothing changed since the last one of its group."""
    group = bounded(step.group) if step.group else None
    if step.only_if_changed and group and _is_stale_or_same(unit, owner, group, step.content):
        return
    unit.write("plan", *_row(owner, step, group, State.WAITING, None), step.newest)
    if group:
        # Whether it is the last one from now on, the database says: it may have been there before.
        unit.remember(("group", owner.connection_id, group), _UNWRITTEN)


def plan_held(unit: UnitOfWork, owner: Owner, step: Step, reason: str) -> None:
    """Show something that is owed but can't be named; it is held until its event is mapped again."""
    unit.write("hold", *_row(owner, step, None, State.HELD, reason))


def settle_held(unit: UnitOfWork, event_ids: Sequence[int]) -> None:
    """End what `plan_held` showed, since these events could be mapped after all and what they are owed is named now."""
    shown = (deliveries.c.event_id.in_(event_ids), deliveries.c.action == "map", deliveries.c.state == State.HELD)
    done = update(deliveries).where(*shown).values(state=State.DONE, reason=None, updated_at=datetime.now(UTC))
    unit.query(done, {})


def _is_stale_or_same(unit: UnitOfWork, owner: Owner, group: str, content: str | None) -> bool:
    # Only their age counts here: a customer's facts are sent after an order of theirs was cancelled, too.
    last = _last(unit, owner.connection_id, group)
    if last is None:
        return False
    known = Version.parse(last.version)
    if last.content != content:
        return known.at > owner.version.at
    if known.at < owner.version.at:
        # The same was said again: nothing is owed for it, but whatever is older than that comes too late from now on.
        newer = str(replace(known, at=owner.version.at))
        unit.write("renew", newer, owner.connection_id, last.key)
        unit.remember(("group", owner.connection_id, group), replace(last, version=newer))
    return True


def _last(unit: UnitOfWork, connection_id: str, group: str) -> _Last | None:
    place = ("group", connection_id, group)
    known: _Last | _Unwritten | None = unit.recall(place) if unit.knows(place) else _UNWRITTEN
    if isinstance(known, _Unwritten):
        if unit.knows(place):
            unit.sql()
        rows = unit.ask(LAST_OF_GROUP[unit.database.is_postgresql], (connection_id, group))
        known = _Last(*rows[0]) if rows else None
        unit.remember(place, known)
    return known


def _row(owner: Owner, step: Step, group: str | None, state: State, reason: str | None) -> tuple[object, ...]:
    """Return the values of `DELIVERY_COLUMNS`."""
    now = datetime.now(UTC)
    return (
        owner.event_id,
        owner.store_id,
        owner.connection_id,
        owner.destination,
        owner.lane,
        step.action,
        bounded(step.key or f"{step.action}:{step.data.get('fact', '')}:event:{owner.event_id}"),
        bounded(step.subject),
        group,
        step.content,
        str(owner.version),
        state,
        step.priority,
        0,
        step.look_first,
        0,
        now + step.delay,
        reason,
        dict(step.data) | ({STANDS_ALONE: True} if step.stands_alone else {}),
        None if step.message is None else compress(step.message),
        now,
        now,
    )


def bounded(text: str) -> str:
    """Return a key or subject as it may stand in a column that people read: short, and no e-mail address."""
    if len(text) <= _LONGEST_KEY and "@" not in text:
        return text
    kind = text.partition(":")[0][:64]
    return f"{kind}:sha256:{hashlib.sha256(text.encode()).hexdigest()}"
