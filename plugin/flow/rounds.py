"""A round: one RQ job that serves every lane until nothing is due.

It leases rows, sends them over kept-alive connections on threads, and writes what became of them in batches. Only the
round's own thread talks to the database and to Redis; the threads only wait for vendors.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from redis import RedisError

from plugin import log
from plugin.errors import Unavailable
from plugin.flow.arrivals import Arrivals
from plugin.flow.crew import Crew
from plugin.flow.departures import Departures
from plugin.flow.lanes import Lanes
from plugin.flow.prepare import Prepared, Preparer, Settled
from plugin.flow.record import Recorder, Returned
from plugin.flow.route import route_due
from plugin.garbage import collect_rarely
from plugin.model import Deferred
from plugin.services import Services
from plugin.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugin.flow.lanes import Lane

# Long, because every round starts with empty caches. RQ's own limit for a job is longer: see `jobs.JOB_SECONDS`.
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
_REFUSED_TOGETHER = Deferred(reason="refused together with others; sent again", after=timedelta(), waiting=True)
# Few at a time: while events are mapped, nothing else is done.
_ROUTED_AT_ONCE = 10


class Round:
    """One pass over everything that is due. Not for two threads."""

    def __init__(self, services: Services, crew: Crew, stopping: threading.Event) -> None:
        self._services = services
        self._crew = crew
        self._stopping = stopping
        self._preparer = Preparer(services)
        self._recorder = Recorder(services)
        self._lanes = Lanes(self._preparer.known)
        self._departures = Departures(services, self._lanes, crew)
        self._arrivals = Arrivals(services, self._lanes, self._preparer, self._recorder)
        self._look_at = 0.0
        self._turned_at = time.monotonic()

    def run(self, seconds: float = _SECONDS) -> bool:
        """Serve until nothing is due, `seconds` have passed or the process is to stop; return whether more is due.

        Whatever happens, calls that are on their way are waited for and recorded, and unused leases are given back.
        """
        ends = time.monotonic() + seconds
        is_due = True
        try:
            while is_due and not self._stopping.is_set():
                is_due = self._turn()
                late = time.monotonic() - ends
                self._lanes.closing = late > 0
                if self._lanes.closing and (late > _CLOSING_SECONDS or not self._lanes.waits_for_slow()):
                    break
            self._take_apart()
        finally:
            self._land()
        return is_due

    def _turn(self) -> bool:
        now = time.monotonic()
        self._lanes.turned(now - self._turned_at)
        self._turned_at = now
        found = self._look() if now >= self._look_at else 0
        launched = self._departures.launch()
        # What a lane will need next is leased while its calls are on their way.
        self._lease(lane for lane in self._lanes if lane.is_full)
        landed = self._crew.collect(self._lanes.patience(self._look_at), self._lanes.flying)
        self._arrivals.take_in(landed)
        self._departures.man_all()
        return bool(landed or launched or found or self._lanes.in_hand) or self._is_due_soon()

    def _look(self) -> int:
        """Route what arrived, lease what is due, settle what needs no call; return how many there were."""
        began = time.monotonic()
        routed = route_due(self._services, _ROUTED_AT_ONCE) if self._services.inbox.is_waiting() else 0
        leased = self._lease(self._lanes.get(name) for name in sorted(self._services.ledger.due_lanes()))
        ends = time.monotonic()
        pause = max(_LOOK_SECONDS if self._lanes.in_hand else _IDLE_LOOK_SECONDS, _LOOKS_REST * (ends - began))
        self._look_at = ends + (0.0 if routed or leased else pause)
        return routed + leased

    def _lease(self, lanes: Iterable[Lane]) -> int:
        wanted = self._lanes.wanted(lanes)
        if not wanted:
            return 0
        leased = self._services.ledger.lease_each(wanted, self._lanes.crowded(wanted))
        prepared = [self._preparer.prepare(delivery) for delivery in leased]
        counts = Counter(item.delivery.lane for item in prepared)
        for item in prepared:
            if isinstance(item, Prepared):
                self._lanes.get(item.delivery.lane).ready.append(item)
        for name, room in wanted.items():
            self._lanes.get(name).is_full = counts[name] >= room
        self._recorder.write(
            [Returned(item=item, outcome=item.outcome) for item in prepared if isinstance(item, Settled)]
        )
        return len(leased)

    def _is_due_soon(self) -> bool:
        return bool(self._services.ledger.due_lanes(_LINGER))

    def _take_apart(self) -> None:
        """Finish what was refused together: begun again by another round, it would be whole again."""
        self._departures.give_back()
        ends = time.monotonic() + _CLOSING_SECONDS
        while (self._lanes.flying or self._lanes.is_halving) and time.monotonic() < ends:
            if self._stopping.is_set():
                return
            if self._lanes.is_halving:
                self._departures.launch()
            patience = self._lanes.patience(time.monotonic() + 1.0)
            self._arrivals.take_in(self._crew.collect(patience, self._lanes.flying))
            self._departures.man_all()

    def _land(self) -> None:
        """Bring everything home."""
        while self._lanes.flying:
            self._arrivals.take_in(self._crew.collect(1.0, self._lanes.flying))
            self._departures.man_all()
        self._departures.give_back()
        self._recorder.write([Returned(item=item, outcome=_REFUSED_TOGETHER) for item in self._lanes.halved()])


class Worker:
    """What serves rounds: threads, and connections that stay open. Made after a fork, never before."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.stopping = threading.Event()
        self._crew = Crew(services.tokens)

    def round(self, seconds: float = _SECONDS) -> bool:
        """Serve what is due; return whether more is."""
        return Round(self.services, self._crew, self.stopping).run(seconds)

    def close(self) -> None:
        """Close every connection and end the threads."""
        self._crew.close()


def work() -> None:
    """The RQ job. SIGTERM ends the round early, with every call on its way brought home.

    What goes wrong is logged by its kind alone: RQ would keep the text of an exception, which may quote a document.
    """
    collect_rarely()
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
