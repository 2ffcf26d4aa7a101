"""The hub: one thread that sends calls over open connections and reads their answers, for all lanes.

It waits for nothing but its selector. Whatever may block is left to threads: see `plugin/flow/crew.py`. Should a call
hold it up nevertheless, another thread becomes the hub, and that lane's calls are left to threads for a while.
"""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from plugin import log

if TYPE_CHECKING:
    from datetime import datetime

    from plugin.flow.lanes import Flight, Lane
    from plugin.http import Sent

# Calls over all lanes, each of which has a connection. One lane never takes them all: beyond this many a lane gets its
# first one only.
_CROWDED = 640
# A hub that is busy with one call for longer is held up by it.
_HELD_UP_SECONDS = 0.1
_LEFT_ALONE_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class Made:
    """A call that is being made, since `began` on the monotonic clock; once it was sent its answer is read from it."""

    lane: Lane
    flight: Flight
    at: datetime
    began: float
    sent: Sent | None = None


class Maker(Protocol):
    """What the hub has done with flights. Nothing of it raises."""

    def begin(self, lane: Lane, flight: Flight) -> Made:
        """Take a flight out of its lane's queue. What is not sent afterwards was given to a thread, or is over."""

    def end(self, made: Made) -> None:
        """Read the answer that is there, or have a thread read it, and land."""


@dataclass(slots=True)
class _Turn:
    """One thread's time as the hub; the lane that it serves at this moment, and since when."""

    lane: Lane | None = None
    since: float = 0.0


class Hub:
    """Makes the calls of all lanes, as many of each at once as `lane.most`. Made after a fork, never before."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._inbox: queue.SimpleQueue[tuple[Lane, int]] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._listening, self._waking = socket.socketpair()
        for one in (self._listening, self._waking):
            one.setblocking(False)  # noqa: FBT003  (the standard library's own form)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._waits = False
        self._closing = False
        self._active = 0
        self._lock = threading.Lock()
        self._turn: _Turn | None = None
        self._thread: threading.Thread | None = None

    def call(self, lane: Lane) -> None:
        """Have an eye on a lane: there may be something in its queue, or it may have more calls at once."""
        if self._turn is None:
            with self._lock:
                self._appoint()
        self._tell(lane, 0)

    def over(self, lane: Lane) -> None:
        """A call of this lane is over. From any thread."""
        self._tell(lane, 1)

    def relieve(self) -> None:
        """See to it that a hub which is held up is replaced."""
        with self._lock:
            turn = self._turn
            if turn is None or turn.lane is None or time.monotonic() - turn.since < _HELD_UP_SECONDS:
                return
            lane = turn.lane
            lane.left_alone_until = time.monotonic() + _LEFT_ALONE_SECONDS
            try:
                self._appoint()
            except RuntimeError as error:
                # Platforms limit how many threads a process may have; then it has to go on with this one.
                log.trouble("hub not relieved", lane=lane.name, reason=str(error))
        self._tell(lane, 0)

    def close(self) -> None:
        """End the thread; nothing is on its way any more."""
        self._closing = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self._selector.close()
        self._listening.close()
        self._waking.close()

    def _appoint(self) -> None:
        turn = _Turn()
        thread = threading.Thread(target=self._run, args=(turn,), name="hub", daemon=True)
        thread.start()
        self._turn, self._thread = turn, thread

    def _tell(self, lane: Lane, over: int) -> None:
        self._inbox.put((lane, over))
        if self._waits:
            self._wake()

    def _wake(self) -> None:
        # A full buffer wakes as well, and a closed hub has nothing to wake for.
        with contextlib.suppress(OSError):
            self._waking.send(b"!")

    def _run(self, turn: _Turn) -> None:
        while self._listen(turn) and not self._closing:
            self._waits = True
            ready = self._selector.select(None if self._inbox.empty() else 0)
            self._waits = False
            for key, _ in ready:
                if key.data is None:
                    with contextlib.suppress(BlockingIOError):
                        self._listening.recv(4096)
                elif not (self._read(turn, key.data) and self._listen(turn)):
                    # The next call goes out before the next answer is read: the vendor is to work meanwhile.
                    return

    def _listen(self, turn: _Turn) -> bool:
        """Serve the lanes that called; return whether we still are the hub."""
        while True:
            try:
                lane, over = self._inbox.get_nowait()
            except queue.Empty:
                return True
            lane.active -= over
            self._active -= over
            while lane.queue and lane.active < lane.most and (self._active < _CROWDED or not lane.active):
                lane.active += 1
                self._active += 1
                if not self._send(turn, lane):
                    return False

    def _send(self, turn: _Turn, lane: Lane) -> bool:
        # Taken before it can be held up by it: whoever relieves us then finds only what is left.
        flight = lane.queue.popleft()
        turn.since, turn.lane = time.monotonic(), lane
        made = self._maker.begin(lane, flight)
        if made.sent is not None:
            self._selector.register(made.sent, selectors.EVENT_READ, made)
        return self._goes_on(turn)

    def _read(self, turn: _Turn, made: Made) -> bool:
        if made.sent is not None:
            self._selector.unregister(made.sent)
            turn.since, turn.lane = time.monotonic(), made.lane
            self._maker.end(made)
        return self._goes_on(turn)

    def _goes_on(self, turn: _Turn) -> bool:
        with self._lock:
            turn.lane = None
            return self._turn is turn
