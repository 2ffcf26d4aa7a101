"""A round: one RQ job that serves every lane until nothing is due.

It goes in turns: slots are claimed for what is ready; one transaction records what came back, commits the intents of
what goes out, and leases what follows; then it waits for answers. Only the round's own thread talks to the database and
to Redis; the executor talks to vendors.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.core.outcome import Deferred
from plugin.delivery.completion import Completer
from plugin.delivery.dispatch import Dispatcher
from plugin.delivery.executor import LONGEST_GATHER, Executor
from plugin.delivery.lanes import Lanes
from plugin.delivery.prepare import Prepared, Preparer
from plugin.delivery.record import Recorder, Returned, report, result_of
from plugin.routing.route import route_due

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping, Sequence

    from sqlalchemy import Connection as Sql

    from plugin.core.delivery import Delivery
    from plugin.delivery.lanes import Call, Lane
    from plugin.services import Services

# Long, because every round starts with empty caches. RQ's own limit for a job is longer: see `broker.JOB_SECONDS`.
_SECONDS = 600.0
# At its end a round starts no more calls at vendors that take long, while it goes on with the others for up to this.
_CLOSING_SECONDS = 25.0
# What falls due this soon is waited for instead of leaving it to the clock's next tick.
_LINGER = timedelta(seconds=1.5)
# How often to look for what others made due.
_LOOK_SECONDS = 0.05
_IDLE_LOOK_SECONDS = 0.2
# Between two looks, as many times as long as the last one took: over hundreds of lanes it takes a while.
_LOOKS_REST = 20
# The refusal was of the whole call, so that nothing is known against any part of it.
_REFUSED_TOGETHER = Deferred.pending("refused together with others; sent again")
# Few at a time, as nothing else is done meanwhile; more while more wait than that.
_ROUTED_AT_LEAST, _ROUTED_AT_MOST = 10, 40
# A vendor's answer is worth waiting for a database that restarts, as long as the leases last.
_PATIENCE_SECONDS = 20.0
_RETRY_SECONDS = 0.5
_NO_LANES: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a turn's transaction came to: the ids of deliveries whose intent is committed, and the deliveries leased.

    Their leases count from `since`, on the monotonic clock.
    """

    begun: Container[int]
    leased: Sequence[Delivery]
    since: float


