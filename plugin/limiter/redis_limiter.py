"""The rate limiter: one atomic Redis script over all limits of a lane, shared by every process.

A window is a log with in-flight hold: a call is admitted while (finished within the window) + (in flight) is below the
limit, and is stamped anew when its answer arrives. Stamping at send time would let calls that travel at different
speeds arrive closer together than they left.

The vendor counted the call somewhere between its sending and its answer. So a slot is free again one window after the
answer, less most of the shortest round trip of late: the next call can't arrive sooner after it was sent, plus the last
answer can't have come sooner after it was counted, than that. Without this credit a limit of one a second would be used
to three quarters at a vendor that takes 300 ms.

A leaky bucket is GCRA with the same hold: what is in flight counts as not leaking yet.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError

from plugin.limiter import scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from redis import Redis
    from redis.client import Pipeline

    from plugin.core.rates import RateLimit

# Longer than any outage after which a killed worker's leases are still to be taken over.
_NOTE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Grant:
    """Slots that may be used, after how many seconds each, and when to ask again for more."""

    slots: tuple[str, ...]
    delays: tuple[float, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRequest:
    """How many slots a lane could use, within which limits.

    `learns`: the vendor's headers tell of its limit, so that there is one call at a time until they did. `ahead`: slots
    that become free by then may be claimed already, so that nobody has to ask at that very moment.
    """

    lane: str
    limits: tuple[RateLimit, ...]
    want: int
    learns: bool = False
    ahead: timedelta = timedelta()


@dataclass(slots=True, kw_only=True)
class Used:
    """A slot whose call is over; or that was not used, if it was not `made`.

    `ago` is for how long it has been, `took` how long the call took from sending to answer: None when no answer came.
    """

    slot: str
    ago: timedelta = timedelta()
    took: timedelta | None = None
    made: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingQuota:
    """What a vendor's headers say: `calls` more until its count starts anew after `reset`, from `limit` if it said."""

    calls: int
    reset: timedelta
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The slots of one lane whose calls are over, and what the headers said with the last of them.

    `accepted` are deliveries that the vendor took and that nobody could ask it about: noted here, a moment before SQL
    hears of them, since a worker killed in between would have to guess.
    """

    lane: str
    limits: Sequence[RateLimit]
    used: Sequence[Used]
    left: RemainingQuota | None = None
    accepted: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneUse:
    """How much of a lane's tightest limit is used now, and how long it stays blocked."""

    in_use: int
    block: timedelta


