"""Slots that are claimed before they are free: each with its moment, none too many, none too early."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from plugin.core.rates import RateLimit
from plugin.limiter.redis_limiter import Completion, Grant, RedisLimiter, RemainingQuota, SlotRequest, Used
from tests.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Backend

LANE = "vendor:1@example.com"
# What Redis stamps lies a little after what it was asked.
LATE = 0.1


@pytest.fixture
def limiter(embedded: Backend) -> Iterator[RedisLimiter]:
    """Build the limiter on an empty Redis."""
    with Redis.from_url(embedded.redis_url) as client:
        client.flushdb()
        yield RedisLimiter(client, timedelta(seconds=60))


def ask(limiter: RedisLimiter, want: int, *limits: RateLimit, ahead: float = 0.0) -> Grant:
    """Return what the lane is granted for now and `ahead` seconds."""
    return limiter.reserve([SlotRequest(lane=LANE, limits=limits, want=want, ahead=timedelta(seconds=ahead))])[0]


def use(limiter: RedisLimiter, count: int, *limits: RateLimit, left: RemainingQuota | None = None) -> None:
    """Make so many calls, which are over."""
    grant = ask(limiter, count, *limits)
    assert len(grant.slots) == count
    limiter.finish([Completion(lane=LANE, limits=limits, used=[Used(slot=slot) for slot in grant.slots], left=left)])


def test_a_slot_may_be_used_when_the_window_leaves_the_call_before(limiter: RedisLimiter) -> None:
    """Two a second, both just used: the next two in a second, and nobody has to come and ask then."""
    limit = RateLimit(2, 1)
    use(limiter, 2, limit)
    grant = ask(limiter, 2, limit, ahead=2)
    assert len(grant.slots) == 2
    assert all(1 - LATE < delay <= 1 for delay in grant.delays)


def test_what_is_free_comes_first_and_at_once(limiter: RedisLimiter) -> None:
    """Of three a second one is used."""
    limit = RateLimit(3, 1)
    use(limiter, 1, limit)
    grant = ask(limiter, 3, limit, ahead=2)
    assert grant.delays[:2] == (0.0, 0.0)
    assert 1 - LATE < grant.delays[2] <= 1


def test_no_more_are_claimed_than_will_be_free(limiter: RedisLimiter) -> None:
    """When a call that is on its way will be over, nobody can know; a claimed one is on its way, too."""
    limit = RateLimit(2, 1)
    use(limiter, 2, limit)
    first = ask(limiter, 9, limit, ahead=5)
    assert len(first.slots) == 2
    assert ask(limiter, 9, limit, ahead=5).slots == ()


def test_what_is_further_off_is_asked_for_in_time(limiter: RedisLimiter) -> None:
    """The lane sleeps until its next slot is as near as it claims slots ahead."""
    limit = RateLimit(1, 60)
    use(limiter, 1, limit)
    grant = ask(limiter, 1, limit, ahead=10)
    assert grant.slots == ()
    assert timedelta(seconds=50 - LATE) < grant.wait <= timedelta(seconds=50)


def test_a_bucket_s_slots_come_as_it_leaks(limiter: RedisLimiter) -> None:
    """Ten a second, and five in it already."""
    bucket = RateLimit.parse("10/1s+5")[0]
    use(limiter, 5, bucket)
    grant = ask(limiter, 9, bucket, ahead=0.35)
    assert len(grant.slots) == 3
    assert [later - sooner for sooner, later in zip(grant.delays, grant.delays[1:], strict=False)] == [
        pytest.approx(0.1, abs=0.001)
    ] * 2


def test_of_several_limits_the_latest_moment_counts(limiter: RedisLimiter) -> None:
    """Two a second and three in two seconds: the third after one second, the fourth after two."""
    limits = (RateLimit(2, 1), RateLimit(3, 2))
    use(limiter, 2, *limits)
    grant = ask(limiter, 9, *limits, ahead=10)
    assert len(grant.slots) == 2
    assert 1 - LATE < grant.delays[0] <= 1
    assert 2 - LATE < grant.delays[1] <= 2


def test_what_the_vendor_says_is_left_is_not_claimed_beyond(limiter: RedisLimiter) -> None:
    """However soon its count starts anew: from what, only its next answer tells."""
    limit = RateLimit(100, 1)
    use(limiter, 1, limit, left=RemainingQuota(calls=2, reset=timedelta(seconds=0.5)))
    assert len(ask(limiter, 9, limit, ahead=5).slots) == 2


def test_a_claimed_slot_that_is_given_back_is_free_at_once(limiter: RedisLimiter) -> None:
    """Its delivery was taken by another process, or the lane was blocked."""
    limit = RateLimit(1, 1)
    use(limiter, 1, limit)
    (slot,) = ask(limiter, 1, limit, ahead=5).slots
    limiter.release(LANE, [slot])
    assert 1 - 2 * LATE < ask(limiter, 1, limit, ahead=5).delays[0] <= 1


def test_what_waits_for_a_call_on_its_way_is_not_asked_for_all_the_time(limiter: RedisLimiter) -> None:
    """Its slot is free a window after it left at the soonest; a quarter of a second is enough to see it given back."""
    limit = RateLimit(1, 60)
    assert len(ask(limiter, 1, limit).slots) == 1
    grant = ask(limiter, 1, limit, ahead=0.2)
    assert (grant.slots, grant.wait) == ((), timedelta(seconds=0.25))


def test_a_limit_that_is_used_up_for_long_counts_beside_a_call_on_its_way(limiter: RedisLimiter) -> None:
    """Nobody has to look again before the minute lets one go."""
    limits = (RateLimit(1, 1), RateLimit(3, 60))
    use(limiter, 3, RateLimit(9, 1))
    assert len(ask(limiter, 1, RateLimit(9, 1)).slots) == 1
    assert ask(limiter, 1, *limits).wait > timedelta(seconds=59)


def test_a_claimed_slot_that_is_given_back_is_left_at_the_vendor(limiter: RedisLimiter) -> None:
    """Called off by a block, it was not used, and the vendor never counted it."""
    limit = RateLimit(100, 1)
    use(limiter, 1, limit, left=RemainingQuota(calls=3, reset=timedelta(seconds=60)))
    slots = ask(limiter, 9, limit).slots
    assert (len(slots), ask(limiter, 9, limit).slots) == (3, ())
    limiter.release(LANE, slots[:2])
    assert len(ask(limiter, 9, limit).slots) == 2


def test_what_is_claimed_for_later_is_not_in_use_yet(limiter: RedisLimiter) -> None:
    """Whoever looks at a lane sees at most its limit."""
    limit = RateLimit(2, 1)
    use(limiter, 2, limit)
    assert len(ask(limiter, 2, limit, ahead=5).slots) == 2
    assert limiter.use({LANE: [limit]})[LANE].in_use == 2


def test_the_moment_is_when_it_could_be_had_by_asking(limiter: RedisLimiter) -> None:
    """Neither sooner, which the vendor would refuse, nor later."""
    limit = RateLimit(1, 1)
    use(limiter, 1, limit)
    asked = time.monotonic()
    (delay,) = ask(limiter, 1, limit, ahead=5).delays
    answered = time.monotonic()
    limiter._redis.delete(f"crossdock:{{{LANE}}}:flying")  # noqa: SLF001  (as if that slot had never been claimed)
    wait_until(lambda: bool(ask(limiter, 1, limit).slots))
    had = time.monotonic()
    assert asked + delay <= had
    assert had - (answered + delay) < LATE
