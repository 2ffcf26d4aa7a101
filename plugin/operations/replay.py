"""Replay: what came to rest is done again, on purpose, by id or by filter, counted before anything happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from plugin.core.delivery import State
from plugin.core.errors import ConfigError
from plugin.core.event import EventState
from plugin.storage.tables import deliveries, events, notable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select

    from plugin.services import Services
    from plugin.storage.database import Database

AT_REST = (State.HELD, State.FAILED, State.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The deliveries or events to replay: those of these ids, or all that fit the rest."""

    ids: Sequence[int] = ()
    state: str | None = None
    store_id: str | None = None
    destination: str | None = None


def select_for_replay(opened: Services, selection: Selection, *, events: bool) -> list[int]:
    """Return the ids of the deliveries, or of the events, that fit; raise `ConfigError` where nothing was selected."""
    if not selection.ids and selection.state is None:
        raise ConfigError("replay what? Give ids, or a --state such as held or failed")
    return (events_to_replay if events else deliveries_to_replay)(opened.database, selection)


def replay_again(opened: Services, ids: Sequence[int], *, events: bool) -> None:
    """Do these deliveries again, or route these events again, and wake a worker up for them."""
    (replay_events if events else replay_deliveries)(opened.database, ids)
    opened.wake_up.send()


def deliveries_to_replay(database: Database, selection: Selection) -> list[int]:
    """Return the ids of the deliveries at rest that fit; what is done or still under way is never among them."""
    allowed = [selection.state] if selection.state else list(AT_REST)
    query = select(deliveries.c.id).where(notable(), deliveries.c.state.in_(allowed), deliveries.c.state.in_(AT_REST))
    if selection.destination:
        query = query.where(deliveries.c.destination == selection.destination)
    return _ids(database, query, deliveries.c, selection)


def events_to_replay(database: Database, selection: Selection) -> list[int]:
    """Return the ids of the events that fit; routing one again only adds what is missing: deliveries have keys."""
    query = select(events.c.id).where(events.c.state != EventState.RECEIVED)
    if selection.state:
        query = query.where(events.c.state == selection.state)
    return _ids(database, query, events.c, selection)


def replay_deliveries(database: Database, ids: Sequence[int]) -> None:
    """Make deliveries due now; where an event could not be mapped, have the event routed again instead."""
    now = datetime.now(UTC)
    with database.write() as db:
        chosen = deliveries.c.id.in_(ids)
        unmapped = select(deliveries.c.event_id).where(chosen, deliveries.c.action == "map")
        db.execute(update(events).where(events.c.id.in_(unmapped)).values(state=EventState.RECEIVED))
        values = {"state": State.WAITING, "attempts": 0, "due_at": now, "updated_at": now, "reason": None}
        mapped: ColumnElement[bool] = deliveries.c.action != "map"
        again = update(deliveries).where(chosen, mapped, deliveries.c.state.in_(AT_REST))
        # What was tried before may have arrived, so a booking is looked up before it is sent once more.
        db.execute(again.where(deliveries.c.attempts > 0).values(values | {"doubtful": True}))
        db.execute(again.values(values))


def replay_events(database: Database, ids: Sequence[int]) -> None:
    """Have events routed again."""
    with database.write() as db:
        db.execute(update(events).where(events.c.id.in_(ids)).values(state=EventState.RECEIVED))


def _ids(database: Database, query: Select[Any], columns: Any, selection: Selection) -> list[int]:  # noqa: ANN401
    if selection.ids:
        query = query.where(columns.id.in_(selection.ids))
    if selection.store_id:
        query = query.where(columns.store_id == selection.store_id)
    with database.read() as db:
        return list(db.execute(query.order_by(columns.id)).scalars())
