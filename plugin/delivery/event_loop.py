"""The event loop: one thread that sends calls over open connections and reads their answers, for all lanes.

It waits for nothing but answers, lanes that have something to send, and the moments of calls. Whatever may block is
left to the threads of `plugin/delivery/executor.py`. Should a call stall the loop nevertheless, another thread takes
its place, and that lane's calls are left to threads for a while.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import queue
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from plugin.core import log

if TYPE_CHECKING:
    from datetime import datetime

    from plugin.delivery.lanes import Call, Lane
    from plugin.transport.call import InFlightCall

# Calls over all lanes, each of which has a connection. One lane never takes them all: beyond this many a lane gets its
# first one only.
_CROWDED = 640
# A loop that is busy with one call for longer is stalled by it.
_STALLED_SECONDS = 0.1
_LEFT_ALONE_SECONDS = 60.0
# What the standard library's selectors put around these takes as long as the kernel itself, for every call.
if sys.platform == "linux":
    _listening_point, _SECOND = select.epoll, 1.0
else:
    _listening_point, _SECOND = select.poll, 1000.0


@dataclass(slots=True, kw_only=True)
class RunningCall:
    """A call that is being made, since `began` on the monotonic clock; once it was sent its answer is read from it."""

    lane: Lane
    call: Call
    at: datetime
    began: float
    sent: InFlightCall | None = None


class CallHandler(Protocol):
    """What the event loop does with calls. Nothing of it raises."""

    def begin(self, lane: Lane, call: Call) -> RunningCall:
        """Start a call that was taken from its lane's queue. One without `sent` was left to a thread, or is over."""

    def end(self, running: RunningCall) -> None:
        """Read the answer that is there, or have a thread read it, and finish the call."""


@dataclass(slots=True)
class _Turn:
    """One thread's time as the event loop: the lane that it serves at this moment, and since when."""

    lane: Lane | None = None
    since: float = 0.0


class EventLoop:
    """Makes the calls of all lanes, as many of each at once as `lane.most`. Made after a fork, never before."""

    def __init__(self, handler: CallHandler) -> None:
        self._handler = handler
        self._inbox: queue.SimpleQueue[tuple[Lane, int]] = queue.SimpleQueue()
        self._poller = _listening_point()
        # What is waited for, by the number of its connection; and the lanes with a call whose moment is still to come.
        self._pending: dict[int, RunningCall] = {}
        self._timers: list[tuple[float, int, Lane]] = []
        self._numbers = itertools.count()
        self._listening, self._waking = socket.socketpair()
        for one in (self._listening, self._waking):
            one.setblocking(False)  # noqa: FBT003  (the standard library's own form)
        self._poller.register(self._listening, select.POLLIN)
        self._waits = False
        self._closing = False
        self._active = 0
        self._lock = threading.Lock()
        self._turn: _Turn | None = None
        self._thread: threading.Thread | None = None

    def notice(self, lane: Lane) -> None:
        """Have the loop look at a lane: there may be something in its queue, or it may have more calls at once."""
        if self._turn is None:
            with self._lock:
                self._start_thread()
        self._notify(lane, 0)

    def over(self, lane: Lane) -> None:
        """Count a call of this lane as over. From any thread."""
        self._notify(lane, 1)

    def replace_if_stalled(self) -> None:
        """Start another thread as the event loop if one call has stalled it.

        The stalled call's lane is left to the executor's threads for `_LEFT_ALONE_SECONDS`.
        """
        with self._lock:
            turn = self._turn
            if turn is None or turn.lane is None or time.monotonic() - turn.since < _STALLED_SECONDS:
                return
            lane = turn.lane
            lane.left_alone_until = time.monotonic() + _LEFT_ALONE_SECONDS
            try:
                self._start_thread()
            except RuntimeError as error:
                # Platforms limit how many threads a process may have; then it has to go on with this one.
                log.trouble("event loop not replaced", lane=lane.name, reason=str(error))
        self._notify(lane, 0)

    def close(self) -> None:
        """End the thread; nothing is on its way any more."""
        self._closing = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        if sys.platform == "linux":
            self._poller.close()
        self._listening.close()
        self._waking.close()

    def _start_thread(self) -> None:
        turn = _Turn()
        thread = threading.Thread(target=self._run, args=(turn,), name="event loop", daemon=True)
        thread.start()
        self._turn, self._thread = turn, thread

    def _notify(self, lane: Lane, over: int) -> None:
        self._inbox.put((lane, over))
        if self._waits:
            self._wake()

    def _wake(self) -> None:
        # A full buffer wakes as well, and a closed loop has nothing to wake for.
        with contextlib.suppress(OSError):
            self._waking.send(b"!")

    def _run(self, turn: _Turn) -> None:
        while self._listen(turn) and self._serve_due(turn) and not self._closing:
            self._waits = True
            ready = self._poller.poll(self._patience() if self._inbox.empty() else 0)
            self._waits = False
            for number, _ in ready:
                running = self._pending.pop(number, None)
                if running is None:
                    with contextlib.suppress(BlockingIOError):
                        self._listening.recv(4096)
                elif not (self._read(turn, number, running) and self._listen(turn)):
                    # The next call goes out before the next answer is read: the vendor is to work meanwhile.
                    return

    def _patience(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) * _SECOND if self._timers else None

    def _listen(self, turn: _Turn) -> bool:
        """Serve the lanes that were notified; return whether this thread still is the event loop."""
        while True:
            try:
                lane, over = self._inbox.get_nowait()
            except queue.Empty:
                return True
            lane.loop.active -= over
            self._active -= over
            if not self._serve(turn, lane):
                return False

    def _serve_due(self, turn: _Turn) -> bool:
        """Serve the lanes whose next call's moment has come; return whether this thread still is the event loop."""
        while self._timers and self._timers[0][0] <= time.monotonic():
            at, _, lane = heapq.heappop(self._timers)
            if lane.loop.timer_at == at:
                lane.loop.timer_at = 0.0
            if not self._serve(turn, lane):
                return False
        return True

    def _serve(self, turn: _Turn, lane: Lane) -> bool:
        state = lane.loop
        while lane.queue and state.active < lane.most and (self._active < _CROWDED or not state.active):
            moment = lane.queue[0].earliest
            if moment > time.monotonic():
                if not state.timer_at or moment < state.timer_at:
                    state.timer_at = moment
                    heapq.heappush(self._timers, (moment, next(self._numbers), lane))
                return True
            state.active += 1
            self._active += 1
            if not self._send(turn, lane):
                return False
        return True

    def _send(self, turn: _Turn, lane: Lane) -> bool:
        # Taken before it can be held up by it: whoever replaces us then finds only what is left.
        call = lane.queue.popleft()
        turn.since, turn.lane = time.monotonic(), lane
        running = self._handler.begin(lane, call)
        if running.sent is not None:
            number = running.sent.fileno()
            self._pending[number] = running
            self._poller.register(number, select.POLLIN)
        goes_on = self._goes_on(turn)
        if not goes_on:
            # Where there is no epoll, whoever replaced us waits for what was known when it began to.
            self._wake()
        return goes_on

    def _read(self, turn: _Turn, number: int, running: RunningCall) -> bool:
        self._poller.unregister(number)
        turn.since, turn.lane = time.monotonic(), running.lane
        self._handler.end(running)
        return self._goes_on(turn)

    def _goes_on(self, turn: _Turn) -> bool:
        with self._lock:
            turn.lane = None
            return self._turn is turn
