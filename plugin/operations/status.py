"""The state of everything, for people (`crossdock status`) and for machines (`/metrics`)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from redis import RedisError

from plugin.delivery.lane_limits import limits_of_lane
from plugin.storage import queries

if TYPE_CHECKING:
    from plugin.core.rates import RateLimit
    from plugin.limiter.redis_limiter import LaneUse
    from plugin.services import Services
    from plugin.storage.stores import Connection


_LOOK_SECONDS = 0.1


def snapshot(opened: Services) -> dict[str, Any]:
    """Return counts by state, the oldest due delivery and each lane, as `crossdock status --json` prints them.

    A lane's `in_use` is None while Redis can't be reached.
    """
    due = queries.oldest_due(opened.database)
    return {
        "idle": queries.is_idle(opened.database),
        **queries.counts(opened.database),
        "oldest_due": due.isoformat() if due else None,
        "lanes": _lanes(opened),
    }


def wait_until_idle(opened: Services, seconds: float) -> None:
    """Wait until nothing is left to do, at most so many seconds."""
    ends = time.monotonic() + seconds
    while not queries.is_idle(opened.database) and time.monotonic() < ends:
        time.sleep(_LOOK_SECONDS)


def _lanes(opened: Services) -> list[dict[str, Any]]:
    waiting = queries.backlogs(opened.database)
    by_lane: dict[str, list[Connection]] = {}
    for item in opened.stores.connections():
        by_lane.setdefault(item.lane, []).append(item)
    limits = {lane: limits_of_lane(items) for lane, items in sorted(by_lane.items())}
    try:
        uses = opened.limiter.use(limits)
    except RedisError:
        # Then nothing is known of the lanes' use, and they say so with None.
        uses = {}
    return [
        _lane(by_lane[lane][0], own_limits, uses.get(lane), waiting.get(lane, 0)) for lane, own_limits in limits.items()
    ]


def _lane(item: Connection, limits: tuple[RateLimit, ...], use: LaneUse | None, backlog: int) -> dict[str, Any]:
    block = use.block if use else timedelta()
    clears = datetime.now(UTC) + block + timedelta(seconds=backlog / min(limit.per_second for limit in limits))
    return {
        "destination": item.destination,
        "account": item.account,
        "limit": ",".join(map(str, limits)),
        "in_use": use.in_use if use else None,
        "backlog": backlog,
        "clears_at": clears.isoformat(timespec="seconds") if backlog else None,
        "closed_for_seconds": block.total_seconds(),
        "state": item.state,
        "reason": item.reason,
    }
