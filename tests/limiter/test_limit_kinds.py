"""Limits that are no plain windows: leaky buckets, what a vendor's headers leave, and the credit for the round trip."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from plugin.core.errors import ConfigError
from plugin.core.rates import RateLimit
from plugin.limiter.redis_limiter import Completion, Grant, RedisLimiter, RemainingQuota, SlotRequest, Used
from tests.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Backend

LANE = "vendor:1@example.com"
WIDE = RateLimit(1000, 1)
MINUTE = RateLimit(1, 60)


@pytest.fixture
def limiter(embedded: Backend) -> Iterator[RedisLimiter]:
    """Build the limiter on an empty Redis."""
    with Redis.from_url(embedded.redis_url) as client:
        client.flushdb()
        yield RedisLimiter(client, timedelta(seconds=60))


def ask(limiter: RedisLimiter, want: int, *limits: RateLimit, learns: bool = False) -> Grant:
    """Return what the lane is granted at once."""
    return limiter.reserve([SlotRequest(lane=LANE, limits=limits, want=want, learns=learns)])[0]


def over(
    limiter: RedisLimiter,
    grant: Grant,
    *limits: RateLimit,
    took: float | None = None,
    left: RemainingQuota | None = None,
) -> None:
    """End the calls of a grant; `took` is in seconds."""
    trip = None if took is None else timedelta(seconds=took)
    limiter.finish(
        [Completion(lane=LANE, limits=limits, used=[Used(slot=slot, took=trip) for slot in grant.slots], left=left)]
    )


def test_a_bucket_takes_what_it_holds_at_once_and_then_what_leaks(limiter: RedisLimiter) -> None:
    """Forty at once and two a second from then on, as `2/1s+40` says."""
    bucket = RateLimit.parse("10/1s+5")[0]
    first = ask(limiter, 9, bucket)
    assert len(first.slots) == 5
    over(limiter, first, bucket)
    began = time.monotonic()
    full = ask(limiter, 9, bucket)
    assert full.slots == ()
    assert timedelta(0) < full.wait <= timedelta(seconds=0.11)
    taken: list[str] = []

    def filled() -> bool:
        grant = ask(limiter, 1, bucket)
        over(limiter, grant, bucket)
        taken.extend(grant.slots)
        return len(taken) == 5

    wait_until(filled)
    assert time.monotonic() - began >= 0.4


def test_a_call_in_flight_does_not_leak(limiter: RedisLimiter) -> None:
    """It may arrive at the vendor at any moment, so the bucket is as full as if it had just arrived."""
    bucket = RateLimit(100, 1, 2)
    assert len(ask(limiter, 9, bucket).slots) == 2
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 0.1)
    assert ask(limiter, 1, bucket).slots == ()


@pytest.mark.parametrize("text", ["2/1s+0", "2/1s+", "+40", "2+40"])
def test_a_bucket_that_is_none_is_refused(text: str) -> None:
    """With what would be right."""
    with pytest.raises(ConfigError, match="2000/5m"):
        RateLimit.parse(text)


def test_what_the_vendor_says_is_left_is_not_exceeded(limiter: RedisLimiter) -> None:
    """Headers lower what the settings allow, and say when to come again."""
    over(limiter, ask(limiter, 1, WIDE), WIDE, left=RemainingQuota(calls=3, reset=timedelta(seconds=30)))
    grant = ask(limiter, 9, WIDE)
    assert len(grant.slots) == 3
    later = ask(limiter, 1, WIDE)
    assert later.slots == ()
    assert timedelta(seconds=29) < later.wait <= timedelta(seconds=30)


def test_what_is_on_its_way_counts_against_what_is_left(limiter: RedisLimiter) -> None:
    """The vendor may not have counted it yet when it answered."""
    asked, flying = ask(limiter, 1, WIDE), ask(limiter, 2, WIDE)
    assert len(flying.slots) == 2
    over(limiter, asked, WIDE, left=RemainingQuota(calls=3, reset=timedelta(seconds=30)))
    assert len(ask(limiter, 9, WIDE).slots) == 1


def test_an_older_answer_does_not_raise_what_is_left(limiter: RedisLimiter) -> None:
    """Answers come in any order; the one to the newer call knows more."""
    older, newer = ask(limiter, 1, WIDE), ask(limiter, 1, WIDE)
    over(limiter, newer, WIDE, left=RemainingQuota(calls=1, reset=timedelta(seconds=30)))
    over(limiter, older, WIDE, left=RemainingQuota(calls=500, reset=timedelta(seconds=30)))
    assert len(ask(limiter, 9, WIDE).slots) <= 1


def test_headers_never_allow_more_than_the_settings(limiter: RedisLimiter) -> None:
    """A generous vendor does not lift an operator's limit."""
    over(
        limiter, ask(limiter, 1, MINUTE), MINUTE, left=RemainingQuota(calls=500, reset=timedelta(seconds=30), limit=500)
    )
    assert ask(limiter, 1, MINUTE).slots == ()


