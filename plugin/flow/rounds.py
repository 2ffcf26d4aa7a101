"""A round: one RQ job that serves every lane until nothing is due.

It leases rows, sends them over kept-alive connections on threads, and writes what became of them in batches. Only the
round's own thread talks to the database; the threads only wait for vendors.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis import RedisError

from plugin import log
from plugin.errors import Unavailable
from plugin.flow.prepare import Prepared, Preparer, Settled
from plugin.flow.record import Recorder, Returned, understand
from plugin.flow.route import route_due
from plugin.http import Answer, Failure, Senders
from plugin.model import Accepted
from plugin.services import Services
from plugin.settings import Settings

LANE_THREADS = 16
# Enough for twenty lanes at once; threads are made only when they are needed.
THREADS = 20 * LANE_THREADS
# Leased ahead of the lane's slots, so that a free slot never waits for the database.
_AHEAD = 64
# Long, because at its end a round brings its calls home before the next one starts others.
_SECONDS = 180.0
# Later than this after its lease was renewed, a call could outlast it, and somebody else might send it too.
_LATEST_SECONDS = 5.0
# What falls due this soon is waited for instead of leaving it to the clock's next tick.
_LINGER = timedelta(seconds=1.5)
_TICK_SECONDS = 0.02
_IDLE_TICK_SECONDS = 0.1


@dataclass(slots=True)
class Lane:
    """What this round holds of one lane."""

    ready: deque[Prepared]
    flying: int = 0
    asleep_until: float = 0.0


class Round:
    """One pass over everything that is due. Not for two threads."""

    def __init__(
        self, services: Services, pool: ThreadPoolExecutor, senders: Senders, stopping: threading.Event
    ) -> None:
        self._services = services
        self._pool = pool
        self._senders = senders
        self._stopping = stopping
        self._preparer = Preparer(services)
        self._recorder = Recorder(services)
        self._lanes: defaultdict[str, Lane] = defaultdict(lambda: Lane(deque()))
        self._returned: queue.SimpleQueue[Returned] = queue.SimpleQueue()

    def run(self, seconds: float = _SECONDS) -> bool:
        """Serve until nothing is due, `seconds` have passed or the process is to stop; return whether more is due.

        Whatever happens, calls that are on their way are waited for and recorded, and unused leases are given back.
        """
        ends = time.monotonic() + seconds
        is_due = True
        try:
            while is_due and time.monotonic() < ends and not self._stopping.is_set():
                is_due = self._turn()
        finally:
            self._land()
        return is_due

    def _turn(self) -> bool:
        routed = route_due(self._services) if self._services.inbox.is_waiting() else 0
        leased = self._lease()
        launched = self._launch()
        busy = bool(routed or leased or launched)
        recorded = self._record(0.0 if busy else self._patience())
        return bool(busy or recorded or self._in_hand()) or self._is_due_soon()

    def _lease(self) -> int:
        """Fill every lane that has something due up to what it may need next; settle what needs no call."""
        count = 0
        for name in sorted(self._services.ledger.due_lanes()):
            lane = self._lanes[name]
            room = _AHEAD - len(lane.ready)
            if room > 0 and lane.asleep_until - time.monotonic() < 1:
                count += self._take(name, lane, room)
        return count

    def _take(self, name: str, lane: Lane, room: int) -> int:
        leased = self._services.ledger.lease(name, room)
        prepared = [self._preparer.prepare(delivery) for delivery in leased]
        lane.ready.extend(item for item in prepared if isinstance(item, Prepared))
        self._recorder.write(
            [Returned(item=item, outcome=item.outcome) for item in prepared if isinstance(item, Settled)]
        )
        return len(leased)

    def _launch(self) -> int:
        """Start as many calls as the lanes' limits and our threads allow."""
        started = [(item, slot) for name, lane in self._lanes.items() for item, slot in self._admit(name, lane)]
        if not started:
            return 0
        begun = self._services.ledger.begin((item.delivery, not item.finds) for item, _ in started)
        for item, slot in started:
            if item.delivery.id in begun:
                self._lanes[item.delivery.lane].flying += 1
                self._pool.submit(self._call, item, slot, time.monotonic() + _LATEST_SECONDS)
            else:
                self._services.pace.release(item.delivery.lane, slot)
        # Some lost their lease, others their place to a newer version of the same order.
        self._services.ledger.give_back([item.delivery for item, _ in started if item.delivery.id not in begun])
        return len(begun)

    def _admit(self, name: str, lane: Lane) -> list[tuple[Prepared, str]]:
        want = min(len(lane.ready), LANE_THREADS - lane.flying)
        if want <= 0 or lane.asleep_until > time.monotonic():
            return []
        grant = self._services.pace.reserve(name, self._preparer.limits(name), want)
        if len(grant.slots) < want:
            lane.asleep_until = time.monotonic() + grant.wait.total_seconds()
        return [(lane.ready.popleft(), slot) for slot in grant.slots]

    def _call(self, item: Prepared, slot: str, latest: float) -> None:
        """Runs on a thread: send, stamp the slot, hand the answer over. A call that comes too late is not made."""
        at, began = datetime.now(UTC), time.monotonic()
        result: Answer | Failure = Failure(sent=False, reason="its turn came too late", late=True)
        if began < latest:
            sender = self._senders.of(item.delivery.lane, item.connection.base_url)
            result = self._services.tokens.send(sender, item.vendor, item.connection, item.request)
        milliseconds = round((time.monotonic() - began) * 1000)
        returned = Returned(
            item=item, outcome=understand(item, result), result=result, at=at, milliseconds=milliseconds
        )
        self._stamp(returned, slot)
        self._returned.put(returned)

    def _stamp(self, returned: Returned, slot: str) -> None:
        accepted = returned.item.delivery.id if isinstance(returned.outcome, Accepted) else None
        try:
            self._services.pace.finish(returned.lane, slot, accepted)
        except RedisError as error:
            log.trouble("slot not stamped", lane=returned.lane, reason=type(error).__name__)

    def _record(self, patience: float) -> int:
        returned = self._collect(patience)
        for one in returned:
            self._lanes[one.lane].flying -= 1
        self._recorder.write(returned)
        return len(returned)

    def _collect(self, patience: float) -> list[Returned]:
        """What came back; waits up to `patience` seconds for the first."""
        found: list[Returned] = []
        try:
            found.append(self._returned.get(timeout=patience) if patience else self._returned.get_nowait())
            while True:
                found.append(self._returned.get_nowait())
        except queue.Empty:
            return found

    def _patience(self) -> float:
        if any(lane.flying for lane in self._lanes.values()):
            return _TICK_SECONDS
        wakes = [lane.asleep_until for lane in self._lanes.values() if lane.ready]
        return max(_TICK_SECONDS, min(min(wakes, default=0.0) - time.monotonic(), _IDLE_TICK_SECONDS * 5))

    def _in_hand(self) -> bool:
        return any(lane.ready or lane.flying for lane in self._lanes.values())

    def _is_due_soon(self) -> bool:
        return bool(self._services.ledger.due_lanes(_LINGER))

    def _land(self) -> None:
        """Bring everything home."""
        while any(lane.flying for lane in self._lanes.values()):
            self._record(1.0)
        for lane in self._lanes.values():
            self._services.ledger.give_back([item.delivery for item in lane.ready])
            lane.ready.clear()


class Worker:
    """What serves rounds: threads, and connections that stay open. Made after a fork, never before."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.stopping = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lane")
        self._senders = Senders(LANE_THREADS)

    def round(self, seconds: float = _SECONDS) -> bool:
        """Serve what is due; return whether more is."""
        return Round(self.services, self._pool, self._senders, self.stopping).run(seconds)

    def close(self) -> None:
        """Close every connection and end the threads."""
        self._pool.shutdown()
        self._senders.close()


def work() -> None:
    """The RQ job. SIGTERM ends the round early, with every call on its way brought home.

    What goes wrong is logged by its kind alone: RQ would keep the text of an exception, which may quote a document.
    """
    services = Services.open(Settings.from_env())
    worker = Worker(services)
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    try:
        services.bell.answer()
        if worker.round() and not worker.stopping.is_set():
            services.bell.ring()
    except (RedisError, Unavailable) as error:
        log.trouble("round ended early", reason=type(error).__name__)
    except Exception:  # noqa: BLE001  (the clock rings again)
        log.fault("round failed")
    finally:
        worker.close()
        services.close()
