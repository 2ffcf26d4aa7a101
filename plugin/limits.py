"""Which limits a lane keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin import destinations
from plugin.model import RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugin.storage.shops import Connection


def limits_of(connection: Connection) -> tuple[RateLimit, ...]:
    """A connection's own `rate`, else the vendor's published limits."""
    own = connection.values.get("rate")
    return RateLimit.parse(own) if own else destinations.get(connection.destination).limits


def limits_of_lane(connections: Iterable[Connection]) -> tuple[RateLimit, ...]:
    """Every limit that any connection of one account asks for: the vendor counts them all together."""
    return tuple(sorted({limit for item in connections for limit in limits_of(item)}, key=lambda limit: limit.seconds))
