"""A bound on a whole HTTP call, however slowly its answer trickles in: at its end the connection is cut.

A socket bounds only the silence between two bytes, and nothing while nobody reads from it. A call that outlasted its
lease could be made a second time by somebody else, so the bound has to hold from outside.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

_TICK_SECONDS = 0.1


class Watched(Protocol):
    """What has an end, on the monotonic clock."""

    ends: float

    def cut(self) -> None:
        """End it; called once more a moment later if it goes on."""


class DeadlineWatchdog:
    """Watches calls from one thread, which starts with the first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._calls: set[Watched] = set()
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, call: Watched) -> None:
        """Cut this call at its end, unless it is discarded before."""
        with self._lock:
            self._calls.add(call)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="watch", daemon=True)
                thread.start()
                self._thread = thread
        if not self._some.is_set():
            self._some.set()

    def discard(self, call: Watched) -> None:
        """It is over, and no longer cut: what it used may be used again."""
        with self._lock:
            self._calls.discard(call)

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._some.set()

    def _run(self) -> None:
        while self._some.wait():
            if self._closing:
                return
            with self._lock:
                if not self._calls:
                    self._some.clear()
                now = time.monotonic()
                late = [call for call in self._calls if call.ends < now]
            for call in late:
                self._cut(call)
            time.sleep(_TICK_SECONDS)

    def _cut(self, call: Watched) -> None:
        with self._lock:
            if call in self._calls:
                call.cut()
