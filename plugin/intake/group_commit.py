"""Group commit: webhooks that arrive together are committed together, by one writer thread in each web process.

A commit costs a disk flush however much is in it. While one is under way others arrive and wait for the next.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from plugin.core.errors import Unavailable

if TYPE_CHECKING:
    from plugin.storage.inbox import Inbox, Incoming

# More than this in one transaction would make its first webhook wait for its last.
_LARGEST_GROUP = 256
# Storefronts give up after 5 seconds; what is committed later than that comes again and is stored once.
_PATIENCE_SECONDS = 20.0
# How long the writer waits for the next webhook of those it expects, and for all of them.
_QUIET_SECONDS, _GATHER_SECONDS = 0.001, 0.02


class _Waiting:
    """A webhook and whoever waits for it; a bare lock costs a quarter of what a future does."""

    __slots__ = ("error", "incoming", "is_new", "stored")

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming
        self.is_new = False
        self.error: Exception | None = None
        self.stored = threading.Lock()
        self.stored.acquire()


class GroupCommit:
    """A writer that is given one webhook at a time and commits them in groups. Safe to use from any thread.

    The thread starts with the first webhook, so that a server may fork before.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._arrived = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._queue: list[_Waiting] = []
        # With how many in the queue the writer is to be woken.
        self._awaited = 1
        self._expected = 1
        self._ends = False

    def put(self, incoming: Incoming) -> bool:
        """Return once the webhook is committed, with whether it was new; raise `Unavailable` if it could not be."""
        waiting = _Waiting(incoming)
        with self._arrived:
            if self._thread is None:
                self._start()
            self._queue.append(waiting)
            if len(self._queue) == self._awaited:
                self._arrived.notify()
        if not waiting.stored.acquire(timeout=_PATIENCE_SECONDS):
            raise Unavailable("the database takes too long")
        if waiting.error is not None:
            raise waiting.error
        return waiting.is_new

    def close(self) -> None:
        """Commit what is waiting and end the thread; what comes later has another one started."""
        with self._arrived:
            thread, self._ends = self._thread, True
            self._arrived.notify()
        if thread is not None:
            thread.join()
        self._ends = False

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="intake", daemon=True)
        # Where not one more can be started now, the next webhook tries again.
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        while group := self._group():
            self._commit(group)

    def _group(self) -> list[_Waiting]:
        """Wait for webhooks and take those that are to be committed together; none at the end."""
        with self._arrived:
            self._awaited = 1
            while not self._queue and not self._ends:
                self._arrived.wait()
            self._gather()
            group, self._queue = self._queue[:_LARGEST_GROUP], self._queue[_LARGEST_GROUP:]
            if not group:
                self._thread = None
            return group

    def _gather(self) -> None:
        """Wait for the webhooks that are about to come, as long as one comes each millisecond.

        Whoever was answered just now is about to send the next one: waiting for it saves a transaction each, and
        nobody disturbs the writer once all of them wait.
        """
        self._awaited = self._expected
        latest = time.monotonic() + _GATHER_SECONDS
        while (count := len(self._queue)) < self._expected and not self._ends:
            self._arrived.wait(_QUIET_SECONDS)
            if len(self._queue) == count or time.monotonic() > latest:
                break

    def _commit(self, group: list[_Waiting]) -> None:
        """Commit a group and wake everybody who waits for it, with the result or the error."""
        try:
            new = self._inbox.put([one.incoming for one in group])
        except Exception as error:  # noqa: BLE001  (whoever waits must hear of it, whatever it is)
            for one in group:
                one.error = error
        else:
            for one, is_new in zip(group, new, strict=True):
                one.is_new = is_new
        self._expected = min(len(group) + len(self._queue), _LARGEST_GROUP)
        for one in group:
            one.stored.release()
