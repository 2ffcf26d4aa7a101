"""The start of calls: slots are claimed for what is ready, and once the intent is committed, the executor has them."""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from redis import RedisError

from plugin.delivery.lanes import Call
from plugin.limiter.redis_limiter import SlotRequest

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from plugin.core.delivery import Delivery
    from plugin.delivery.executor import Executor
    from plugin.delivery.lanes import Lane, Lanes
    from plugin.limiter.redis_limiter import Grant
    from plugin.services import Services

# Later than this after its lease was renewed, a call could outlast it, and somebody else might send it too.
_LATEST_SECONDS = 5.0
# The same where the transaction that renewed it took longer: a lease, less the longest login and call.
_SAFE_SECONDS = 15.0
# For how long in advance slots are claimed, so that no free one waits for a turn of the round, also if that is slow.
_AHEAD = timedelta(seconds=0.25)
# A lane that may not send for longer than this gives its leases back.
_LONG_SLEEP_SECONDS = 5.0


class Dispatcher:
    """Begins calls, as many as the lanes' limits allow."""

    def __init__(self, services: Services, lanes: Lanes, executor: Executor) -> None:
        self._services = services
        self._lanes = lanes
        self._executor = executor

    def reserve(self) -> list[tuple[Lane, Call]]:
        """Claim slots for every lane that has something ready; return a call for each slot, with what it carries."""
        wants = {lane.name: want for lane in self._lanes.awake() if (want := self._lanes.calls_wanted(lane))}
        asks = [self._ask(name, want) for name, want in wants.items()]
        calls: list[tuple[Lane, Call]] = []
        grants = self._services.limiter.reserve(asks)
        # Redis was asked before, so nothing goes out early.
        now = time.monotonic()
        for ask, grant in zip(asks, grants, strict=True):
            lane = self._lanes.get(ask.lane)
            if len(grant.slots) < ask.want:
                self._put_to_sleep(lane, grant.wait.total_seconds())
            calls += self._pack(lane, grant, now)
        return calls

    def dispatch(self, calls: Sequence[tuple[Lane, Call]], begun: Container[int], since: float) -> None:
        """Queue the calls with the deliveries in `begun`, ids whose intents are committed; give back the rest.

        `since` is when their leases were renewed, on the monotonic clock: the transaction may have taken long since.
        """
        latest = min(time.monotonic() + _LATEST_SECONDS, since + _SAFE_SECONDS)
        lost = [delivery for lane, call in calls for delivery in self._enqueue(lane, call, begun, latest)]
        self.serve_lanes()
        # Only now: should the database or Redis be gone, what was begun is on its way nevertheless.
        self._services.ledger.give_back(lost)
        for lane, call in calls:
            if not call.items:
                self._services.limiter.release(lane.name, [call.slot])

    def _enqueue(self, lane: Lane, call: Call, begun: Container[int], latest: float) -> list[Delivery]:
        """Put what was begun of a call into the lane's queue; return what was not."""
        # Some lost their lease, others their place to a newer version of the same order.
        lost = [item.delivery for item in call.items if item.delivery.id not in begun]
        if lost:
            call.items = [item for item in call.items if item.delivery.id in begun]
        if call.items:
            call.latest = latest
            lane.enqueue(call)
        return lost

    def take_back(self, calls: Sequence[tuple[Lane, Call]]) -> None:
        """Put what was packed back into its lanes, since nothing of it was begun, and free its slots."""
        for lane, call in reversed(calls):
            if call.is_half:
                lane.halves.appendleft(list(call.items))
            else:
                lane.ready.extendleft(reversed(call.items))
        with contextlib.suppress(RedisError):
            for lane, call in calls:
                self._services.limiter.release(lane.name, [call.slot])

    def _ask(self, name: str, want: int) -> SlotRequest:
        policy = self._lanes.policy(name)
        return SlotRequest(lane=name, limits=policy.limits, want=want, learns=policy.learns, ahead=_AHEAD)

    def _pack(self, lane: Lane, grant: Grant, now: float) -> list[tuple[Lane, Call]]:
        batch = self._lanes.policy(lane.name).batch
        calls: list[tuple[Lane, Call]] = []
        for number, (slot, delay) in enumerate(zip(grant.slots, grant.delays, strict=True)):
            is_half, items = bool(lane.halves), lane.pack(batch)
            if not items:
                self._services.limiter.release(lane.name, grant.slots[number:])
                break
            together = None if items[0].finds else batch
            call = Call(
                items=items,
                slot=slot,
                batch=together,
                latest=0.0,
                earliest=now + delay if delay else 0.0,
                is_half=is_half,
            )
            calls.append((lane, call))
        return calls

    def _put_to_sleep(self, lane: Lane, seconds: float) -> None:
        lane.asleep_until = time.monotonic() + seconds
        if seconds > _LONG_SLEEP_SECONDS:
            self._services.ledger.give_back([item.delivery for item in lane.ready])
            lane.ready.clear()
            lane.is_full = False

    def serve_lanes(self) -> None:
        """Have the executor make the calls in every lane's queue, as many at once as the lane may have."""
        for lane in self._lanes:
            if lane.queue:
                self._executor.serve_lane(lane, lane.at_once(self._lanes.policy(lane.name)))

    def give_back(self) -> None:
        """End the leases of what was not begun."""
        for lane in self._lanes:
            self._services.ledger.give_back([item.delivery for item in lane.ready])
            lane.ready.clear()
