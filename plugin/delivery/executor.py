"""Who makes the calls: the hub, and threads for those that may block. Each says how it went, and knows no database.

Only a vendor that wants a login has them look at its token, which is once an hour.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin.core import log
from plugin.core.outcome import Deferred
from plugin.core.redaction import answer_text
from plugin.core.response import Answer, Failure
from plugin.delivery.classify import understand
from plugin.delivery.event_loop import Hub, Made
from plugin.delivery.record import Returned
from plugin.transport.client import Senders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.core.step import Request
    from plugin.delivery.lanes import Flight, Lane
    from plugin.transport.call import Sent
    from plugin.transport.client import Sender
    from plugin.transport.login import Tokens

_MOST_THREADS = 1024
# While much is on its way, what comes back is gathered for a while: a transaction costs the same for one as for many.
# Longer the more it is, as long as nothing else is to be done.
_GATHER_FROM = 8
_GATHER_SECONDS, LONGEST_GATHER = 0.0001, 0.01
_SHORTEST_GATHER = 0.001
_LOOK_AFTER_SECONDS = 0.05
_TOO_LATE = Failure(sent=False, reason="its turn came too late", late=True)


@dataclass(slots=True, kw_only=True)
class Landed:
    """A call that is over: with its answer or without, and when that was on the monotonic clock."""

    lane: Lane
    flight: Flight
    result: Answer | Failure
    returned: list[Returned]
    at: float
    took: float


class Crew:
    """Makes calls over connections that stay open. Made after a fork, never before.

    The hub makes those that can't block it; each of the others is made whole on a thread. A pool of the standard
    library would make a future for every one of these, which costs more than the call's own bookkeeping.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._senders = Senders()
        self._landed: queue.SimpleQueue[Landed] = queue.SimpleQueue()
        self._tasks: queue.SimpleQueue[Made | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = 0
        self._hub = Hub(self)

    def man(self, lane: Lane, at_once: int) -> None:
        """See to it that the calls in a lane's queue are made, so many at once."""
        lane.most = at_once
        self._hub.call(lane)

    def collect(self, patience: float, flying: int) -> list[Landed]:
        """What is over by now; waits up to `patience` seconds for the first, less if the hub must be looked after."""
        self._hub.relieve()
        patience = min(patience, _LOOK_AFTER_SECONDS) if flying else patience
        ends = time.monotonic() + patience
        found: list[Landed] = []
        try:
            found.append(self._landed.get(timeout=patience) if patience > 0 else self._landed.get_nowait())
            if flying >= _GATHER_FROM:
                wanted = min(flying * _GATHER_SECONDS, LONGEST_GATHER, ends - time.monotonic())
                time.sleep(max(wanted, _SHORTEST_GATHER))
            while True:
                found.append(self._landed.get_nowait())
        except queue.Empty:
            return found

    def close(self) -> None:
        """Close every connection and end the threads."""
        self._hub.close()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._senders.close()

    def begin(self, lane: Lane, flight: Flight) -> Made:
        """For the hub: send it if nothing can block, else leave it to a thread. What comes too late is not sent."""
        made = Made(lane=lane, flight=flight, at=datetime.now(UTC), began=time.monotonic())
        if _is_late(made):
            self._land(made, _TOO_LATE)
            return made
        started = self._start(made)
        if started is None:
            self._give(made)
        elif isinstance(started, Failure):
            self._land(made, started)
        else:
            made.sent = started
        return made

    def end(self, made: Made) -> None:
        """For the hub: read the answer of what `begin` has sent; a lane that held the hub up has threads read it."""
        if time.monotonic() < made.lane.left_alone_until:
            self._give(made)
        else:
            self._land(made, self._make(made))

    def _start(self, made: Made) -> Sent | Failure | None:
        manner = made.flight.items[0].manner
        if manner.login is not None or made.flight.batch is not None or made.began < made.lane.left_alone_until:
            return None
        try:
            return self._sender(made).start(_request(made.flight, made.at))
        except Exception as error:  # noqa: BLE001  (one call that can't be made must not stop every lane)
            return _at_fault(made, error)

    def _give(self, made: Made) -> None:
        """Leave a call to a thread, a new one if all are busy; where there can be none at all, it is over."""
        with self._lock:
            self._idle -= 1
            wants_more = self._idle < 0 and len(self._threads) < _MOST_THREADS
        if wants_more and not self._hire() and not self._threads:
            with self._lock:
                self._idle += 1
            self._land(made, Failure(sent=made.sent is not None, reason="no thread can be started here"))
        else:
            self._tasks.put(made)

    def _hire(self) -> bool:
        thread = threading.Thread(target=self._work, name="call", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            # Platforms limit how many a process may have. Those that there are take it when they are done.
            log.trouble("no further thread", threads=len(self._threads), reason=str(error))
            return False
        self._threads.append(thread)
        with self._lock:
            self._idle += 1
        return True

    def _work(self) -> None:
        while (made := self._tasks.get()) is not None:
            self._land(made, self._make(made))
            with self._lock:
                self._idle += 1

    def _make(self, made: Made) -> Answer | Failure:
        """What is left of a call: its answer if it was sent, else all of it, with its login if it needs one."""
        first = made.flight.items[0]
        try:
            if made.sent is not None:
                return made.sent.finish()
            if _is_late(made):
                # All threads were busy, perhaps for long.
                return _TOO_LATE
            request = _request(made.flight, made.at)
            return self._tokens.send(self._sender(made), first.connection.lane, first.manner.login, request)
        except Exception as error:  # noqa: BLE001  (one call that can't be made must not stop its thread)
            return _at_fault(made, error)

    def _sender(self, made: Made) -> Sender:
        connection = made.flight.items[0].connection
        return self._senders.of(made.lane.name, connection.base_url, connection.values.get("timeout"))

    def _land(self, made: Made, result: Answer | Failure) -> None:
        ended = time.monotonic()
        took = ended - made.began
        returned = list(_returned(made.flight, result, made.at, round(took * 1000)))
        if _shuts(returned[0]):
            made.lane.is_shut = True
        landed = Landed(lane=made.lane, flight=made.flight, result=result, returned=returned, at=ended, took=took)
        self._landed.put(landed)
        self._hub.over(made.lane)


def _is_late(made: Made) -> bool:
    return time.monotonic() >= made.flight.latest or made.lane.is_shut or made.began < made.lane.off


def _shuts(returned: Returned) -> bool:
    return isinstance(returned.outcome, Deferred) and returned.outcome.gate


def _at_fault(made: Made, error: Exception) -> Failure:
    log.fault("call failed", lane=made.lane.name)
    return Failure(sent=True, reason=f"a fault of Crossdock's own ({type(error).__name__}); please report it")


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
