"""The limits that a lane keeps, and the settings about calls that every destination has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin import destinations
from plugin.core import validators
from plugin.core.rates import READ_SECONDS, RateLimit, RetryPolicy
from plugin.core.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugin.storage.stores import Connection

SHARED = (
    Setting(
        key="rate",
        help="the limit to keep, N/Ts, N/Tm or N/Th, several with commas; 2/1s+40 is a leaky bucket of 40",
        check=RateLimit.parse,
    ),
    Setting(
        key="in_flight",
        help="how many calls may be on their way at once; else it follows from the rate and the vendor's speed",
        check=validators.count,
    ),
    Setting(
        key="timeout",
        help="seconds to wait for an answer; what takes longer counts as lost",
        default=f"{READ_SECONDS:g}",
        # Leases outlast the longest.
        check=validators.seconds_up_to(READ_SECONDS),
    ),
    Setting(
        key="retry",
        help="first pause, longest pause, most tries and longest age of what is tried again",
        default=str(RetryPolicy()),
        check=RetryPolicy.parse,
    ),
)


def limits_of(connection: Connection) -> tuple[RateLimit, ...]:
    """Return a connection's own `rate`, else the vendor's published limits."""
    own = connection.values.get("rate")
    return RateLimit.parse(own) if own else destinations.get(connection.destination).limits


def limits_of_lane(connections: Iterable[Connection]) -> tuple[RateLimit, ...]:
    """Return every limit that any connection of one account asks for: the vendor counts them all together."""
    return tuple(sorted({limit for item in connections for limit in limits_of(item)}, key=lambda limit: limit.seconds))


def most_in_flight(connections: Iterable[Connection]) -> int | None:
    """Return the lowest `in_flight` that any connection of one account asks for; None when none does."""
    asked = [int(item.values["in_flight"]) for item in connections if item.values.get("in_flight")]
    return min(asked, default=None)
