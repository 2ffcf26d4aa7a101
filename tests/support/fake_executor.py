"""An executor driven as a round drives it, with lanes that lead to a test's vendors. Its database is away."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from plugin import destinations
from plugin.core.delivery import Delivery, Priority, State
from plugin.core.step import Request, StoreFacts, Work
from plugin.core.vault import Vault
from plugin.core.vendor_profile import VendorProfile
from plugin.delivery.executor import Executor
from plugin.delivery.lanes import Call, Lane
from plugin.delivery.prepare import Prepared
from plugin.storage.database import Database
from plugin.storage.login_tokens import LoginTokens
from plugin.storage.stores import Connection, ConnectionState
from plugin.transport.login import Logins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from plugin.core.vendor_profile import Batch
    from plugin.delivery.executor import FinishedCall

_LATEST_SECONDS = 5.0
_LONGEST_SECONDS = 15.0
_NOW = datetime(2026, 11, 20, tzinfo=UTC)


class FakeExecutor:
    """Sends calls and collects them, all from one thread. `finished` are those that are over, in that order."""

    def __init__(self) -> None:
        box = LoginTokens(Database("postgresql+psycopg://127.0.0.1:1/nothing"), Vault(["key"]))
        self.executor = Executor(Logins(box))
        self.finished: list[FinishedCall] = []
        self._in_flight = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.close()

    def send(self, lane: Lane, *calls: Call, most: int = 1) -> None:
        """Put calls into a lane's queue and have them made, `most` at once."""
        for call in calls:
            self._in_flight += 1
            lane.enqueue(call)
        self.executor.serve_lane(lane, most)

    def serve(self, until: Callable[[], bool] | None = None) -> None:
        """Collect calls that are over until that is so, by default until none is in flight."""
        ends = time.monotonic() + _LONGEST_SECONDS
        while self._in_flight if until is None else not until():
            assert time.monotonic() < ends, f"{self._in_flight} calls never ended"
            for one in self.executor.collect(0.05, self._in_flight):
                self._in_flight -= 1
                one.lane.end(one.call)
                self.finished.append(one)

    def of(self, lane: Lane) -> list[FinishedCall]:
        """Return the finished calls of this lane."""
        return [one for one in self.finished if one.lane is lane]


def call(url: str, *requests: Request, batch: Batch | None = None, late: bool = False) -> Call:
    """Return a call that carries these requests; `late` is one whose turn is over."""
    items = [_prepared(number, url, request) for number, request in enumerate(requests, 1)]
    latest = time.monotonic() + (-1.0 if late else _LATEST_SECONDS)
    return Call(items=items, slot="a slot", batch=batch, latest=latest)


def calls(url: str, paths: Sequence[str]) -> list[Call]:
    """Return a call to each of these paths."""
    return [call(url, Request(method="POST", path=path, body={})) for path in paths]


def _prepared(number: int, url: str, request: Request) -> Prepared:
    connection = Connection(
        id="c",
        store_id="s",
        destination="chrts",
        name="",
        account="a",
        lane="chrts:a",
        base_url=url,
        state=ConnectionState.ACTIVE,
        reason=None,
        created_at=_NOW,
        updated_at=_NOW,
        values={},
    )
    delivery = Delivery(
        id=number,
        event_id=number,
        store_id="s",
        connection_id="c",
        destination="chrts",
        lane="chrts:a",
        action="identify",
        key=str(number),
        subject=f"person:{number}",
        state=State.WAITING,
        priority=Priority.LIVE,
        attempts=0,
        doubtful=False,
        losses=0,
        created_at=_NOW,
        lease="",
        data={},
    )
    facts = StoreFacts(id="s", platform="shopify", address="demo.example")
    return Prepared(
        delivery=delivery,
        vendor=destinations.get("chrts"),
        connection=connection,
        profile=VendorProfile(),
        work=Work(action="identify", topic=None, document=None, store=facts, settings=connection.values),
        request=request,
        finds=False,
    )
