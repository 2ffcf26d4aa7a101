"""RQ's queue and the wake-up: one job for all that is due, however many webhooks asked for it.

A job carries nothing: SQL says what is due, so losing Redis loses nothing, and the clock wakes again. While Redis
is away, one worker goes on without it: `plugin.runtime.worker`.
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
_KEY = "crossdock:wake-up"
# If a job is lost with its worker, a wake-up enqueues another after this long.
_SET_SECONDS = 5
_FAILURE_SECONDS = 3600
_MOST_JOBS = 8
# A Redis that is away would cost every webhook its time-out.
_BACK_OFF_SECONDS = 5.0
_PAUSE_SECONDS = 0.02


def queue(redis: Redis) -> Queue:
    """Return the one queue, as this connection to Redis sees it."""
    from rq import Queue  # noqa: PLC0415  (takes a while to load, and most commands wake nobody)
    from rq.serializers import JSONSerializer  # noqa: PLC0415  (the same)

    return Queue(QUEUE, connection=redis, serializer=JSONSerializer, default_timeout=JOB_SECONDS)


class WakeUp:
    """Has a worker start a round. Safe to use from any thread."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._silent_until = 0.0

    def send(self) -> bool:
        """Have a round started soon; return whether a job was enqueued: only the first since a round's start does.

        Never raises for Redis: what is stored waits in SQL, and the clock finds it.
        """
        if time.monotonic() < self._silent_until:
            return False
        try:
            if not self._redis.set(_KEY, 1, nx=True, ex=_SET_SECONDS):
                return False
            self._enqueue()
        except RedisError as error:
            self._silent_until = time.monotonic() + _BACK_OFF_SECONDS
            log.trouble("wake-up not sent", reason=type(error).__name__)
            return False
        return True

    def clear(self) -> None:
        """Let the next wake-up enqueue a job again: a round that starts does so before it looks at what is due."""
        self._redis.delete(_KEY)

    def _enqueue(self) -> None:
        """Enqueue a job, unless several wait already because no worker runs."""
        waiting = queue(self._redis)
        if waiting.count < _MOST_JOBS:
            waiting.enqueue(ROUND, result_ttl=0, failure_ttl=_FAILURE_SECONDS)


class WakeUpThread:
    """Sends wake-ups from a thread of its own, so that no webhook waits for Redis; those close together become one."""

    def __init__(self, wake_up: WakeUp) -> None:
        self._wake_up = wake_up
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False

    def soon(self) -> None:
        """Have a wake-up sent a moment later. The thread starts with the first call: a server may fork before."""
        if not self._wanted.is_set():
            self._wanted.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="wake-up", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Send a last wake-up if one is wanted, and end the thread."""
        with self._lock:
            if self._thread is not None:
                self._closing = True
                self._wanted.set()
                self._thread.join()
                self._thread = None

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            self._wake_up.send()
            if self._closing:
                return
            # The first was sent at once; of those that follow closely, one does for all.
            time.sleep(_PAUSE_SECONDS)