class RedisLimiter:
    """Slots of every lane. Every method may raise `redis.RedisError`."""

    def __init__(self, redis: Redis, hold: timedelta) -> None:
        """`hold` is how long a slot counts when its worker never says that the call finished."""
        self._redis = redis
        self._hold = hold.total_seconds()
        self._reserve = redis.register_script(scripts.RESERVE)
        self._finish = redis.register_script(scripts.FINISH)
        self._block = redis.register_script(scripts.BLOCK)

    def reserve(self, asks: Sequence[SlotRequest]) -> list[Grant]:
        """Claim up to what each lane wants within all its limits, in one round trip to Redis; return a grant for each.

        Never sleeps: a waiting thread would hold other lanes up.
        """
        if not asks:
            return []
        prefixes = [f"{secrets.token_hex(8)}:" for _ in asks]

        def fill(pipe: Pipeline) -> None:
            for ask, prefix in zip(asks, prefixes, strict=True):
                keys = _keys(ask.lane, "flying", "log", "gate", "buckets", "quota")
                own = (prefix, ask.want, self._hold, int(ask.learns), _milliseconds(ask.ahead))
                pipe.evalsha(self._reserve.sha, len(keys), *keys, *own, *_figures(ask.limits))

        return [_grant(prefix, *answer) for prefix, answer in zip(prefixes, self._piped(fill), strict=True)]

    def finish(self, over: Sequence[Completion]) -> None:
        """Stamp slots with the moment their calls were over, of all lanes in one round trip to Redis."""

        def fill(pipe: Pipeline) -> None:
            for one in over:
                if one.accepted:
                    self._note(pipe, one)
                rows = [
                    part for used in one.used for part in (used.slot, _milliseconds(used.ago), _trip_milliseconds(used))
                ]
                keys = _keys(one.lane, "flying", "log", "buckets", "quota", "trip")
                args = [self._hold, *_quota_arguments(one.left), len(one.limits), *_figures(one.limits), *rows]
                pipe.evalsha(self._finish.sha, len(keys), *keys, *args)

        if over:
            self._piped(fill)

    def _piped(self, fill: Callable[[Pipeline], None]) -> list[Any]:
        """Run what `fill` adds in one round trip; load the scripts when Redis has lost them, as then none has run."""
        try:
            return self._round_trip(fill)
        except NoScriptError:
            for script in (self._reserve, self._finish):
                self._redis.script_load(script.script)
            return self._round_trip(fill)

    def _round_trip(self, fill: Callable[[Pipeline], None]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipe:
            fill(pipe)
            found: list[Any] = pipe.execute()
        return found

    def _note(self, pipe: Pipeline, one: Completion) -> None:
        now, key = time.time(), _key(one.lane, "accepted")
        pipe.zadd(key, {str(delivery): now for delivery in one.accepted})
        pipe.zremrangebyscore(key, "-inf", now - _NOTE_SECONDS)
        pipe.expire(key, _NOTE_SECONDS)

    def release(self, lane: str, slots: Sequence[str]) -> None:
        """Give slots back that were not used."""
        self.finish([Completion(lane=lane, limits=(), used=[Used(slot=slot, made=False) for slot in slots])])

    def was_accepted(self, lane: str, delivery: int) -> bool:
        """Return whether `finish` noted that the vendor took this delivery. False proves nothing."""
        return self._redis.zscore(_key(lane, "accepted"), str(delivery)) is not None

    def block(self, lane: str, wait: timedelta) -> None:
        """Let no process call on this lane for `wait`; never shorten a longer block."""
        self._block(keys=[_key(lane, "gate")], args=[max(1, int(wait.total_seconds() * 1000))])

    def use(self, lanes: Mapping[str, Sequence[RateLimit]]) -> dict[str, LaneUse]:
        """Return how much of each lane's tightest limit is used; changes nothing."""
        seconds, microseconds = self._redis.time()
        now = seconds * 1000 + microseconds / 1000
        tightest = {lane: min(limits, key=lambda limit: limit.per_second) for lane, limits in lanes.items()}
        with self._redis.pipeline(transaction=False) as pipe:
            for lane, limit in tightest.items():
                # Not what is claimed for later: that is held for longer.
                pipe.zcount(_key(lane, "flying"), "-inf", now + self._hold * 1000)
                pipe.zcount(_key(lane, "log"), f"({now - limit.seconds * 1000}", "+inf")
                pipe.pttl(_key(lane, "gate"))
            found: list[int] = pipe.execute()
        rows = zip(lanes, found[::3], found[1::3], found[2::3], strict=True)
        return {
            lane: LaneUse(in_use=flying + finished, block=timedelta(milliseconds=max(0, block)))
            for lane, flying, finished, block in rows
        }


def _grant(prefix: str, granted: int, wait: bytes, *later: bytes) -> Grant:
    return Grant(
        slots=tuple(f"{prefix}{i}" for i in range(1, granted + 1)),
        delays=(0.0,) * (granted - len(later)) + tuple(float(delay) / 1000 for delay in later),
        wait=timedelta(milliseconds=float(wait)),
    )


def _figures(limits: Sequence[RateLimit]) -> list[int]:
    return [part for limit in limits for part in (limit.count, limit.seconds, limit.burst)]


def _quota_arguments(left: RemainingQuota | None) -> tuple[float | str, float | str, float | str]:
    if left is None:
        return ("", "", "")
    return (left.calls, left.reset.total_seconds(), "" if left.limit is None else left.limit)


def _trip_milliseconds(one: Used) -> float | str:
    if not one.made:
        return ""
    return -1 if one.took is None else _milliseconds(one.took)


def _milliseconds(span: timedelta) -> float:
    return span.total_seconds() * 1000


def _keys(lane: str, *names: str) -> list[str]:
    return [_key(lane, name) for name in names]


def _key(lane: str, name: str) -> str:
    # The braces keep a lane's keys on one node of a Redis cluster.
    return f"crossdock:{{{lane}}}:{name}"
