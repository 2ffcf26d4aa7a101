"""The ledger's statements, built once: putting one together takes SQLAlchemy longer than a database takes to run it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    Integer,
    String,
    TextClause,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)

from plugin.core.delivery import UNFINISHED, Delivery, Priority, State
from plugin.storage.compression import decompress
from plugin.storage.handwritten_sql import CHANGES, DIALECTS
from plugin.storage.stores import ConnectionState
from plugin.storage.tables import connections, deliveries, unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from plugin.storage.handwritten_sql import Dialect

_MOMENT = deliveries.c.due_at.type
_NOW = bindparam("now", type_=_MOMENT)
_earlier = deliveries.alias("earlier")
_is_earlier = and_(
    _earlier.c.connection_id == deliveries.c.connection_id,
    _earlier.c.subject == deliveries.c.subject,
    _earlier.c.id < deliveries.c.id,
    unfinished("earlier"),
)
_free = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= _NOW)
_is_due = deliveries.c.due_at <= bindparam("due_by", type_=_MOMENT)
_active = connections.c.state == ConnectionState.ACTIVE
_LEASED = tuple(one.name for one in fields(Delivery))


def _leasing(chosen: Any) -> Any:  # noqa: ANN401  (a statement)
    # As a common table expression, which PostgreSQL evaluates once; as a plain subquery it may be run for each row.
    once = chosen.with_for_update(skip_locked=True, of=deliveries).cte("chosen")
    return (
        update(deliveries)
        .where(deliveries.c.id == once.c.id)
        .values(lease=bindparam("token"), leased_until=bindparam("until"))
        .returning(*(deliveries.c[name] for name in _LEASED))
    )


def _none(earlier: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that no earlier delivery is like this, looked up in the index for each candidate.

    As NOT EXISTS it would be a join for PostgreSQL, which then reads everything that waits to find a handful.
    """
    return select(_earlier.c.id).where(earlier).limit(1).scalar_subquery().is_(None)


_takeable = and_(
    unfinished(),
    _is_due,
    _free,
    deliveries.c.connection_id.in_(select(connections.c.id).where(_active)),
    _none(_is_earlier),
)
LEASE_UPDATE = _leasing(
    select(deliveries.c.id)
    .where(deliveries.c.lane == bindparam("in_lane"), deliveries.c.priority == bindparam("of"), _takeable)
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("most", type_=Integer))
)
_held_by_us = and_(_earlier.c.lease == bindparam("token"), _earlier.c.leased_until > _NOW)


def _follow(dialect: Dialect) -> Any:  # noqa: ANN401  (a statement)
    """Return the lease of what follows on deliveries that this very lease holds: all earlier ones are ours.

    It starts from those and looks along their subjects, so that it costs nothing how much waits behind them; lane,
    time and state are compared in a way that no index serves, or PostgreSQL would go through all of it. What must
    still hold once the row is locked stands outside: the inner part is only looked at once.
    """
    follows = text(dialect.follows(unfinished("later").text))
    is_first = _none(and_(_is_earlier, or_(_earlier.c.lease.is_(None), ~_held_by_us)))
    same_lane = deliveries.c.lane.concat("") == bindparam("in_lane")
    is_due = func.coalesce(deliveries.c.due_at, deliveries.c.due_at) <= bindparam("due_by", type_=_MOMENT)
    still = func.coalesce(deliveries.c.state, deliveries.c.state).in_(list(UNFINISHED))
    return _leasing(select(deliveries.c.id).where(follows, still, same_lane, is_due, _free, is_first))


# By whether the database is PostgreSQL, as `EACH` below.
FOLLOW = {kind: _follow(dialect) for kind, dialect in DIALECTS.items()}
_lanes = select(connections.c.lane).distinct().where(_active).subquery("lanes")
# Literal, so that SQLite seeks by each of them and then by the time.
_any_priority = deliveries.c.priority.in_([literal_column(str(one.value)) for one in Priority])
DUE_LANES = select(_lanes.c.lane).where(
    select(deliveries.c.id)
    .where(deliveries.c.lane == _lanes.c.lane, _any_priority, _takeable)
    .limit(1)
    .scalar_subquery()
    .is_not(None)
)

_outdated = and_(
    bindparam("rests", type_=Boolean), deliveries.c.event_id != bindparam("for_event", type_=deliveries.c.event_id.type)
)
SETTLE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("held_id"), deliveries.c.lease == bindparam("held_lease"))
    .values(
        # What an older version of the order came to says nothing about the newer one that arrived meanwhile.
        state=case((_outdated, State.WAITING.value), else_=bindparam("to_state")),
        reason=bindparam("why"),
        due_at=bindparam("due"),
        priority=bindparam("urgency"),
        attempts=deliveries.c.attempts - bindparam("refunded", type_=Integer),
        doubtful=bindparam("doubt"),
        losses=deliveries.c.losses + bindparam("lost", type_=Integer),
        # Only what is still owed keeps its body: a person's data is stored once, in the event.
        message=case((bindparam("to_state", type_=String).in_(["waiting", "unknown"]), deliveries.c.message)),
        lease=None,
        leased_until=None,
        updated_at=_NOW,
    )
)
POSTPONE = (
    update(deliveries)
    .where(
        deliveries.c.connection_id == bindparam("of"),
        deliveries.c.subject == bindparam("about"),
        deliveries.c.id > bindparam("after"),
        deliveries.c.due_at < bindparam("due", type_=_MOMENT),
        deliveries.c.lease.is_(None),
        unfinished(),
    )
    .values(due_at=bindparam("due", type_=_MOMENT))
)


def _each(what: str, dialect: Dialect) -> TextClause:
    statement = text(dialect.change_each(what))
    moments = [bindparam(name, type_=_MOMENT) for name in ("now", "until") if f":{name}" in statement.text]
    return statement.bindparams(*moments)


EACH = {(what, kind): _each(what, dialect) for what in CHANGES for kind, dialect in DIALECTS.items()}


# Half the time of asking the enumerations.
_STATES = {state.value: state for state in State}
_IN_DOUBT = (State.SENDING, State.UNKNOWN)
_PRIORITIES = {priority.value: priority for priority in Priority}


def given(chosen: Sequence[Delivery]) -> str:
    """Return id, lease and event of each delivery as JSON, the one parameter that the statements in `EACH` take."""
    return json.dumps([(one.id, one.lease, one.event_id) for one in chosen])


def delivery(row: Sequence[Any]) -> Delivery:
    """Return a leased row as a delivery: by position, since to look names up takes as long as the query."""
    found = Delivery(*row)
    found.state, found.priority = _STATES[found.state], _PRIORITIES[found.priority]
    # Its process died while it was being sent, or while what became of that was being looked up.
    found.doubtful = found.doubtful or found.state in _IN_DOUBT
    if found.message is not None:
        found.message = decompress(found.message)
    return found
