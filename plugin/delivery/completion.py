"""The end of calls: their slots are stamped, their lanes learn from them, and their results are returned."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from redis import RedisError

from plugin.core import log
from plugin.core.outcome import Accepted, Deferred, Rejected
from plugin.core.response import Failure, Response
from plugin.delivery.classify import outcome_of, quota_of
from plugin.delivery.prepare import Prepared
from plugin.destinations.base import lookup_of
from plugin.limiter.redis_limiter import Completion, RemainingQuota, Used

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugin.delivery.executor import FinishedCall
    from plugin.delivery.lanes import Lanes
    from plugin.delivery.prepare import Preparer
    from plugin.delivery.record import Returned
    from plugin.services import Services


class Completer:
    """Takes in the calls that the executor has finished."""

    def __init__(self, services: Services, lanes: Lanes, preparer: Preparer) -> None:
        self._services = services
        self._lanes = lanes
        self._preparer = preparer

    def complete(self, finished: Sequence[FinishedCall]) -> list[Returned]:
        """Stamp slots, halve what was refused together, block lanes; return what is to be written down."""
        if not finished:
            return []
        for one in finished:
            one.lane.end(one.call)
            if isinstance(one.result, Response):
                one.lane.learn_latency(one.took)
        self._stamp(finished)
        whole = [one for one in finished if not self._halved(one)]
        returned = [self._read_again(said) for one in whole for said in one.returned]
        for item in returned:
            if isinstance(item.outcome, Deferred) and item.outcome.block:
                self._block(item.lane, item.outcome.after or timedelta(seconds=1))
                self._lanes.get(item.lane).call_off()
        return returned

    def _block(self, lane: str, wait: timedelta) -> None:
        """Block a lane for every process, before the next slot is asked for."""
        log.trouble("lane blocked", lane=lane, seconds=wait.total_seconds())
        try:
            self._services.limiter.block(lane, wait)
        except RedisError as error:
            log.trouble("lane not blocked", lane=lane, reason=type(error).__name__)

    def _halved(self, one: FinishedCall) -> bool:
        """Queue a call that was refused as a whole to be sent again in two parts; return whether it was one.

        So what is bad in it is alone in the end.
        """
        items = one.call.items
        if len(items) == 1 or not all(isinstance(item.outcome, Rejected) for item in one.returned):
            return False
        log.trouble("batch halved", lane=one.lane.name, deliveries=len(items))
        middle = len(items) // 2
        # Before the others that wait: they may hold what follows these.
        one.lane.halves.extendleft([list(items[middle:]), list(items[:middle])])
        return True

    def _read_again(self, one: Returned) -> Returned:
        """Return a refusal in words as read beside the document: vendors repeat more of it than the call had said."""
        item, result = one.item, one.result
        if not (isinstance(one.outcome, Rejected) and isinstance(item, Prepared) and isinstance(result, Response)):
            return one
        if item.work.message is None:
            return one
        full = self._preparer.with_document(item)
        if full is None:
            return replace(one, outcome=replace(one.outcome, reason=f"{result.status}: refused"))
        return replace(one, outcome=outcome_of(full, result))

    def _stamp(self, finished: Sequence[FinishedCall]) -> None:
        by_lane: defaultdict[str, list[FinishedCall]] = defaultdict(list)
        for one in finished:
            by_lane[one.lane.name].append(one)
        now = time.monotonic()
        try:
            self._services.limiter.finish([self._completion(name, ones, now) for name, ones in by_lane.items()])
        except RedisError as error:
            log.trouble("slots not stamped", reason=type(error).__name__)

    def _completion(self, name: str, ones: Sequence[FinishedCall], now: float) -> Completion:
        used = [_used(one, now) for one in ones]
        lefts = [left for one in ones if (left := _left(one)) is not None]
        return Completion(
            lane=name,
            limits=self._lanes.policy(name).limits,
            used=used,
            left=next(reversed(lefts), None),
            accepted=[ident for one in ones for ident in _irrevocable(one)],
        )


def _irrevocable(one: FinishedCall) -> list[int]:
    """Return the ids of what the vendor took and nobody could ask it about afterwards."""
    return [
        returned.item.delivery.id
        for returned in one.returned
        if isinstance(returned.outcome, Accepted)
        and isinstance(returned.item, Prepared)
        and not returned.item.request.repeatable
        and lookup_of(returned.item.vendor, returned.item.work) is None
    ]


def _used(one: FinishedCall, now: float) -> Used:
    made = not (isinstance(one.result, Failure) and one.result.late and not one.result.used)
    took = timedelta(seconds=one.took) if isinstance(one.result, Response) else None
    return Used(slot=one.call.slot, ago=timedelta(seconds=max(0.0, now - one.at)), took=took, made=made)


def _left(one: FinishedCall) -> RemainingQuota | None:
    return quota_of(one.result, one.call.items[0].profile.quota) if isinstance(one.result, Response) else None
