"""What a run of chaos came to: bookings and messages as the vendors saw them, losses as the ledger counted them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from plugin.storage import queries
from plugin.storage.tables import deliveries, events

if TYPE_CHECKING:
    from plugin.sandbox import Emulator, Sandbox
    from plugin.services import Services

FAULTY = frozenset({"status", "reset_before", "reset_after", "timeout_after", "garbage"})
# The call took effect, but whoever made it did not learn that.
_LOST = frozenset({"reset_after", "timeout_after", "garbage"})


@dataclass(frozen=True, kw_only=True)
class Report:
    """Counts of one run; `troubles` names what must not happen, and is empty when all went well."""

    seed: int
    orders: int
    seconds: float
    kills: Counter[str]
    resent: int
    calls: int
    failed: int
    twice: int
    troubles: list[str]

    def __str__(self) -> str:
        """One line."""
        kills = ", ".join(f"{role} {count}" for role, count in sorted(self.kills.items()))
        return (
            f"seed {self.seed}: {self.orders} orders in {self.seconds:.0f} s; killed: {kills}; {self.resent} webhooks "
            f"sent again; {self.failed} of {self.calls} calls failed; {self.twice} Order Completed twice, each after a "
            f"lost answer: {'; '.join(self.troubles) or 'ok'}"
        )


def troubles(services: Services, sandbox: Sandbox, orders: set[str]) -> tuple[list[str], int]:
    """Return what must not happen, and how many Order Completed came twice."""
    booked = Counter(one["order_id"] for one in sandbox.emulators["chitchats"].state()["shipments"])
    bought = Counter(item for one in _accounts(sandbox) for item in one["purchases"])
    chrts = sandbox.emulators["chrts"]
    completed = Counter(_order(one) for one in chrts.state()["events"] if one["name"] == "Order Completed")
    lost = _losses(services) | _lost_on_the_way(chrts)
    seen = {_order(one["body"]) for one in chrts.requests() if one["path"] == "/event/track"}
    found = {
        "booked never": orders - set(booked),
        "booked more than once": {ref for ref, count in booked.items() if count > 1},
        "bought more than once": {str(one) for one, count in bought.items() if count > 1},
        "Order Completed never sent": orders - seen,
        "Order Completed never arrived, though no answer was lost": orders - set(completed) - lost,
        "Order Completed twice, though no answer was lost": {ref for ref, count in completed.items() if count > 1}
        - lost,
        "Order Completed more than twice": {ref for ref, count in completed.items() if count > 2},
    }
    told = [f"{len(refs)} {what} ({', '.join(sorted(refs)[:3])})" for what, refs in found.items() if refs]
    states = queries.counts(services.database)["deliveries"]
    if not queries.is_idle(services.database) or states["held"]:
        told.append(f"not finished: { {state: count for state, count in states.items() if count} }")
    return told, sum(count > 1 for count in completed.values())


def calls(sandbox: Sandbox) -> tuple[int, int]:
    """How many calls the vendors got, and how many of these failed."""
    made = [one for emulator in sandbox.emulators.values() for one in emulator.requests()]
    return len(made), sum(one["fault"] in FAULTY for one in made)


def _accounts(sandbox: Sandbox) -> list[dict[str, list[str]]]:
    return list(sandbox.emulators["chitchats"].state()["accounts"].values())


def _order(message: dict[str, dict[str, str]]) -> str:
    return message["properties"]["order_id"]


def _losses(services: Services) -> set[str]:
    """Return the orders of which the ledger says that the answer to a track was lost."""
    query = select(events.c.document_ref).join(deliveries, deliveries.c.event_id == events.c.id)
    with services.database.read() as db:
        chosen = query.where(deliveries.c.action == "track", deliveries.c.losses > 0)
        return {str(ref) for ref in db.execute(chosen).scalars()}


def _lost_on_the_way(chrts: Emulator) -> set[str]:
    lost = [one for one in chrts.requests() if one["path"] == "/event/track" and one["fault"] in _LOST]
    return {_order(one["body"]) for one in lost}
