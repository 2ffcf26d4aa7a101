"""The rate limits that a lane keeps, and the policy by which what was deferred is tried again."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from plugin.core.errors import ConfigError

READ_SECONDS = 15.0  # an answer that takes longer counts as lost; leases outlast it
PATIENCE = timedelta(days=4)  # longer than a weekend, when whoever can mend it may be away
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` calls finished or in flight within any `seconds`.

    With a `burst` it is a leaky bucket instead: it holds that many calls and leaks `count` in `seconds`.
    """

    count: int
    seconds: int
    burst: int = 0

    _FORM: ClassVar = re.compile(r"(\d+)/(\d*)([smh])(?:\+(\d+))?")

    @classmethod
    def parse(cls, text: str) -> tuple[RateLimit, ...]:
        """Return the limits of `2000/5m`, `2/1s+40` (a bucket of 40) or `1/1s,9/1h`; else raise `ConfigError`."""
        return tuple(cls._parse_one(part.strip()) for part in text.split(","))

    @classmethod
    def _parse_one(cls, text: str) -> RateLimit:
        found = cls._FORM.fullmatch(text)
        count, span = (int(found[1]), int(found[2] or 1) * _UNITS[found[3]]) if found else (0, 0)
        burst = int(found[4]) if found and found[4] else 0
        if not count or not span or (found and found[4] and not burst):
            raise ConfigError(
                f"rate {text!r} is not N/Ts, N/Tm or N/Th, with +B for a bucket of B: write for example rate=2000/5m"
            )
        return cls(count, span, burst)

    @property
    def per_second(self) -> float:
        """The calls a second that it permits in the long run."""
        return self.count / self.seconds

    def __str__(self) -> str:
        bucket = f"+{self.burst}" if self.burst else ""
        for unit, size in (("h", 3600), ("m", 60)):
            if self.seconds % size == 0:
                return f"{self.count}/{self.seconds // size}{unit}{bucket}"
        return f"{self.count}/{self.seconds}s{bucket}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When what was deferred is tried again: pauses that double from `first` to `longest`, each drawn from 0 up to it.

    It is given up after `attempts` tries, or when it is older than `age`, whichever comes first.
    """

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(hours=1)
    attempts: int = 60
    age: timedelta = PATIENCE

    _FORM: ClassVar = re.compile(r"(\d+)([smhd])/(\d+)([smhd])/(\d+)/(\d+)([smhd])")

    @classmethod
    @functools.cache
    def parse(cls, text: str) -> RetryPolicy:
        """Return the policy in a text such as `2s/1h/60/4d`; raise `ConfigError` for anything else."""
        found = cls._FORM.fullmatch(text)
        if found is None or not all(int(found[i]) for i in (1, 3, 5, 6)):
            raise ConfigError(
                f"retry {text!r} is not FIRST/LONGEST/ATTEMPTS/AGE with pauses such as 30s, 5m, 1h or 4d: "
                f"write for example retry={RetryPolicy()}"
            )
        first, longest, age = (timedelta(seconds=int(found[i]) * _UNITS[found[i + 1]]) for i in (1, 3, 6))
        return cls(first=first, longest=longest, attempts=int(found[5]), age=age)

    def ceiling(self, attempts: int) -> timedelta:
        """Return the longest pause after so many tries."""
        doubled: timedelta = self.first * (1 << min(attempts, 20))
        return min(doubled, self.longest)

    def __str__(self) -> str:
        return f"{_span(self.first)}/{_span(self.longest)}/{self.attempts}/{_span(self.age)}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    unit = next(unit for unit in "dhms" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
