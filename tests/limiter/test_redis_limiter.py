"""The rate limiter: never over a limit, whoever asks, and never idle while it may send."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from plugin.core.rates import RateLimit
from plugin.delivery.round import Worker
from plugin.limiter.redis_limiter import Completion, Grant, RedisLimiter, RemainingQuota, SlotRequest, Used
from plugin.sandbox import Fault, Limit
from plugin.services import Services
from plugin.storage import queries
from tests.conftest import wait_until
from tests.support.shop import Shop, sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.conftest import Backend

LANE = "vendor:1@example.com"
LONG = timedelta(seconds=60)
# What is measured here lies on either side of what Redis stamps, in whole milliseconds.
GRAIN = 0.003

Span = tuple[float, float]


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use the embedded Redis only: with the other database it is the same."""
    return embedded


@pytest.fixture
def redis(backend: Backend) -> Iterator[Redis]:
    """Return an empty Redis."""
    with Redis.from_url(backend.redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def limiter(redis: Redis) -> RedisLimiter:
    """Build the limiter as a worker holds it."""
    return RedisLimiter(redis, LONG)


def take(limiter: RedisLimiter, want: int, *limits: RateLimit, lane: str = LANE) -> tuple[str, ...]:
    """Return the slots that are granted at once."""
    return ask(limiter, want, *limits, lane=lane).slots


def ask(limiter: RedisLimiter, want: int, *limits: RateLimit, lane: str = LANE, ahead: float = 0.0) -> Grant:
    """Return what one lane is granted."""
    (grant,) = limiter.reserve([SlotRequest(lane=lane, limits=limits, want=want, ahead=timedelta(seconds=ahead))])
    return grant


def finish(
    limiter: RedisLimiter,
    slot: str,
    *limits: RateLimit,
    took: timedelta | None = None,
    left: RemainingQuota | None = None,
) -> None:
    """Say that the call of a slot is over."""
    limiter.finish([Completion(lane=LANE, limits=limits, used=[Used(slot=slot, took=took)], left=left)])


def hammer(url: str, seconds: float, limits: Sequence[RateLimit], threads: int, ahead: float = 0.0) -> list[Span]:
    """Call as often as allowed, each call of another length; return when each could begin and was over."""
    spans: list[Span] = []
    ends = time.monotonic() + seconds
    with Redis.from_url(url) as client, ThreadPoolExecutor(threads) as pool:
        limiter = RedisLimiter(client, LONG)

        def work(seed: int) -> None:
            dice, idle = random.Random(seed), threading.Event()  # noqa: S311  (repeatable, not secret)
            while time.monotonic() < ends:
                grant = ask(limiter, 2, *limits, ahead=ahead)
                granted = time.monotonic()
                for slot, delay in zip(grant.slots, grant.delays, strict=True):
                    idle.wait(max(0.0, granted + delay - time.monotonic()))
                    begins = granted + delay
                    idle.wait(dice.random() / 20)
                    spans.append((begins, time.monotonic()))
                    finish(limiter, slot)
                if not grant.slots:
                    idle.wait(min(grant.wait.total_seconds(), 0.05))

        list(pool.map(work, range(threads)))
    return spans


def most(spans: Sequence[Span], window: float) -> int:
    """Return the most calls in any window, however late the earlier ones and early the later ones arrived."""
    return max(
        1 + sum(1 for other in spans if other is not span and other[0] <= span[0] and other[1] > span[0] - window)
        for span in spans
    )


@pytest.mark.parametrize("ahead", [0.0, 0.1])
def test_threads_together_keep_the_limit_and_use_it(backend: Backend, redis: Redis, ahead: float) -> None:
    """In no window are more calls finished or in flight than allowed; and in none is less used without need."""
    redis.ping()
    spans = hammer(backend.redis_url, 2.5, [RateLimit(20, 1)], 8, ahead)
    assert most(spans, 1 - GRAIN) <= 20
    assert len(spans) >= 40


def test_processes_together_keep_the_limit(backend: Backend, redis: Redis) -> None:
    """One limit per account, over all processes of all machines: Redis' own time counts."""
    redis.ping()
    job = (backend.redis_url, 1.6, [RateLimit(15, 1)], 4)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(hammer, [job, job])
    assert all(found)
    assert most([span for spans in found for span in spans], 1 - GRAIN) <= 15


def test_every_limit_of_a_lane_is_kept(limiter: RedisLimiter) -> None:
    """Two a second and three in two seconds: the tighter one decides at each moment."""
    limits = (RateLimit(2, 1), RateLimit(3, 2))
    began = time.monotonic()
    for slot in take(limiter, 5, *limits):
        finish(limiter, slot)
    granted: list[str] = []

    def try_again() -> bool:
        granted.extend(take(limiter, 5, *limits))
        return bool(granted)

    wait_until(try_again)
    assert (len(granted), take(limiter, 5, *limits)) == (1, ())
    assert time.monotonic() - began >= 1 - GRAIN


def test_a_call_in_flight_counts_however_long_it_takes(limiter: RedisLimiter) -> None:
    """It may arrive at the vendor at any moment until its answer is here."""
    slots = take(limiter, 2, RateLimit(2, 1))
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 1.2)
    assert take(limiter, 1, RateLimit(2, 1)) == ()
    finish(limiter, slots[0])
    assert take(limiter, 1, RateLimit(2, 1)) == ()


