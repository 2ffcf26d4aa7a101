"""How a test looks at the line and pushes it on: states from SQL, time that is moved instead of waited for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from plugin.core.delivery import UNFINISHED, Priority
from plugin.delivery.round import Worker
from plugin.storage import queries
from plugin.storage.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plugin.services import Services

# Long enough for one look at what is due and too short for a second one: whatever was started is still brought home.
ONE_TURN = 0.0001
# When a lease has ended that ended.
PAST = datetime(2020, 1, 1, tzinfo=UTC)


def owed(services: Services, **wanted: str | None) -> list[dict[str, Any]]:
    """Return deliveries as `crossdock deliveries` shows them, oldest first; `wanted` names columns."""
    return queries.list_deliveries(services.database, **wanted)[::-1]


def only(services: Services, **wanted: str | None) -> dict[str, Any]:
    """Return the one delivery of this kind."""
    (found,) = owed(services, **wanted)
    return found


def tries(services: Services, **wanted: str | None) -> list[dict[str, Any]]:
    """Return every attempt of the one delivery of this kind, oldest first."""
    return queries.list_attempts(services.database, only(services, **wanted)["id"])


def events(services: Services) -> list[dict[str, Any]]:
    """Return events as `crossdock events` shows them, oldest first."""
    return queries.list_events(services.database)[::-1]


def column(services: Services, name: str, **wanted: str) -> Any:  # noqa: ANN401  (of any type)
    """Return one column of the one delivery of this kind, whether or not commands show it."""
    query = select(deliveries.c[name]).where(*(deliveries.c[key] == value for key, value in wanted.items()))
    with services.database.read() as db:
        return db.execute(query).scalar_one()


def hurry(services: Services, *, watched: bool = False) -> None:
    """Let the time pass that back-off, settling and polling wait for; parcels on their way only if `watched`."""
    urgent = deliveries.c.priority <= (Priority.WATCH if watched else Priority.BACKFILL)
    later = deliveries.c.state.in_(UNFINISHED) & (deliveries.c.due_at > datetime.now(UTC))
    with services.database.write() as db:
        db.execute(update(deliveries).where(later, urgent).values(due_at=datetime.now(UTC)))


def expire(services: Services) -> None:
    """Let the leases run out, as if their holders had died."""
    with services.database.write() as db:
        db.execute(update(deliveries).values(leased_until=PAST))


def turn(services: Services) -> None:
    """Do what a worker does between two looks at the database, with one that starts and ends here."""
    worker = Worker(services)
    try:
        worker.round(ONE_TURN)
    finally:
        worker.close()


def work_off(services: Services, seconds: float = 30) -> None:
    """Work until nothing is left that the line can do, with every pause skipped but those of a closed lane."""
    worker = Worker(services)
    ends = time.monotonic() + seconds
    try:
        while not queries.is_idle(services.database):
            assert time.monotonic() < ends, queries.counts(services.database)
            hurry(services)
            worker.round(ONE_TURN)
    finally:
        worker.close()


def personal(document: dict[str, Any]) -> set[str]:
    """Return what an order says of its buyer that nobody else may read: names, street, code, telephone, e-mail."""
    found: set[str] = set()
    for part in (document, document["customer"], document["shipping_address"], document["billing_address"]):
        values = (part.get(key) for key in ("first_name", "last_name", "address1", "city", "zip", "phone", "email"))
        found |= {value for value in values if value}
    return found


@contextmanager
def running(
    role: str, environment: Mapping[str, str], *arguments: str, log: Path = Path(os.devnull)
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of our processes, stopped in the end as a platform stops it; its output is appended to `log`."""
    command = [sys.executable, "-m", "plugin", role, *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stderr=output, stdout=output, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(40)


def is_listening(port: int) -> bool:
    """Return whether somebody takes connections there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
