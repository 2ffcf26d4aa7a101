"""The strictest reading of "N requests in any T seconds": a sliding log per account."""

import math
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `count` requests in any `seconds`, whatever moment the window starts at."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or self.seconds <= 0:
            raise ValueError("limits: count must be at least 1 and seconds more than 0")


class Window:
    """Counts what each account was granted; a refused request is not counted.

    A request is stamped when it arrives here, so a client that stamps when it sends is caught by network jitter.
    """

    def __init__(self, limit: Limit | None) -> None:
        self.limit = limit
        self._granted: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def admit(self, account: str) -> int | None:
        """Grant one request, or return the whole seconds after which one is free again."""
        with self._lock:
            if self.limit is None:
                return None
            now, granted = time.monotonic(), self._granted[account]
            while granted and granted[0] <= now - self.limit.seconds:
                granted.popleft()
            if len(granted) < self.limit.count:
                granted.append(now)
                return None
            return max(1, math.ceil(granted[-self.limit.count] + self.limit.seconds - now))

    def left(self, account: str) -> tuple[int, float]:
        """Return how many requests are still free, and the seconds until all of them are again."""
        with self._lock:
            if self.limit is None:
                raise ValueError("there is no limit")
            now, granted = time.monotonic(), self._granted[account]
            counted = [moment for moment in granted if moment > now - self.limit.seconds]
            wait = max(counted) + self.limit.seconds - now if counted else 0.0
            return max(0, self.limit.count - len(counted)), wait

    def set(self, limit: Limit | None) -> None:
        """Replace the limit; what was granted before still counts against the new one."""
        with self._lock:
            self.limit = limit

    def clear(self) -> None:
        """Forget every request granted so far."""
        with self._lock:
            self._granted.clear()