def test_a_lost_worker_s_slot_counts_until_its_hold_and_a_window_are_over(redis: Redis) -> None:
    """Its call may have arrived as late as that; then the slot is free again by itself."""
    limiter = RedisLimiter(redis, timedelta(seconds=0.5))
    assert len(take(limiter, 5, RateLimit(2, 1))) == 2
    began = time.monotonic()
    wait_until(lambda: bool(take(limiter, 1, RateLimit(2, 1))))
    assert time.monotonic() - began >= 1.5 - GRAIN


def test_a_slot_that_was_not_used_is_given_back_at_once(limiter: RedisLimiter) -> None:
    """What was reserved for a delivery that another process took must not idle the lane."""
    (slot,) = take(limiter, 1, RateLimit(1, 300))
    limiter.release(LANE, [slot])
    assert len(take(limiter, 1, RateLimit(1, 300))) == 1


def test_lanes_do_not_share_a_limit(limiter: RedisLimiter) -> None:
    """One account at its limit holds no other up."""
    assert len(take(limiter, 9, RateLimit(1, 60))) == 1
    assert len(take(limiter, 9, RateLimit(1, 60), lane="vendor:2@example.com")) == 1


def test_a_full_lane_says_when_to_ask_again(limiter: RedisLimiter) -> None:
    """Until the oldest call leaves the window; nobody has to poll for five minutes."""
    for slot in take(limiter, 1, RateLimit(1, 300)):
        finish(limiter, slot)
    grant = ask(limiter, 1, RateLimit(1, 300))
    assert grant.slots == ()
    assert timedelta(seconds=299) < grant.wait <= timedelta(seconds=300)


def test_a_closed_gate_stops_every_process_until_then(redis: Redis, limiter: RedisLimiter) -> None:
    """`Retry-After` said to one worker is obeyed by all, and by this lane only."""
    limiter.block(LANE, timedelta(seconds=30))
    grant = ask(RedisLimiter(redis, LONG), 1, RateLimit(5, 1))
    assert grant.slots == ()
    assert timedelta(seconds=29) < grant.wait <= timedelta(seconds=30)
    assert take(limiter, 1, RateLimit(5, 1), lane="another")


def test_a_gate_opens_by_itself(limiter: RedisLimiter) -> None:
    """Nobody has to come and open it; not before its time."""
    began = time.monotonic()
    limiter.block(LANE, timedelta(seconds=0.2))
    wait_until(lambda: bool(take(limiter, 1, RateLimit(5, 1))))
    assert time.monotonic() - began >= 0.2 - GRAIN


def test_a_longer_gate_is_never_shortened(limiter: RedisLimiter) -> None:
    """Answers of calls that left together arrive in any order; the longest wait counts, also at the same instant."""

    def close(seconds: int) -> None:
        limiter.block(LANE, timedelta(seconds=seconds))

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            list(pool.map(close, [1, 1, 60, 1, 1, 1, 1, 1]))
            assert limiter.use({LANE: [RateLimit(1, 1)]})[LANE].block > timedelta(seconds=50)
            limiter.block(LANE, timedelta(seconds=61))
            assert limiter.use({LANE: [RateLimit(1, 1)]})[LANE].block > timedelta(seconds=59)
            limiter._redis.flushdb()  # noqa: SLF001  (the client of this test)


def test_use_shows_what_counts(limiter: RedisLimiter) -> None:
    """In flight and finished within the window, together."""
    for slot in take(limiter, 2, RateLimit(10, 60)):
        finish(limiter, slot)
    take(limiter, 3, RateLimit(10, 60))
    assert limiter.use({LANE: [RateLimit(10, 60)]})[LANE].in_use == 5


def test_a_strict_vendor_never_answers_429(shop: Shop) -> None:
    """300 calls at once through two workers, at a vendor that counts in a sliding window and answers late."""
    vendor = shop.sandbox.emulators["chrts"]
    vendor.window.set(Limit(count=60, seconds=1))
    vendor.faults.add(Fault("slow", times=None, chance=0.3, seconds=0.1))
    shop.reconnect("chrts", rate="60/1s")
    order = sent("orders_create")
    for number in range(100):
        person = order["customer"] | {"id": 1000 + number}
        shop.post("orders/create", order | {"id": number, "cart_token": f"c{number}", "customer": person})
    settings = shop.services.settings

    def work() -> None:
        services = Services.open(settings)
        worker = Worker(services)
        while not queries.is_idle(services.database):
            worker.round(1)
        worker.close()
        services.close()

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = vendor.requests()
    assert (len(calls), {call["status"] for call in calls}) == (300, {200})
    assert time.monotonic() - began < 15