class TurnTransaction:
    """Writes what a turn has: results of calls that are over, intents of the next ones, and new leases.

    They share one transaction, since each costs a flush of the disk.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._recorder = Recorder(services)

    def write(
        self,
        returned: Sequence[Returned],
        intents: Sequence[tuple[Delivery, bool]] = (),
        wanted: Mapping[str, int] = _NO_LANES,
        crowded: Collection[str] = (),
    ) -> Committed:
        """Commit the turn, and then pause the connections whose credentials were refused.

        An intent is a delivery and whether its call is sent or, if False, only what became of an earlier one is looked
        up. `wanted` is how many deliveries to lease for each lane; `crowded` lanes send several in one call. A result
        that can't be written is held and spoils neither the others nor the rest of the turn.

        Raises:
            Unavailable: the database is away, and there is no answer worth waiting for it, or it stayed away too long.
        """
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                done = self._write_once(returned, intents, wanted, crowded)
                break
            except Unavailable as error:
                if not returned or time.monotonic() > ends:
                    raise
                log.trouble("not recorded yet", reason=str(error))
                time.sleep(_RETRY_SECONDS)
        if returned:
            self._recorder.pause_refused(returned)
        return done

    def _write_once(
        self,
        returned: Sequence[Returned],
        intents: Sequence[tuple[Delivery, bool]],
        wanted: Mapping[str, int],
        crowded: Collection[str],
    ) -> Committed:
        try:
            results = [result_of(one) for one in returned]
            with self._services.database.write() as db:
                kept = self._recorder.settle(db, returned, results)
                done = self._begin_and_lease(db, intents, wanted, crowded)
        except Unavailable:
            raise
        except Exception:
            if not returned:
                raise
            # Perhaps one of the results can't be written. If it was the rest of the turn, that fails again below.
            log.fault("recording failed", deliveries=[one.item.delivery.id for one in returned])
            self._recorder.settle_apart(returned)
            with self._services.database.write() as db:
                return self._begin_and_lease(db, intents, wanted, crowded)
        report(returned, results, kept)
        return done

    def _begin_and_lease(
        self, db: Sql, intents: Sequence[tuple[Delivery, bool]], wanted: Mapping[str, int], crowded: Collection[str]
    ) -> Committed:
        ledger, since = self._services.ledger, time.monotonic()
        begun = ledger.begin(db, intents)
        leased = ledger.lease_each(db, wanted, crowded) if wanted else []
        return Committed(begun=begun, leased=leased, since=since)


class Round:
    """One pass over everything that is due. Not for two threads."""

    def __init__(self, services: Services, executor: Executor, stopping: threading.Event) -> None:
        self._services = services
        self._executor = executor
        self._stopping = stopping
        self._preparer = Preparer(services)
        self._transaction = TurnTransaction(services)
        self._lanes = Lanes(self._preparer.config)
        self._dispatcher = Dispatcher(services, self._lanes, executor)
        self._completer = Completer(services, self._lanes, self._preparer)
        # What is over and not written down yet.
        self._returned: list[Returned] = []
        self._look_at = 0.0
        self._routed_at_once = _ROUTED_AT_LEAST
        self._turned_at, self._rested = time.monotonic(), 0.0

    def run(self, seconds: float = _SECONDS) -> bool:
        """Serve until nothing is due, `seconds` have passed or the process is to stop; return whether more is due.

        Whatever happens, calls that are on their way are waited for and recorded, and unused leases are given back.
        """
        ends = time.monotonic() + seconds
        is_due = True
        try:
            while is_due and not self._stopping.is_set():
                is_due = self._turn(ends)
                late = time.monotonic() - ends
                self._lanes.closing = late > 0
                if self._lanes.closing and (late > _CLOSING_SECONDS or not self._lanes.waits_for_slow()):
                    break
            self._finish_halves()
        finally:
            self._finish()
        return is_due

    def _turn(self, ends: float) -> bool:
        now = time.monotonic()
        self._lanes.learn_turn(now - self._turned_at - self._rested)
        self._turned_at, self._rested = now, 0.0
        looks = now >= self._look_at
        routed, due = self._look() if looks else (0, [])
        # What a lane will need next is leased while its calls are on their way.
        wanted = self._lanes.wanted([*due, *(lane for lane in self._lanes if lane.is_full)])
        calls = self._dispatcher.reserve()
        done = self._commit(calls, self._lanes.without_sleepers(wanted))
        if looks:
            self._look_again(time.monotonic() - now, found=bool(routed or done.leased))
        if done.leased and not self._lanes.in_flight:
            # Nothing is on its way, so there is nothing to wait for.
            self._commit(self._dispatcher.reserve(), {})
        finished = self._collect(0.0 if done.leased else self._patience(ends))
        is_busy = finished or routed or done.leased or self._returned or self._lanes.in_hand
        return bool(is_busy) or self._is_due_soon()

    def _patience(self, ends: float) -> float:
        """Return for how many seconds to wait for answers; a round that ends waits for nothing else."""
        if time.monotonic() > ends and not self._lanes.in_flight:
            return 0.0
        return self._lanes.patience(self._look_at)

    def _look(self) -> tuple[int, list[Lane]]:
        """Route what arrived; return how much that was, and the lanes that have something due."""
        routed = route_due(self._services, self._routed_at_once) if self._services.inbox.is_waiting() else 0
        more = min(2 * self._routed_at_once, _ROUTED_AT_MOST)
        self._routed_at_once = more if routed >= self._routed_at_once else _ROUTED_AT_LEAST
        return routed, [self._lanes.get(name) for name in sorted(self._services.ledger.due_lanes())]

    def _look_again(self, took: float, *, found: bool) -> None:
        pause = max(_LOOK_SECONDS if self._lanes.in_hand else _IDLE_LOOK_SECONDS, _LOOKS_REST * took)
        self._look_at = time.monotonic() + (0.0 if found else pause)

    def _commit(self, calls: Sequence[tuple[Lane, Call]], wanted: Mapping[str, int]) -> Committed:
        """Write down what came back and what goes out now, lease what is to go out next; then send what was begun."""
        if not (self._returned or calls or wanted):
            return Committed(begun=frozenset(), leased=[], since=0.0)
        intents = [(item.delivery, not item.finds) for _, call in calls for item in call.items]
        try:
            crowded = self._lanes.crowded(wanted)
            returned, self._returned = self._returned, []
            done = self._transaction.write(returned, intents, wanted, crowded)
        except Exception:
            # Whatever it was: nothing of these was committed, and nobody else knows of them.
            self._dispatcher.take_back(calls)
            raise
        self._dispatcher.dispatch(calls, done.begun, done.since)
        self._take_up(done.leased, wanted)
        return done

    def _take_up(self, leased: Sequence[Delivery], wanted: Mapping[str, int]) -> None:
        """Put what was leased into its lanes, as calls to make; what needs none is written down with the next turn."""
        counts = Counter(delivery.lane for delivery in leased)
        for delivery in leased:
            item = self._preparer.prepare(delivery)
            if isinstance(item, Prepared):
                self._lanes.get(delivery.lane).ready.append(item)
            else:
                self._returned.append(Returned(item=item, outcome=item.outcome))
        for name, room in wanted.items():
            self._lanes.get(name).is_full = counts[name] >= room

    def _collect(self, patience: float) -> int:
        """Wait for calls that are over; return how many there were."""
        began = time.monotonic()
        finished = self._executor.collect(patience, self._lanes.in_flight)
        # Waiting is no work, unlike the time for which finished calls are gathered before any of them is handled.
        self._rested += max(0.0, time.monotonic() - began - LONGEST_GATHER)
        self._returned += self._completer.complete(finished)
        self._dispatcher.serve_lanes()
        return len(finished)

    def _is_due_soon(self) -> bool:
        return bool(self._services.ledger.due_lanes(_LINGER))

    def _finish_halves(self) -> None:
        """Finish calls that are being taken apart: begun by another round, they would be whole again."""
        self._dispatcher.give_back()
        ends = time.monotonic() + _CLOSING_SECONDS
        while (self._lanes.in_flight or self._lanes.is_halving) and time.monotonic() < ends:
            if self._stopping.is_set():
                return
            self._commit(self._dispatcher.reserve() if self._lanes.is_halving else [], {})
            self._collect(self._lanes.patience(time.monotonic() + 1.0))

    def _finish(self) -> None:
        """Wait for the calls in flight and record their results; give back the leases that were not used."""
        self._commit([], {})
        while self._lanes.in_flight:
            self._collect(1.0)
            self._commit([], {})
        self._dispatcher.give_back()
        self._returned += [Returned(item=item, outcome=_REFUSED_TOGETHER) for item in self._lanes.halved()]
        self._commit([], {})


class Worker:
    """Rounds one after the other, over threads and connections that stay open. Made after a fork, never before."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.stopping = threading.Event()
        self._executor = Executor(services.logins)

    def round(self, seconds: float = _SECONDS) -> bool:
        """Serve what is due; return whether more is."""
        return Round(self.services, self._executor, self.stopping).run(seconds)

    def close(self) -> None:
        """Close every connection and end the threads."""
        self._executor.close()
