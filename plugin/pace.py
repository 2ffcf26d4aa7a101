"""The rate limiter: one atomic Redis script over all limits of a lane, shared by every process.

A window is a log with in-flight hold: a call is admitted while (finished within the window) + (in flight) is below the
limit, and is stamped again with Redis' own time when its answer arrives. Stamping at send time would let calls that
travel at different speeds arrive closer together than they left.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis import Redis

    from plugin.model import RateLimit

# KEYS: in flight, log, gate.  ARGV: prefix of the slots, how many are wanted, seconds a slot is held, then pairs of
# count and seconds.  Returns: slots granted, milliseconds until asking again makes sense.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gate = redis.call('PTTL', KEYS[3])
if gate > 0 then return {0, gate} end
-- A lost worker's slot counts until its hold ends; then the call is taken to have finished at that moment.
for _, slot in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
    redis.call('ZADD', KEYS[2], redis.call('ZSCORE', KEYS[1], slot), slot)
    redis.call('ZREM', KEYS[1], slot)
end
local flying = redis.call('ZCARD', KEYS[1])
local granted, wait, longest = tonumber(ARGV[2]), 0, 0
for i = 4, #ARGV, 2 do
    local count, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1]) * 1000
    longest = math.max(longest, window)
    local finished = redis.call('ZCOUNT', KEYS[2], '(' .. (now - window), '+inf')
    local free = count - flying - finished
    if free < granted then granted = math.max(free, 0) end
    if free < 1 then
        local oldest = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. (now - window), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
        if oldest[2] then wait = math.max(wait, oldest[2] + window - now) else wait = math.max(wait, 20) end
    end
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - longest)
for i = 1, granted do redis.call('ZADD', KEYS[1], now + ARGV[3] * 1000, ARGV[1] .. i) end
redis.call('PEXPIRE', KEYS[1], longest + ARGV[3] * 2000)
redis.call('PEXPIRE', KEYS[2], longest + ARGV[3] * 2000)
return {granted, wait}
"""

# KEYS: in flight, log, note.  ARGV: slot, '1' when the call was made or '0' when the slot was not used, seconds that
# the note is kept, or '0' for no note.
_FINISH = """
local held = redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[2] == '1' then
    local time = redis.call('TIME')
    redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
    if redis.call('PTTL', KEYS[2]) < 0 then redis.call('PEXPIRE', KEYS[2], 86400000) end
end
if ARGV[3] ~= '0' then redis.call('SET', KEYS[3], 1, 'EX', ARGV[3]) end
return held
"""


# Longer than any outage after which a killed worker's leases are still to be taken over.
_NOTE_SECONDS = 86_400


# KEYS: gate.  ARGV: milliseconds.
_CLOSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """Slots that may be used now, and when to ask again for more."""

    slots: tuple[str, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneUse:
    """How much of a lane's tightest limit is used now, and how long its gate stays closed."""

    in_use: int
    gate: timedelta


class Pace:
    """Slots of every lane. Every method may raise `redis.RedisError`."""

    def __init__(self, redis: Redis, hold: timedelta) -> None:
        """`hold` is how long a slot counts when its worker never says that the call finished."""
        self._redis = redis
        self._hold = hold.total_seconds()
        self._reserve = redis.register_script(_RESERVE)
        self._finish = redis.register_script(_FINISH)
        self._close = redis.register_script(_CLOSE)

    def reserve(self, lane: str, limits: Sequence[RateLimit], want: int) -> Grant:
        """Claim up to `want` slots within every limit. Never sleeps: a waiting thread would hold other lanes up."""
        prefix = f"{secrets.token_hex(8)}:"
        windows = [part for limit in limits for part in (limit.count, limit.seconds)]
        found: Any = self._reserve(keys=[*_keys(lane), _gate(lane)], args=[prefix, want, self._hold, *windows])
        granted, wait = int(found[0]), int(float(found[1]))
        return Grant(tuple(f"{prefix}{i}" for i in range(1, granted + 1)), timedelta(milliseconds=wait))

    def finish(self, lane: str, slot: str, accepted: int | None = None) -> None:
        """Stamp a slot with the moment its call was over.

        `accepted` is the delivery that the vendor took with it. The note is written here, a moment before SQL hears of
        it, and helps only where nothing can be looked up: a worker killed in between would have to guess.
        """
        kept = _NOTE_SECONDS if accepted is not None else 0
        self._finish(keys=[*_keys(lane), _note(lane, accepted)], args=[slot, "1", kept])

    def release(self, lane: str, slot: str) -> None:
        """Give a slot back that was not used."""
        self._finish(keys=[*_keys(lane), _note(lane, None)], args=[slot, "0", "0"])

    def was_accepted(self, lane: str, delivery: int) -> bool:
        """Whether `finish` noted that the vendor took this delivery. False proves nothing."""
        return bool(self._redis.exists(_note(lane, delivery)))

    def close_gate(self, lane: str, wait: timedelta) -> None:
        """Let nobody call on this lane for `wait`; a longer closing is never shortened."""
        self._close(keys=[_gate(lane)], args=[max(1, int(wait.total_seconds() * 1000))])

    def use(self, lane: str, limits: Sequence[RateLimit]) -> LaneUse:
        """Look at a lane without changing it."""
        flying_key, log_key = _keys(lane)
        seconds, microseconds = self._redis.time()
        now = seconds * 1000 + microseconds // 1000
        flying: Any = self._redis.zcard(flying_key)
        tightest = min(limits, key=lambda limit: limit.count / limit.seconds)
        finished: Any = self._redis.zcount(log_key, f"({now - tightest.seconds * 1000}", "+inf")
        gate: Any = self._redis.pttl(_gate(lane))
        return LaneUse(in_use=int(flying) + int(finished), gate=timedelta(milliseconds=max(0, int(gate))))


def _keys(lane: str) -> list[str]:
    # The braces keep a lane's keys on one node of a Redis cluster.
    return [f"crossdock:{{{lane}}}:flying", f"crossdock:{{{lane}}}:log"]


def _note(lane: str, delivery: int | None) -> str:
    return f"crossdock:{{{lane}}}:accepted:{delivery}"


def _gate(lane: str) -> str:
    return f"crossdock:{{{lane}}}:gate"
