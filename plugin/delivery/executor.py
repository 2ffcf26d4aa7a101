"""The calls to vendors, made by the event loop, and by threads where they may block. None of it knows a database.

Only where a vendor wants a login, a thread looks for its token there, which is once an hour.
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
from plugin.core.redaction import response_text
from plugin.core.response import Failure, Response
from plugin.delivery.classify import outcome_of
from plugin.delivery.event_loop import EventLoop, RunningCall
from plugin.delivery.record import Returned
from plugin.transport.client import Clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.core.step import Request
    from plugin.delivery.lanes import Call, Lane
    from plugin.transport.call import InFlightCall
    from plugin.transport.client import Client
    from plugin.transport.login import Logins

_MOST_THREADS = 1024
# While much is on its way, what comes back is gathered for a while: a transaction costs the same for one as for many.
# Longer the more it is, as long as nothing else is to be done.
_GATHER_FROM = 8
_GATHER_SECONDS, LONGEST_GATHER = 0.0001, 0.01
_SHORTEST_GATHER = 0.001
_LOOK_AFTER_SECONDS = 0.05
_TOO_LATE = Failure(sent=False, reason="its turn came too late", late=True)


@dataclass(slots=True, kw_only=True)
class FinishedCall:
    """A call that is over: with its answer or without, and when that was on the monotonic clock."""

    lane: Lane
    call: Call
    result: Response | Failure
    returned: list[Returned]
    at: float
    took: float


class Executor:
    """Makes calls over connections that stay open. Made after a fork, never before.

    The event loop makes those that can't block it; each of the others is made whole on a thread. A pool of the standard
    library would make a future for every one of these, which costs more than the call's own bookkeeping.
    """

    def __init__(self, logins: Logins) -> None:
        self._logins = logins
        self._clients = Clients()
        self._finished: queue.SimpleQueue[FinishedCall] = queue.SimpleQueue()
        self._tasks: queue.SimpleQueue[RunningCall | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = 0
        self._event_loop = EventLoop(self)

    def serve_lane(self, lane: Lane, at_once: int) -> None:
        """Have the calls in a lane's queue made, so many at once."""
        lane.most = at_once
        self._event_loop.notice(lane)

    def collect(self, patience: float, in_flight: int) -> list[FinishedCall]:
        """Return the calls that are over; wait up to `patience` seconds for the first, less while any are in flight."""
        self._event_loop.replace_if_stalled()
        patience = min(patience, _LOOK_AFTER_SECONDS) if in_flight else patience
        ends = time.monotonic() + patience
        found: list[FinishedCall] = []
        try:
            found.append(self._finished.get(timeout=patience) if patience > 0 else self._finished.get_nowait())
            if in_flight >= _GATHER_FROM:
                wanted = min(in_flight * _GATHER_SECONDS, LONGEST_GATHER, ends - time.monotonic())
                time.sleep(max(wanted, _SHORTEST_GATHER))
            while True:
                found.append(self._finished.get_nowait())
        except queue.Empty:
            return found

    def close(self) -> None:
        """Close every connection and end the threads."""
        self._event_loop.close()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._clients.close()

    def begin(self, lane: Lane, call: Call) -> RunningCall:
        """Send a call for the event loop; leave it to a thread if it may block, and send none that comes too late."""
        running = RunningCall(lane=lane, call=call, at=datetime.now(UTC), began=time.monotonic())
        if _is_late(running):
            self._finish(running, _TOO_LATE)
            return running
        started = self._start(running)
        if started is None:
            self._leave_to_thread(running)
        elif isinstance(started, Failure):
            self._finish(running, started)
        else:
            running.sent = started
        return running

    def end(self, running: RunningCall) -> None:
        """Read the answer of what `begin` has sent, on a thread if its lane stalled the loop. For the event loop."""
        if time.monotonic() < running.lane.left_alone_until:
            self._leave_to_thread(running)
        else:
            self._finish(running, self._make(running))

    def _start(self, running: RunningCall) -> InFlightCall | Failure | None:
        profile = running.call.items[0].profile
        if profile.login is not None or running.call.batch is not None or running.began < running.lane.left_alone_until:
            return None
        try:
            return self._client(running).start(_request(running.call, running.at))
        except Exception as error:  # noqa: BLE001  (one call that can't be made must not stop every lane)
            return _at_fault(running, error)

    def _leave_to_thread(self, running: RunningCall) -> None:
        """Leave a call to a thread, a new one if all are busy; where there can be none at all, it is over."""
        with self._lock:
            self._idle -= 1
            wants_more = self._idle < 0 and len(self._threads) < _MOST_THREADS
        if wants_more and not self._add_thread() and not self._threads:
            with self._lock:
                self._idle += 1
            self._finish(running, Failure(sent=running.sent is not None, reason="no thread can be started here"))
        else:
            self._tasks.put(running)

    def _add_thread(self) -> bool:
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
        while (running := self._tasks.get()) is not None:
            self._finish(running, self._make(running))
            with self._lock:
                self._idle += 1

    def _make(self, running: RunningCall) -> Response | Failure:
        """Do what is left of a call, which is all of it if it was not sent, and return its answer."""
        first = running.call.items[0]
        try:
            if running.sent is not None:
                return running.sent.finish()
            if _is_late(running):
                # All threads were busy, perhaps for long.
                return _TOO_LATE
            request = _request(running.call, running.at)
            return self._logins.send(self._client(running).send, first.connection.lane, first.profile.login, request)
        except Exception as error:  # noqa: BLE001  (one call that can't be made must not stop its thread)
            return _at_fault(running, error)

    def _client(self, running: RunningCall) -> Client:
        connection = running.call.items[0].connection
        return self._clients.of(running.lane.name, connection.base_url, connection.values.get("timeout"))

    def _finish(self, running: RunningCall, result: Response | Failure) -> None:
        ended = time.monotonic()
        took = ended - running.began
        returned = list(_returned(running.call, result, running.at, round(took * 1000)))
        if _blocks(returned[0]):
            running.lane.loop.shut_at = time.monotonic()
        finished = FinishedCall(
            lane=running.lane, call=running.call, result=result, returned=returned, at=ended, took=took
        )
        self._finished.put(finished)
        self._event_loop.over(running.lane)


def _is_late(running: RunningCall) -> bool:
    """Return whether a call's turn is over, its lane is shut by a vendor's refusal, or it was called off meanwhile."""
    lane, called_off_at = running.lane, running.lane.called_off_at
    return time.monotonic() >= running.call.latest or lane.loop.shut_at > called_off_at or running.began < called_off_at


def _blocks(returned: Returned) -> bool:
    return isinstance(returned.outcome, Deferred) and returned.outcome.block


def _at_fault(running: RunningCall, error: Exception) -> Failure:
    log.fault("call failed", lane=running.lane.name)
    return Failure(sent=True, reason=f"a fault of Crossdock's own ({type(error).__name__}); please report it")


def _request(call: Call, at: datetime) -> Request:
    if call.batch is None:
        return call.items[0].request
    bodies = [body for item in call.items if isinstance(body := item.request.body, bytes)]
    return call.batch.bundle(bodies, at)


def _returned(call: Call, result: Response | Failure, at: datetime, milliseconds: int) -> Iterator[Returned]:
    crowd = len(call.items)
    kept_response = response_text(result, call.items[0].vendor.public_keys) if isinstance(result, Response) else None
    for number, item in enumerate(call.items, 1):
        yield Returned(
            item=item,
            outcome=outcome_of(item, result),
            result=result,
            at=at,
            milliseconds=milliseconds,
            crowd=crowd,
            number=number,
            kept_response=kept_response,
        )
