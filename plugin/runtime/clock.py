"""The clock: whatever is due and nobody works on is found here, whatever was lost on the way."""

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
    """Ring the bell if anything is due; return whether it was rung."""
    if services.inbox.is_waiting() or services.ledger.due_lanes():
        return services.wake_up.ring()
    return False


def run(services: Services, stopping: threading.Event) -> None:
    """Tick until told to stop; a database that is away is waited for."""
    crash_points.install(services.settings.die_at)
    while not stopping.wait(TICK_SECONDS):
        try:
            tick(services)
        except Unavailable as error:
            log.trouble("clock waits", reason=str(error))
