"""The worker process: RQ's worker while there is a Redis, and the clock's own rounds while there is none."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import rq
from redis import ConnectionError as RedisConnectionError
from redis import Redis, RedisError
from redis import TimeoutError as RedisTimeoutError
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from plugin.broker import QUEUE
from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.delivery.round import Worker
from plugin.limiter.local_limiter import LocalLimiter
from plugin.runtime import crash_points
from plugin.runtime.process_tuning import collect_rarely, keep_to_one
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import require_schema

if TYPE_CHECKING:
    from types import FrameType

    from plugin.limiter.redis_limiter import RedisLimiter


_RETRY_SECONDS = 2.0
# How long a round without Redis goes on before it looks whether Redis is back.
_ROUND_SECONDS = 5.0
_AWAY = (RedisConnectionError, RedisTimeoutError)


class _Queue(rq.Queue):
    """RQ's queue; a Redis that is gone ends the worker's wait, where RQ would only wait for longer and longer."""

    @classmethod
    def dequeue_any(cls, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  (passed on)
        try:
            return super().dequeue_any(*arguments, **options)
        except _AWAY:
            raise StopRequested from None


class _RoundWorker(rq.Worker):
    """RQ's worker, one fork for each round: even if the worker is killed, its round records its calls in flight."""

    was_asked_to_stop = False
    queue_class = _Queue

    def heartbeat(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        """Note in Redis that this worker lives, for RQ's own tools; end its wait when Redis is gone."""
        try:
            super().heartbeat(*arguments, **options)
        except _AWAY:
            raise StopRequested from None

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Have the running round end early, then stop as RQ does."""
        self.was_asked_to_stop = True
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def run(settings: Settings) -> None:
    """Work until the process is asked to stop; wait for a database that is away."""
    crash_points.install(settings.die_at)
    while not _work(settings):
        pass


def _work(settings: Settings) -> bool:
    """Work with Redis until it is gone, then without it until it is back; return whether to stop."""
    try:
        opened = Services.open(settings)
        try:
            require_schema(opened.database)
        finally:
            # Open connections must not be shared with the forks to come.
            opened.close()
        if _with_redis(settings.redis_address):
            return True
    except (RedisError, Unavailable) as error:
        log.trouble("worker waits", reason=type(error).__name__)
    # RQ's own handlers would still wait for a worker that has ended.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _work_without_redis(settings)
    except Unavailable as error:
        log.trouble("worker waits", reason=str(error))
    time.sleep(_RETRY_SECONDS)
    return False


def _with_redis(address: str) -> bool:
    # RQ waits on its own connection for longer than ours may take.
    connection = Redis.from_url(address)
    waiting = _Queue(QUEUE, connection=connection, serializer=JSONSerializer)
    worker = _RoundWorker([waiting], connection=connection, serializer=JSONSerializer)
    worker.work(logging_level="WARNING")
    return worker.was_asked_to_stop


def _work_without_redis(settings: Settings) -> bool:
    """Run rounds until Redis answers, unless another worker does so already; return whether to stop."""
    opened = Services.open(settings)
    try:
        with opened.database.held("alone", settings.data_dir) as ours:
            if ours and not _answers(opened.redis):
                return _rounds_without(opened)
    finally:
        opened.close()
    time.sleep(_RETRY_SECONDS)
    return False


def _rounds_without(opened: Services) -> bool:
    log.trouble("worker goes on without Redis")
    collect_rarely()
    limiter = LocalLimiter()
    worker = Worker(replace(opened, limiter=limiter))
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    signal.signal(signal.SIGINT, lambda *_: worker.stopping.set())
    try:
        while not worker.stopping.is_set() and not _answers(opened.redis):
            worker.round(_ROUND_SECONDS)
            worker.stopping.wait(1.0)
        _hand_over(limiter, opened.limiter)
        return worker.stopping.is_set()
    finally:
        worker.close()


def _hand_over(limiter: LocalLimiter, to: RedisLimiter | LocalLimiter) -> None:
    if not isinstance(to, LocalLimiter):
        with contextlib.suppress(RedisError):
            limiter.hand_over(to)


def _answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def work() -> None:
    """Run one round, as the RQ job. SIGTERM ends it early, once every call in flight is recorded.

    What goes wrong is logged by its kind alone: RQ would keep the text of an exception, which may quote a document.
    """
    collect_rarely()
    settings = Settings.from_env()
    # The round and the event loop take turns at Python's lock.
    keep_to_one(settings.data_dir)
    services = Services.open(settings)
    worker = Worker(services)
    signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
    try:
        services.wake_up.clear()
        if worker.round() and not worker.stopping.is_set():
            services.wake_up.send()
    except (RedisError, Unavailable) as error:
        log.trouble("round ended early", reason=type(error).__name__)
    except Exception:  # noqa: BLE001  (the clock wakes again)
        log.fault("round failed")
    finally:
        worker.close()
        services.close()
