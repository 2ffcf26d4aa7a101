"""The threads that make calls: each takes one lane's calls in turn, says how they went, and knows no database.

Only a vendor that wants a login has them look at its token, which is once an hour.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin.flow.record import Returned, understand
from plugin.http import Answer, Failure, Senders
from plugin.mask import answer_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.flow.lanes import Flight, Lane
    from plugin.model import Request
    from plugin.tokens import Tokens

# Threads over all lanes. One lane never takes them all: beyond `_CROWDED` a lane gets its first one only.
_MOST_THREADS = 1024
_CROWDED = 640
# While much is on its way, what comes back is gathered for this long: a transaction costs the same for one as for many.
_GATHER_SECONDS = 0.001
_GATHER_FROM = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A call that is over: with its answer or without, and when that was on the monotonic clock."""

    lane: Lane
    flight: Flight
    result: Answer | Failure
    returned: list[Returned]
    at: float
    took: float


class Crew:
    """Makes calls on threads, over connections that stay open. Made after a fork, never before.

    A pool of the standard library would make a future for every lane that is manned, which costs more than the call's
    own bookkeeping.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._senders = Senders(_MOST_THREADS)
        self._landed: queue.SimpleQueue[Landed] = queue.SimpleQueue()
        self._tasks: queue.SimpleQueue[Lane | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = 0

    def man(self, lane: Lane, at_once: int, others: int) -> int:
        """Give a lane the threads that its queue and `at_once` ask for, `others` being at work; return how many."""
        with lane.lock:
            allowed = at_once if others < _CROWDED else min(at_once, 1)
            more = max(0, min(allowed - lane.active, len(lane.queue)))
            lane.active += more
        if more:
            self._hire(more)
        for _ in range(more):
            self._tasks.put(lane)
        return more

    def _hire(self, more: int) -> None:
        with self._lock:
            self._idle -= more
            missing = min(-self._idle, _MOST_THREADS - len(self._threads))
        for _ in range(missing):
            with self._lock:
                self._idle += 1
            thread = threading.Thread(target=self._work, name="lane", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (lane := self._tasks.get()) is not None:
            self._serve(lane)
            with self._lock:
                self._idle += 1

    def collect(self, patience: float, flying: int) -> list[Landed]:
        """What is over by now; waits up to `patience` seconds for the first."""
        found: list[Landed] = []
        try:
            found.append(self._landed.get(timeout=patience) if patience > 0 else self._landed.get_nowait())
            if flying >= _GATHER_FROM:
                time.sleep(_GATHER_SECONDS)
            while True:
                found.append(self._landed.get_nowait())
        except queue.Empty:
            return found

    def close(self) -> None:
        """Close every connection and end the threads."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._senders.close()

    def _serve(self, lane: Lane) -> None:
        while True:
            with lane.lock:
                if not lane.queue:
                    lane.active -= 1
                    return
                flight = lane.queue.popleft()
            self._landed.put(self._call(lane, flight))

    def _call(self, lane: Lane, flight: Flight) -> Landed:
        """Send; a call whose turn comes too late is not made."""
        at, began = datetime.now(UTC), time.monotonic()
        result: Answer | Failure = Failure(sent=False, reason="its turn came too late", late=True)
        if began < flight.latest:
            first = flight.items[0]
            sender = self._senders.of(lane.name, first.connection.base_url, first.connection.values.get("timeout"))
            result = self._tokens.send(sender, first.connection.lane, first.manner.login, _request(flight, at))
        ended = time.monotonic()
        took = ended - began
        returned = list(_returned(flight, result, at, round(took * 1000)))
        return Landed(lane=lane, flight=flight, result=result, returned=returned, at=ended, took=took)


def _request(flight: Flight, at: datetime) -> Request:
    if flight.batch is None:
        return flight.items[0].request
    bodies = [body for item in flight.items if isinstance(body := item.request.body, bytes)]
    return flight.batch.bundle(bodies, at)


def _returned(flight: Flight, result: Answer | Failure, at: datetime, milliseconds: int) -> Iterator[Returned]:
    crowd = len(flight.items)
    said = answer_text(result, flight.items[0].vendor.plain) if isinstance(result, Answer) else None
    for number, item in enumerate(flight.items, 1):
        yield Returned(
            item=item,
            outcome=understand(item, result),
            result=result,
            at=at,
            milliseconds=milliseconds,
            crowd=crowd,
            number=number,
            said=said,
        )
