"""The limiter of the one worker (`plugin.runtime.worker`) that goes on without Redis: one call in flight per lane."""

import time
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import timedelta

from plugin.core.rates import RateLimit
from plugin.limiter.redis_limiter import Completion, Grant, LaneUse, RedisLimiter, SlotRequest, Used


class LocalLimiter:
    """Slots in this process's memory. Nobody knows what was sent before, so a lane's longest window passes first."""

    def __init__(self) -> None:
        self._began, self._in_flight, self._free_at = time.monotonic(), set[str](), defaultdict[str, float](float)
        self._finished = defaultdict[tuple[str, tuple[RateLimit, ...]], deque[float]](lambda: deque(maxlen=10_000))

    def reserve(self, asks: Sequence[SlotRequest]) -> list[Grant]:
        """Claim at most one slot for each lane, named like it, and return when to ask again; never sleep."""
        grants = []
        for ask in asks:
            first = self._began + max(limit.seconds for limit in ask.limits)
            wait = max(first, self._free_at[ask.lane]) - time.monotonic()
            slots = () if wait > 0 or ask.lane in self._in_flight else (ask.lane,)
            self._in_flight.update(slots)
            grants.append(Grant(slots, (0.0,) * len(slots), timedelta(seconds=max(wait, 0.02))))
        return grants

    def finish(self, over: Sequence[Completion]) -> None:
        """Free slots; a call that was made blocks its lane for as long as the slowest limit allows one."""
        for one in over:
            made = [time.monotonic() - used.ago.total_seconds() for used in one.used if used.made]
            self.release(one.lane, [used.slot for used in one.used])
            self._finished[one.lane, tuple(one.limits)] += made
            pauses = [timedelta(seconds=limit.seconds / limit.count) for limit in one.limits if made]
            spent = [one.left.reset] if one.left is not None and one.left.calls < 1 else []
            self.block(one.lane, max([*pauses, *spent, timedelta()]))

    def release(self, _lane: str, slots: Sequence[str]) -> None:
        """Give slots back that were not used."""
        self._in_flight.difference_update(slots)

    def was_accepted(self, *_: object) -> bool:
        """Return False, which proves nothing: only Redis keeps notes."""
        return False

    def use(self, *_: object) -> dict[str, LaneUse]:
        """Return nothing: no command sees this process's memory."""
        return {}

    def block(self, lane: str, wait: timedelta) -> None:
        """Make no call on this lane for `wait`; never shorten a longer block."""
        self._free_at[lane] = max(self._free_at[lane], time.monotonic() + wait.total_seconds())

    def hand_over(self, limiter: RedisLimiter) -> None:
        """Tell Redis what was sent without it; raise `redis.RedisError` when that is away again."""
        for (lane, limits), finished in self._finished.items():
            used = [Used(slot=f"{lane}:{at}", ago=timedelta(seconds=time.monotonic() - at)) for at in finished]
            limiter.finish([Completion(lane=lane, limits=limits, used=used)])
