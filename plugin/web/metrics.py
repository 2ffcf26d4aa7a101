"""The page `/metrics`: what `crossdock status` shows, as Prometheus reads it. Labels hold names and states only.

Counted anew at each call, from SQL and Redis, so every web process says the same of the whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from plugin.core.rates import RateLimit
from plugin.operations.status import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plugin.services import Services

_LANE = ("destination", "account")
# Name below `crossdock_lane_`, what it says, and where it is in a lane's row.
_OF_LANES: tuple[tuple[str, str, Callable[[Mapping[str, Any]], float | None]], ...] = (
    ("backlog", "Unfinished deliveries", lambda lane: lane["backlog"]),
    ("in_use", "Calls that count against the tightest limit now", lambda lane: lane["in_use"]),
    ("limit_per_second", "What the limits permit in the long run", lambda lane: _calls_per_second(lane["limit"])),
    ("closed_seconds", "For how long nobody may send, as the vendor asked", lambda lane: lane["closed_for_seconds"]),
    ("clears_seconds", "In how many seconds the backlog clears", lambda lane: _seconds_until(lane["clears_at"])),
    ("paused", "1 when its credentials were refused", lambda lane: float(lane["state"] == "paused")),
)


def page(services: Services) -> bytes:
    """Return the whole page; raise `plugin.core.errors.Unavailable` when the database can't be reached."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(snapshot(services)))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for what in ("events", "deliveries"):
            family = GaugeMetricFamily(f"crossdock_{what}", f"{what.capitalize()} by state", labels=["state"])
            for state, count in self._found[what].items():
                family.add_metric([state], count)
            yield family
        waits = -(_seconds_until(self._found["oldest_due"]) or 0.0)
        yield GaugeMetricFamily("crossdock_oldest_due_seconds", "For how long the oldest due delivery waits", waits)
        for name, says, value in _OF_LANES:
            family = GaugeMetricFamily(f"crossdock_lane_{name}", says, labels=_LANE)
            for lane in self._found["lanes"]:
                number = value(lane)
                if number is not None:
                    family.add_metric([lane["destination"], lane["account"]], number)
            yield family


def _calls_per_second(limits: str) -> float:
    return min(limit.per_second for limit in RateLimit.parse(limits))


def _seconds_until(text: str | None) -> float | None:
    return None if text is None else (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()
