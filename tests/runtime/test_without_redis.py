"""A worker that has no Redis at all goes on with the clock: within every limit, alone, and tells Redis afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from plugin.core.rates import RateLimit
from plugin.limiter.local_limiter import LocalLimiter
from plugin.limiter.redis_limiter import Completion, RedisLimiter, RemainingQuota, SlotRequest, Used
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import queries
from tests.conftest import wait_until
from tests.support.running_line import running
from tests.support.shop import Shop, sent

if TYPE_CHECKING:
    from collections.abc import Iterator


LANE = "vendor:1@example.com"
LIMIT = RateLimit(3, 60)


@pytest.fixture
def frozen() -> Iterator[FrozenDateTimeFactory]:
    """Yield a clock that stands still until the test moves it."""
    with freeze_time("2026-11-25") as clock:
        assert isinstance(clock, FrozenDateTimeFactory)
        yield clock


def take(
    limiter: LocalLimiter, want: int, *limits: RateLimit, learns: bool = False
) -> tuple[tuple[str, ...], timedelta]:
    """Return the slots granted at once, and how long to wait for more."""
    (grant,) = limiter.reserve([SlotRequest(lane=LANE, limits=limits or (LIMIT,), want=want, learns=learns)])
    return grant.slots, grant.wait


def finish(limiter: LocalLimiter, slot: str, left: RemainingQuota | None = None) -> None:
    """End the call that had this slot."""
    limiter.finish([Completion(lane=LANE, limits=(LIMIT,), used=[Used(slot=slot)], left=left)])


def test_a_whole_window_passes_before_the_first_call(frozen: FrozenDateTimeFactory) -> None:
    """Nobody knows what was sent just before Redis went away."""
    limiter = LocalLimiter()
    assert take(limiter, 1) == ((), timedelta(seconds=60))
    frozen.tick(59)
    assert take(limiter, 1)[0] == ()
    frozen.tick(1)
    assert len(take(limiter, 9)[0]) == 1


def test_one_call_is_in_flight_and_the_next_waits_as_the_limit_says(frozen: FrozenDateTimeFactory) -> None:
    """Three calls a minute are one every twenty seconds, counted from the end of the one before."""
    limiter = LocalLimiter()
    frozen.tick(60)
    (slot,), _ = take(limiter, 9)
    frozen.tick(60)
    assert take(limiter, 9)[0] == ()
    finish(limiter, slot)
    assert take(limiter, 9) == ((), timedelta(seconds=20))
    frozen.tick(20)
    assert len(take(limiter, 9)[0]) == 1


def test_the_slowest_of_several_limits_counts(frozen: FrozenDateTimeFactory) -> None:
    """Both the first wait and the pause between two calls keep every limit of the lane."""
    limiter, limits = LocalLimiter(), (RateLimit(100, 1), RateLimit(6, 300))
    assert take(limiter, 1, *limits) == ((), timedelta(seconds=300))
    frozen.tick(300)
    (slot,), _ = take(limiter, 1, *limits)
    limiter.finish([Completion(lane=LANE, limits=limits, used=[Used(slot=slot)])])
    assert take(limiter, 1, *limits) == ((), timedelta(seconds=50))


def test_a_slot_that_was_not_used_is_free_at_once(frozen: FrozenDateTimeFactory) -> None:
    """Nothing was sent, so nothing is to be waited for."""
    limiter = LocalLimiter()
    frozen.tick(60)
    (slot,), _ = take(limiter, 1)
    limiter.release(LANE, [slot])
    (slot,), _ = take(limiter, 1)
    limiter.finish([Completion(lane=LANE, limits=(LIMIT,), used=[Used(slot=slot, made=False)])])
    assert len(take(limiter, 1)[0]) == 1


def test_a_block_and_headers_are_obeyed(frozen: FrozenDateTimeFactory) -> None:
    """`Retry-After`, and a count of the vendor's that is used up; a longer wait is never shortened."""
    limiter = LocalLimiter()
    frozen.tick(60)
    (slot,), _ = take(limiter, 1, learns=True)
    finish(limiter, slot, RemainingQuota(calls=0, reset=timedelta(seconds=30)))
    limiter.block(LANE, timedelta(seconds=10))
    assert take(limiter, 1) == ((), timedelta(seconds=30))
    limiter.block(LANE, timedelta(seconds=40))
    assert take(limiter, 1) == ((), timedelta(seconds=40))
    frozen.tick(40)
    assert len(take(limiter, 1)[0]) == 1


def test_redis_hears_afterwards_what_was_sent_without_it(services: Services) -> None:
    """So that the limit is kept over the moment when it comes back."""
    limiter, wide = LocalLimiter(), RateLimit(5, 1)
    wait_until(lambda: len(take(limiter, 2, wide)[0]) > 0)
    limiter.finish([Completion(lane=LANE, limits=(wide,), used=[Used(slot="one"), Used(slot="two")])])
    assert isinstance(services.limiter, RedisLimiter)
    limiter.hand_over(services.limiter)
    (grant,) = services.limiter.reserve([SlotRequest(lane=LANE, limits=(RateLimit(5, 300),), want=9)])
    assert len(grant.slots) == 3


def test_only_one_process_goes_on_alone(services: Services, environment: dict[str, str]) -> None:
    """Two would send twice what the limits allow."""
    other = Services.open(Settings.from_env(environment))
    folder = services.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    with services.database.held("alone", folder) as first, other.database.held("alone", folder) as second:
        assert (first, second) == (True, False)
    with other.database.held("alone", folder) as again:
        assert again
    other.close()


def test_everything_is_delivered_without_any_redis(shop: Shop, environment: dict[str, str]) -> None:
    """Orders that are stored while there is none are booked and tracked by the worker that is there."""
    shop.reconnect("chitchats", rate="1000/1s")
    shop.reconnect("chrts", rate="1000/1s")
    for number in range(3):
        order = sent("orders_create") | {"id": 7_100_000_000_000_000_001 + number}
        assert shop.post("orders/create", order).status_code == 200
    nowhere = environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with running("worker", nowhere):
        wait_until(lambda: queries.is_idle(shop.services.database), 60)
    assert len(shop.booked()) == 3
    assert len(shop.tracked("Order Completed")) == 3
