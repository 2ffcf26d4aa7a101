"""Rate limiters of others, driving calls from threads.

`python -m benchmarks.stacks.limiters NAME URL COUNT SECONDS THREADS`; several processes may share one Redis. Both keep
a log of the moments at which calls were let go, in Redis, as their documentation shows it. After a 429 the thread that
met it waits as long as `Retry-After` asks, as any client should.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import requests
from limits import RateLimitItemPerSecond, storage, strategies
from pyrate_limiter import Limiter, Rate, RedisBucket
from redis import Redis
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK_SECONDS = 0.005


def of_limits(url: str, count: int, seconds: int) -> Callable[[], None]:
    """`limits`: the moving window; who is refused asks again when the window says that a place is free."""
    limiter = strategies.MovingWindowRateLimiter(storage.RedisStorage(url.replace("unix://", "redis+unix://")))
    item = RateLimitItemPerSecond(count, seconds)

    def wait() -> None:
        while not limiter.hit(item, "account"):
            reset = limiter.get_window_stats(item, "account").reset_time
            time.sleep(max(_TICK_SECONDS, reset - time.time()))

    return wait


def of_pyrate(url: str, count: int, seconds: int) -> Callable[[], None]:
    """`pyrate-limiter`: its Redis bucket; it waits by itself."""
    bucket = RedisBucket.init([Rate(count, seconds * 1000)], Redis.from_url(url), "account")
    limiter = Limiter(bucket)

    def wait() -> None:
        limiter.try_acquire("call")

    return wait


def main() -> None:
    """Call until ended."""
    name, url, count, seconds, threads = sys.argv[1:]
    make = {"limits": of_limits, "pyrate-limiter": of_pyrate}[name]
    wait = make(os.environ["REDIS_URL"], int(count), int(seconds))
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=int(threads)))

    def call() -> None:
        while True:
            wait()
            answer = session.post(url, json={"event": "Order Completed"}, timeout=15)
            time.sleep(float(answer.headers.get("Retry-After", 0)))

    for _ in range(int(threads)):
        threading.Thread(target=call, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
