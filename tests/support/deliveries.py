"""Deliveries of one connection, planned, leased and settled by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from plugin.core.event import Envelope
from plugin.core.step import Step
from plugin.storage import plans
from plugin.storage.inbox import Incoming
from plugin.storage.ledger import Ledger, Result
from plugin.storage.tables import deliveries
from plugin.storage.unit_of_work import UnitOfWork
from plugin.storage.version import Version
from tests.support.shop import ADDRESS, SECRET, connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugin.core.delivery import Delivery, State
    from plugin.services import Services
    from plugin.storage.stores import Connection

# A version of a document, for steps of which nothing newer is planned.
FIRST = Version(at=datetime(2026, 1, 1, tzinfo=UTC))


def begin(services: Services, leased: Iterable[tuple[Delivery, bool]]) -> set[int]:
    """Write down the intent in a transaction of its own."""
    with services.database.write() as db:
        return services.ledger.begin(db, leased)


@dataclass(frozen=True)
class Books:
    """Services with one connection, and shorthand for what happens to its deliveries."""

    services: Services
    connection: Connection

    @classmethod
    def open(cls, services: Services) -> Books:
        """Open one connection, with three events to owe something for."""
        store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
        envelopes = [Envelope(webhook_id=str(number), platform_topic="orders/create") for number in range(3)]
        services.inbox.put([Incoming(store_id=store.id, envelope=envelope, body=b"{}") for envelope in envelopes])
        return cls(services, connect(services, store, "chrts", "http://127.0.0.1:9", api_key="k"))

    @classmethod
    def owing(cls, services: Services, *keys: str) -> Books:
        """Open the same, which is owed a step for each key, about a person each."""
        made = cls.open(services)
        for key in keys:
            made.plan(a_step(key))
        return made

    @property
    def ledger(self) -> Ledger:
        """The ledger of this process."""
        return self.services.ledger

    def plan(
        self, step: Step, version: Version = FIRST, *, event: int = 1, connection: Connection | None = None
    ) -> None:
        """Owe a step in a transaction of its own."""
        to = connection or self.connection
        owner = plans.Owner(
            event_id=event,
            store_id=to.store_id,
            connection_id=to.id,
            destination=to.destination,
            lane=to.lane,
            version=version,
        )
        with self.services.database.write() as db:
            unit = UnitOfWork(self.services.database, db)
            plans.plan(unit, owner, step)
            unit.flush()

    def lease(self, limit: int = 100) -> list[Delivery]:
        """Lease whatever is due and free."""
        return self.ledger.lease(self.connection.lane, limit)

    def begin(self, leased: Iterable[tuple[Delivery, bool]]) -> set[int]:
        """Write down the intent in a transaction of its own."""
        return begin(self.services, leased)

    def keys(self) -> list[str]:
        """Lease what is due; return its keys."""
        return [delivery.key for delivery in self.lease()]

    def settle(self, delivery: Delivery, state: State, **more: Any) -> bool:  # noqa: ANN401  (fields of a result)
        """Write down what became of it."""
        with self.services.database.write() as db:
            return bool(self.ledger.settle_all(db, [Result(delivery=delivery, state=state, **more)]))

    def change(self, **values: object) -> None:
        """Change every row, as time or an operator would."""
        with self.services.database.write() as db:
            db.execute(update(deliveries).values(values))

    def expire(self) -> None:
        """Let the leases run out, as if their holders had died."""
        self.change(leased_until=datetime.now(UTC) - timedelta(seconds=1))


def a_step(key: str, subject: str | None = None, **more: Any) -> Step:  # noqa: ANN401  (fields of a step)
    """Return a step about a subject of its own, unless one is named."""
    return Step(action="track", key=key, subject=subject or f"person:{key}", **more)