def test_after_the_reset_the_vendor_s_limit_is_left(limiter: RedisLimiter) -> None:
    """It said the number itself, so the next window does not begin with an answer 429."""
    over(limiter, ask(limiter, 1, WIDE), WIDE, left=RemainingQuota(calls=0, reset=timedelta(seconds=0.2), limit=4))
    assert ask(limiter, 9, WIDE).slots == ()
    found: list[str] = []

    def granted() -> bool:
        found.extend(ask(limiter, 9, WIDE).slots)
        return bool(found)

    wait_until(granted)
    assert len(found) == 4


def test_of_a_limit_nobody_knows_one_call_learns(limiter: RedisLimiter) -> None:
    """Until the first answer tells, a burst would only be refused."""
    first = ask(limiter, 9, WIDE, learns=True)
    assert len(first.slots) == 1
    assert ask(limiter, 9, WIDE, learns=True).slots == ()
    over(limiter, first, WIDE, left=RemainingQuota(calls=7, reset=timedelta(seconds=30), limit=8))
    assert len(ask(limiter, 9, WIDE, learns=True).slots) == 7


def test_a_slot_is_free_a_window_after_it_was_counted_not_after_its_answer(limiter: RedisLimiter) -> None:
    """A vendor that takes half of a window for every answer is asked once a window all the same, not once in 1.5."""
    limit = RateLimit(120, 60)
    for _ in range(120):
        over(limiter, ask(limiter, 1, limit), limit, took=30)
    grant = ask(limiter, 1, limit)
    assert grant.slots == ()
    # As long as it took to ask is over already.
    assert timedelta(seconds=1) < grant.wait < timedelta(seconds=50)


def test_a_few_slow_answers_earn_no_credit(limiter: RedisLimiter) -> None:
    """Only the shortest of many tells how late the vendor must have counted it; the first ones come all at once."""
    limit = RateLimit(1, 1)
    for _ in range(50):
        over(limiter, ask(limiter, 1, WIDE), limit, took=0.5)
    limiter._redis.delete(f"crossdock:{{{LANE}}}:log")  # noqa: SLF001  (as if they had been long ago)
    over(limiter, ask(limiter, 1, limit), limit, took=0.5)
    grant = ask(limiter, 1, limit)
    assert grant.wait > timedelta(seconds=0.9)


def test_the_shortest_round_trip_decides(limiter: RedisLimiter) -> None:
    """One quick answer shows that a call may be counted soon after it left."""
    limit = RateLimit(1, 1)
    for took in [0.5] * 120 + [0.01]:
        (slot,) = ask(limiter, 1, WIDE).slots
        used = Used(slot=slot, ago=timedelta(seconds=10), took=timedelta(seconds=took))
        limiter.finish([Completion(lane=LANE, limits=[limit], used=[used])])
    over(limiter, ask(limiter, 1, limit), limit, took=0.5)
    assert ask(limiter, 1, limit).wait > timedelta(seconds=0.9)
