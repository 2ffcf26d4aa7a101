"""The bound on the time of a whole HTTP call, however slowly its answer trickles in: then its connection is cut.

A socket bounds only the silence between two bytes, and nothing while nobody reads from it. A call that outlasted its
lease could be made a second time by somebody else, so the bound has to hold from outside.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

_TICK_SECONDS = 0.1


class Watched(Protocol):
    """What has to end in time: `ends` is on the monotonic clock, in seconds."""

    ends: float

    def cut(self) -> None:
        """End it; called again after a tenth of a second until it is discarded."""


class DeadlineWatchdog:
    """A thread that cuts calls at their end; it starts with the first call. Safe to use from any thread."""

    def __init__(self) -> None:
        self._calls: set[Watched] = set()
        self._lock = threading.Lock()
        self._has_calls = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, call: Watched) -> None:
        """Cut this call at its end, unless it is discarded before."""
        with self._lock:
            self._calls.add(call)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                thread.start()
                self._thread = thread
        if not self._has_calls.is_set():
            self._has_calls.set()

    def discard(self, call: Watched) -> None:
        """Never cut this call from now on: it is over, and what it used may be used again."""
        with self._lock:
            self._calls.discard(call)

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._has_calls.set()

    def _run(self) -> None:
        while self._has_calls.wait():
            if self._closing:
                return
            with self._lock:
                if not self._calls:
                    self._has_calls.clear()
                now = time.monotonic()
                late = [call for call in self._calls if call.ends < now]
            for call in late:
                self._cut(call)
            time.sleep(_TICK_SECONDS)

    def _cut(self, call: Watched) -> None:
        with self._lock:
            if call in self._calls:
                call.cut()
