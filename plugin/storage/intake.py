"""Group commit: webhooks that arrive together are committed together, by one writer thread in each web process.

A commit costs a disk flush however much is in it. While one is under way others arrive and wait for the next.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING

from plugin.errors import Unavailable

if TYPE_CHECKING:
    from plugin.storage.inbox import Inbox, Incoming

# More than this in one transaction would make its first webhook wait for its last.
_LARGEST_GROUP = 256
# Storefronts give up after 5 seconds; what is committed later than that comes again and is stored once.
_PATIENCE_SECONDS = 20.0
_GATHER_SECONDS = 0.002


class _Waiting:
    """One webhook and whoever waits for it; a bare lock costs a quarter of what a future does."""

    __slots__ = ("error", "incoming", "is_new", "stored")

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming
        self.is_new = False
        self.error: Exception | None = None
        self.stored = threading.Lock()
        self.stored.acquire()


class Intake:
    """Stores webhooks one by one as its callers see it, in groups as the database sees it. Safe to use from any thread.

    The thread starts with the first webhook, so that a server may fork before.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_crowded = False

    def put(self, incoming: Incoming) -> bool:
        """Return once the webhook is committed, with whether it was new; raise `Unavailable` if it could not be."""
        self._start()
        waiting = _Waiting(incoming)
        self._queue.put(waiting)
        if not waiting.stored.acquire(timeout=_PATIENCE_SECONDS):
            raise Unavailable("the database takes too long")
        if waiting.error is not None:
            raise waiting.error
        return waiting.is_new

    def close(self) -> None:
        """Commit what is waiting and end the thread."""
        with self._lock:
            if self._thread is not None:
                self._queue.put(None)
                self._thread.join()
                self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            ends = self._commit(self._group(first))
            if ends:
                return

    def _group(self, first: _Waiting) -> list[_Waiting | None]:
        group: list[_Waiting | None] = [first]
        if self._is_crowded:
            # Whoever was answered just now is about to send the next one: waiting for it saves a transaction each.
            time.sleep(_GATHER_SECONDS)
        try:
            while len(group) < _LARGEST_GROUP and group[-1] is not None:
                group.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        self._is_crowded = len(group) > 1
        return group

    def _commit(self, group: list[_Waiting | None]) -> bool:
        """Commit a group and tell everybody in it; return whether it held the sign to end."""
        waiting = [one for one in group if one is not None]
        try:
            new = self._inbox.put([one.incoming for one in waiting])
        except Exception as error:  # noqa: BLE001  (whoever waits must hear of it, whatever it is)
            for one in waiting:
                one.error = error
        else:
            for one, is_new in zip(waiting, new, strict=True):
                one.is_new = is_new
        for one in waiting:
            one.stored.release()
        return len(waiting) < len(group)
