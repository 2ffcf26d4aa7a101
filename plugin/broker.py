"""The bell: one RQ job for all that is due, however many webhooks rang.

A job carries nothing: SQL says what is due, so losing Redis loses nothing, and the clock rings again.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from redis import Redis, RedisError

from plugin.core import log

if TYPE_CHECKING:
    from rq import Queue

QUEUE = "crossdock"
ROUND = "plugin.runtime.worker.work"
# A round ends by itself long before; a job that outlives this belongs to a worker that hangs.
JOB_SECONDS = 720
_BELL = "crossdock:bell"
# If a bell's job is lost with its worker, ringing works again after this long.
_BELL_SECONDS = 5
_FAILURE_SECONDS = 3600
_MOST_JOBS = 8
# A Redis that is away would cost every webhook its time-out.
_SULK_SECONDS = 5.0
_PAUSE_SECONDS = 0.02


def queue(redis: Redis) -> Queue:
    """Return the one queue."""
    from rq import Queue  # noqa: PLC0415  (takes a while to load, and most commands wake nobody)
    from rq.serializers import JSONSerializer  # noqa: PLC0415  (the same)

    return Queue(QUEUE, connection=redis, serializer=JSONSerializer, default_timeout=JOB_SECONDS)


class WakeUp:
    """Rings for a round. Safe to use from any thread."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._silent_until = 0.0

    def ring(self) -> bool:
        """See to it that a round starts soon; only the first ring since the last round's start enqueues a job.

        Never raises for Redis: what is stored waits in SQL, and the clock finds it.
        """
        if time.monotonic() < self._silent_until:
            return False
        try:
            if not self._redis.set(_BELL, 1, nx=True, ex=_BELL_SECONDS):
                return False
            self._enqueue()
        except RedisError as error:
            self._silent_until = time.monotonic() + _SULK_SECONDS
            log.trouble("not rung", reason=type(error).__name__)
            return False
        return True

    def answer(self) -> None:
        """A round that starts takes the bell down before it looks, so that what comes later rings again."""
        self._redis.delete(_BELL)

    def _enqueue(self) -> None:
        """While no worker runs, a few jobs that wait are as good as thousands."""
        waiting = queue(self._redis)
        if waiting.count < _MOST_JOBS:
            waiting.enqueue(ROUND, result_ttl=0, failure_ttl=_FAILURE_SECONDS)


class WakeUpThread:
    """Rings the bell from a thread of its own, so that no webhook waits for Redis; rings close together become one."""

    def __init__(self, wake_up: WakeUp) -> None:
        self._wake_up = wake_up
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def soon(self) -> None:
        """Have the bell rung a moment later. The thread starts with the first call: a server may fork before."""
        if not self._wanted.is_set():
            self._wanted.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Ring once more if that is wanted, and end the thread."""
        with self._lock:
            if self._thread is not None:
                self._closing = True
                self._wanted.set()
                self._thread.join()
                self._thread = None

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            self._wake_up.ring()
            if self._closing:
                return
            # The first ring was at once; of those that follow closely, one does for all.
            time.sleep(_PAUSE_SECONDS)
