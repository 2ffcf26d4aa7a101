"""The lanes of one round: which of them have work, when they wake, and how far ahead their calls are begun."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin.core.response import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from plugin.core.vendor_profile import Batch
    from plugin.delivery.config_cache import ConfigCache, LanePolicy
    from plugin.delivery.prepare import Prepared


# A turn as it is taken to last before there was one, and at most; and how soon a long one is forgotten.
_TURN_SECONDS, _LONGEST_TURN = 0.02, 0.2
_FORGETTING = 0.005
_SLOW_SECONDS = 0.1


class Lanes:
    """Every lane of a round by its name, and what holds for all of them together."""

    def __init__(self, config: ConfigCache) -> None:
        self._config = config
        self._lanes: dict[str, Lane] = {}
        # The round is about to end: no more calls at vendors that take long to answer.
        self.closing = False
        self._turn = _TURN_SECONDS

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def get(self, name: str) -> Lane:
        """Return the lane of this name, a new one if there was none."""
        if name not in self._lanes:
            self._lanes[name] = Lane(name)
        return self._lanes[name]

    def policy(self, name: str) -> LanePolicy:
        """Return the limits and the batching of a lane."""
        return self._config.policy(name)

    def awake(self) -> list[Lane]:
        """Return the lanes that have something ready and, as far as is known, may send."""
        now = time.monotonic()
        return [lane for lane in self if lane.asleep_until <= now and (lane.ready or lane.halves)]

    def calls_wanted(self, lane: Lane) -> int:
        """Return how many more calls of a lane could be begun now."""
        if self._is_closed(lane) and not lane.halves:
            return 0
        return lane.calls_wanted(self.policy(lane.name), self._turn)

    def learn_turn(self, seconds: float) -> None:
        """Take the time of one more turn of the round into account: what is begun has to last for the next one."""
        self._turn = max(min(seconds, _LONGEST_TURN), self._turn * (1 - _FORGETTING))

    def wanted(self, lanes: Iterable[Lane]) -> dict[str, int]:
        """Return how many deliveries to lease for each of these lanes that can use some soon."""
        rooms = {lane.name: lane.room(self.policy(lane.name)) for lane in lanes if not self._is_closed(lane)}
        return self.without_sleepers({name: room for name, room in rooms.items() if room > 0})

    def without_sleepers(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return `wanted` without the lanes that will not send within a second, as far as is known by now."""
        return {name: room for name, room in wanted.items() if self.get(name).asleep_until < time.monotonic() + 1}

    def crowded(self, names: Iterable[str]) -> set[str]:
        """Return those of these lanes that send several deliveries in one call."""
        return {name for name in names if self.policy(name).batch is not None}

    def patience(self, look_at: float) -> float:
        """Return for how many seconds only answers need attention, at most until `look_at` (a monotonic time)."""
        now = time.monotonic()
        waking = [lane for lane in self if lane.halves or (lane.ready and not self._is_closed(lane))]
        if any(lane.asleep_until <= now and not lane.in_flight for lane in waking):
            return 0.0
        return min([look_at, *(lane.asleep_until for lane in waking if lane.asleep_until > now)]) - now

    @property
    def in_flight(self) -> int:
        """Calls that were begun and are not over."""
        return sum(lane.in_flight for lane in self)

    @property
    def in_hand(self) -> bool:
        """Whether anything is leased."""
        return any(lane.ready or lane.in_flight or lane.halves for lane in self)

    @property
    def is_halving(self) -> bool:
        """Whether calls that were refused are being taken apart: begun again later, they would be whole again."""
        return any(lane.halves for lane in self)

    def halved(self) -> list[Prepared]:
        """Take what is still to be sent by halves out of the lanes and return it."""
        halves = [half for lane in self for half in lane.halves]
        for lane in self:
            lane.halves.clear()
        return [item for half in halves for item in half]

    def waits_for_slow(self) -> bool:
        """Return whether a vendor that takes long still has to answer."""
        return any(lane.in_flight for lane in self if self._is_closed(lane))

    def _is_closed(self, lane: Lane) -> bool:
        return self.closing and lane.latency is not None and lane.latency > _SLOW_SECONDS


# What one process can make in a second; more calls at once than that needs would only wait for the interpreter.
_FASTEST = 1500.0
_MOST = 128
# Below this time to an answer a few calls at once do more than many.
_QUICK = 0.01
_FEW, _SOME = 4, 16
# Begun ahead at most, so that no answer waits for a turn of the round before the next call goes out.
_AHEAD = 256
# How much of what a lane will need next is leased in advance, and the least.
_LOOKAHEAD_SECONDS = 0.5
_LEAST, _LARGEST = 32, 512
_SMOOTHING = 0.1
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Call:
    """One call with what it carries, made between `earliest` and `latest` on the monotonic clock.

    `is_half`: of one that was refused as a whole.
    """

    items: Sequence[Prepared]
    slot: str
    batch: Batch | None
    latest: float
    earliest: float = 0.0
    is_half: bool = False


@dataclass(slots=True)
class LoopState:
    """What the event loop and its threads hold of one lane, and alone write.

    `active` is how many calls are being made, `timer_at` when the loop comes back to a call whose moment is still to
    come (0 for never), `shut_at` when a vendor last wanted no more calls for now; all on the monotonic clock.
    """

    active: int = 0
    timer_at: float = 0.0
    shut_at: float = 0.0


