"""Questions to a vendor on behalf of a person, within the account's limit and with its token, as workers ask."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from redis import RedisError

from plugin import destinations
from plugin.core.errors import ConfigError
from plugin.core.response import Response
from plugin.delivery.lane_limits import limits_of_lane
from plugin.limiter.redis_limiter import Completion, SlotRequest, Used
from plugin.transport import single_call

if TYPE_CHECKING:
    from plugin.core.rates import RateLimit
    from plugin.core.step import Request
    from plugin.services import Services
    from plugin.storage.stores import Connection

# A login comes first, and another process may be at it.
_MOST_TURNS = 10


def ask(opened: Services, connection: Connection, request: Request, base_url: str | None = None) -> Response:
    """Return the vendor's answer, whatever it says. A call to another `base_url` carries no token.

    Raises:
        ConfigError: there is no answer, and why.
    """
    limits = limits_of_lane(item for item in opened.stores.connections() if item.lane == connection.lane)
    profile = destinations.get(connection.destination).profile(connection.values)
    send = partial(single_call.ask, base_url=base_url or connection.base_url)
    reason = ""
    for _ in range(_MOST_TURNS):
        slot = _reserved_slot(opened, connection.lane, limits)
        began = time.monotonic()
        result = opened.logins.send(send, connection.lane, None if base_url else profile.login, request)
        _finish_slot(opened, connection.lane, limits, slot, time.monotonic() - began)
        if isinstance(result, Response):
            return result
        reason = result.reason
        if not result.late:
            break
    raise ConfigError(f"{connection.destination} did not answer: {reason}; try again")


def _reserved_slot(opened: Services, lane: str, limits: tuple[RateLimit, ...]) -> str:
    """Reserve the account's next free slot, waiting for it as every worker does."""
    try:
        while True:
            (grant,) = opened.limiter.reserve([SlotRequest(lane=lane, limits=limits, want=1)])
            if grant.slots:
                return grant.slots[0]
            time.sleep(max(0.01, grant.wait.total_seconds()))
    except RedisError:
        raise ConfigError("Redis can't be reached, so nobody knows whether the account may be called now") from None


def _finish_slot(opened: Services, lane: str, limits: tuple[RateLimit, ...], slot: str, seconds: float) -> None:
    # A slot that nobody finishes counts until its lease ends: never too little.
    with suppress(RedisError):
        opened.limiter.finish(
            [Completion(lane=lane, limits=limits, used=[Used(slot=slot, took=timedelta(seconds=seconds))])]
        )
