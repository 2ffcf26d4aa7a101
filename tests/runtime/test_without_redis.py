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
    """A clock that is moved."""
    with freeze_time("2026-11-25") as clock:
        assert isinstance(clock, FrozenDateTimeFactory)
        yield clock


def take(
    limiter: LocalLimiter, want: int, *limits: RateLimit, learns: bool = False
) -> tuple[tuple[str, ...], timedelta]:
    """The slots granted at once, and how long to wait for more."""
    (grant,) = limiter.reserve([SlotRequest(lane=LANE, limits=limits or (LIMIT,), want=want, learns=learns)])
    return grant.slots, grant.wait


def test_a_whole_window_passes_before_the_first_call(frozen: FrozenDateTimeFactory) -> None:
    """Nobody knows what was sent just before Redis went away."""
    limiter = LocalLimiter()
    assert take(limiter, 1) == ((), timedelta(seconds=60))
    frozen.tick(59)
    assert take(limiter, 1)[0] == ()
    frozen.tick(1)
    assert len(take(limiter, 9)[0]) == 3


def test_what_is_in_flight_and_what_finished_within_the_window_count(frozen: FrozenDateTimeFactory) -> None:
    """As with Redis."""
    limiter = LocalLimiter()
    frozen.tick(60)
    first, _ = take(limiter, 2)
    limiter.finish([Completion(lane=LANE, limits=(LIMIT,), used=[Used(slot=slot) for slot in first])])
    flying, wait = take(limiter, 9)
    assert (len(flying), wait) == (1, timedelta(seconds=60))
    frozen.tick(60)
    assert len(take(limiter, 9)[0]) == 2
    limiter.release(LANE, flying)
    assert len(take(limiter, 9)[0]) == 1


def test_a_closed_gate_and_headers_are_obeyed(frozen: FrozenDateTimeFactory) -> None:
    """`Retry-After`, and a count of the vendor's that is used up."""
    limiter = LocalLimiter()
    frozen.tick(60)
    (slot,), _ = take(limiter, 1)
    said = RemainingQuota(calls=0, reset=timedelta(seconds=30))
    limiter.finish([Completion(lane=LANE, limits=(LIMIT,), used=[Used(slot=slot)], left=said)])
    assert take(limiter, 1) == ((), timedelta(seconds=30))
    frozen.tick(30)
    assert len(take(limiter, 1, learns=True)[0]) == 1
    assert limiter.use({LANE: [LIMIT]})[LANE].in_use == 2


def test_redis_hears_afterwards_what_was_sent_without_it(services: Services) -> None:
    """So that the limit is kept over the moment when it comes back."""
    limiter, wide = LocalLimiter(), RateLimit(5, 1)
    wait_until(lambda: len(take(limiter, 2, wide)[0]) > 0)
    limiter.finish([Completion(lane=LANE, limits=(wide,), used=[Used(slot="alone:0"), Used(slot="alone:1")])])
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
