"""The limiter of a worker that has no Redis: the same limits, kept in its own memory.

Nobody knows what was sent just before, so every limit counts as used up at first. Only one worker may go on like this
at a time (`Database.held`); what it sent is handed to Redis when that is back.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from plugin.limiter.redis_limiter import Completion, Grant, LaneUse, Used

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin.core.rates import RateLimit
    from plugin.limiter.redis_limiter import RedisLimiter, SlotRequest

_POLL = 0.02
_KEPT = 10_000


@dataclass(slots=True)
class _Lane:
    since: float
    flying: set[str] = field(default_factory=set)
    finished: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    closed_until: float = 0.0
    limits: tuple[RateLimit, ...] = ()


class LocalLimiter:
    """Slots of every lane, of this process only. Not for two threads."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lanes: defaultdict[str, _Lane] = defaultdict(lambda: _Lane(self._began))
        self._numbers = itertools.count()

    def reserve(self, asks: Sequence[SlotRequest]) -> list[Grant]:
        """Claim up to what each lane wants within all its limits, and nothing ahead; see `Pace.reserve`."""
        return [self._reserve(ask) for ask in asks]

    def finish(self, over: Sequence[Completion]) -> None:
        """Stamp slots with the moment their calls were over; `Retry-After` closes the gate, headers are not learned."""
        now = time.monotonic()
        for one in over:
            lane = self._lanes[one.lane]
            lane.flying.difference_update(used.slot for used in one.used)
            lane.finished.extend(now - used.ago.total_seconds() for used in one.used if used.made)
            if one.left is not None and one.left.calls <= len(lane.flying):
                self.block(one.lane, one.left.reset)

    def release(self, lane: str, slots: Sequence[str]) -> None:
        """Give slots back that were not used."""
        self._lanes[lane].flying.difference_update(slots)

    def was_accepted(self, lane: str, delivery: int) -> bool:
        """Nothing is noted here, and False proves nothing."""
        del lane, delivery
        return False

    def block(self, lane: str, wait: timedelta) -> None:
        """Make no call on this lane for `wait`; a longer closing is never shortened."""
        closed = time.monotonic() + wait.total_seconds()
        self._lanes[lane].closed_until = max(self._lanes[lane].closed_until, closed)

    def use(self, lanes: Mapping[str, Sequence[RateLimit]]) -> dict[str, LaneUse]:
        """Look at lanes without changing them."""
        now = time.monotonic()
        found = {name: self._lanes[name] for name in lanes}
        return {
            name: LaneUse(
                in_use=len(lane.flying) + self._finished(lane, min(lanes[name], key=lambda one: one.per_second), now),
                block=timedelta(seconds=max(0.0, lane.closed_until - now)),
            )
            for name, lane in found.items()
        }

    def hand_over(self, limiter: RedisLimiter) -> None:
        """Tell Redis what was sent without it; raises `redis.RedisError` when that is away again."""
        now = time.monotonic()
        limiter.finish(
            [
                Completion(
                    lane=name, limits=lane.limits, used=[_told(name, i, now - at) for i, at in enumerate(lane.finished)]
                )
                for name, lane in self._lanes.items()
                if lane.finished
            ]
        )

    def _reserve(self, ask: SlotRequest) -> Grant:
        now, lane = time.monotonic(), self._lanes[ask.lane]
        lane.limits = ask.limits
        if lane.closed_until > now:
            return Grant((), (), timedelta(seconds=lane.closed_until - now))
        free = [(limit, self._free(lane, limit, now)) for limit in ask.limits]
        room = min([ask.want, *(count for _, count in free), *([1 - len(lane.flying)] if ask.learns else [])])
        slots = tuple(f"alone:{next(self._numbers)}" for _ in range(max(0, room)))
        lane.flying.update(slots)
        waits = [self._wait(lane, limit, now) for limit, count in free if count - len(slots) < 1]
        return Grant(
            slots, (0.0,) * len(slots), timedelta(seconds=max(waits, default=_POLL if len(slots) < ask.want else 0.0))
        )

    def _free(self, lane: _Lane, limit: RateLimit, now: float) -> int:
        """A bucket is kept as a window of what it leaks meanwhile, which is never more than it would take."""
        if now - lane.since < limit.seconds:
            return 0
        return limit.count - len(lane.flying) - self._finished(lane, limit, now)

    def _finished(self, lane: _Lane, limit: RateLimit, now: float) -> int:
        return sum(1 for at in lane.finished if at > now - limit.seconds)

    def _wait(self, lane: _Lane, limit: RateLimit, now: float) -> float:
        if now - lane.since < limit.seconds:
            return lane.since + limit.seconds - now
        oldest = next((at for at in lane.finished if at > now - limit.seconds), None)
        return _POLL if oldest is None else max(0.001, oldest + limit.seconds - now)


def _told(lane: str, number: int, ago: float) -> Used:
    return Used(slot=f"alone:{lane}:{number}:{ago:.6f}", ago=timedelta(seconds=ago))