@dataclass(slots=True)
class Lane:
    """What the round holds of one lane, and alone writes; `loop` is the other half.

    Only `queue` is used by both: the round appends the calls that were begun, the event loop takes the first.
    """

    name: str
    loop: LoopState = field(default_factory=LoopState)
    queue: deque[Call] = field(default_factory=deque)
    ready: deque[Prepared] = field(default_factory=deque)
    # What was refused as a whole and is sent again by halves.
    halves: deque[list[Prepared]] = field(default_factory=deque)
    # How many calls the event loop may make at once, and until when it leaves them to threads.
    most: int = 1
    left_alone_until: float = 0.0
    # When the round last called off what was queued; calls that were taken before are not sent.
    called_off_at: float = 0.0
    # Calls that were begun and are not over.
    in_flight: int = 0
    # Subjects on their way, where one call carries several: what follows them waits for their answer.
    subjects: Counter[str] = field(default_factory=Counter)
    asleep_until: float = 0.0
    # Seconds to an answer, smoothed; None before the first.
    latency: float | None = None
    # Whether the last look found all that was asked for, so that there may be more.
    is_full: bool = False

    def at_once(self, policy: LanePolicy) -> int:
        """Return how many calls may be on their way together: the rate times the time to an answer, and some."""
        if policy.most_in_flight is not None:
            return policy.most_in_flight
        rate = min(_FASTEST, *(limit.per_second for limit in policy.limits))
        latency = 0.25 if self.latency is None else self.latency
        least = _FEW if latency < _QUICK else _SOME
        return max(least, min(_MOST, math.ceil(rate * latency * 1.25) + 1))

    def calls_wanted(self, policy: LanePolicy, turn: float) -> int:
        """Return how many more calls could be begun now, slots permitting; the next chance comes in `turn` seconds."""
        at_once = self.at_once(policy)
        # A call that ends just after a turn has looked waits for the whole next one to be replaced.
        ahead = min(_AHEAD, max(1, math.ceil(2 * at_once * turn / max(self.latency or _QUICK, 0.0005))))
        waiting = len(self.ready) if policy.batch is None else math.ceil(len(self.ready) / policy.batch.items)
        return max(0, min(len(self.halves) + waiting, at_once + ahead - self.in_flight))

    def room(self, policy: LanePolicy) -> int:
        """Return how many more deliveries to lease, so that a free slot never waits for the database."""
        rate = min(_FASTEST, *(limit.per_second for limit in policy.limits))
        calls = max(_LEAST, min(_LARGEST, math.ceil(rate * _LOOKAHEAD_SECONDS), 2 * self.at_once(policy) + _AHEAD))
        aim = calls if policy.batch is None else 2 * policy.batch.items
        # A few now and then would cost as much as many at once.
        missing = aim - len(self.ready)
        return missing if missing * 2 >= aim else 0

    def learn_latency(self, seconds: float) -> None:
        """Take the seconds that one more answer took into account."""
        self.latency = seconds if self.latency is None else self.latency + (seconds - self.latency) * _SMOOTHING

    def pack(self, batch: Batch | None) -> list[Prepared]:
        """Take out what the next call carries; nothing when all that is ready follows what is on its way."""
        if self.halves:
            # The second half of a person's calls follows the first.
            waits = any(item.delivery.subject in self.subjects for item in self.halves[0])
            return [] if waits else self.halves.popleft()
        if batch is None:
            return [self.ready.popleft()] if self.ready else []
        return self._pack(batch)

    def _pack(self, batch: Batch) -> list[Prepared]:
        packed: list[Prepared] = []
        passed: list[Prepared] = []
        behind = set(self.subjects)
        room = batch.size - len(encode(batch.bundle([], _ANY_TIME).body) or b"")
        while self.ready and len(packed) < batch.items:
            item = self.ready.popleft()
            if item.finds:
                # A look-up goes alone.
                if packed:
                    self.ready.appendleft(item)
                return packed or [item]
            fits = not packed or item.delivery.connection_id == packed[0].delivery.connection_id
            size = len(encode(item.request.body) or b"") + 1
            if item.delivery.subject in behind or not fits:
                behind.add(item.delivery.subject)
                passed.append(item)
            elif packed and size > room:
                self.ready.appendleft(item)
                break
            else:
                packed.append(item)
                room -= size
        self.ready.extendleft(reversed(passed))
        return packed

    def enqueue(self, call: Call) -> None:
        """Put a begun call into the queue."""
        self.in_flight += 1
        if call.batch is not None:
            self.subjects.update(item.delivery.subject for item in call.items)
        self.queue.append(call)

    def call_off(self) -> None:
        """Have the calls that were begun and not sent yet come back as too late, now that the lane is blocked."""
        for call in tuple(self.queue):
            call.earliest = call.latest = 0.0
        self.called_off_at = time.monotonic()

    def end(self, call: Call) -> None:
        """Count a call as over."""
        self.in_flight -= 1
        if call.batch is not None:
            self.subjects.subtract(item.delivery.subject for item in call.items)
            self.subjects = +self.subjects
