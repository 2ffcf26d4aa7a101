"""The clock process: once a second it wakes a worker if anything is due that nobody works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.runtime import crash_points

if TYPE_CHECKING:
    import threading

    from plugin.services import Services

TICK_SECONDS = 1.0


def tick(services: Services) -> bool:
    """Send a wake-up if anything is due; return whether it enqueued a round."""
    if services.inbox.is_waiting() or services.ledger.due_lanes():
        return services.wake_up.send()
    return False


def run(services: Services, stopping: threading.Event) -> None:
    """Tick until `stopping` is set; wait for a database that is away."""
    crash_points.install(services.settings.die_at)
    while not stopping.wait(TICK_SECONDS):
        try:
            tick(services)
        except Unavailable as error:
            log.trouble("clock waits", reason=str(error))
