"""The choice which of a store's shipping connections an order belongs to. Pure, so that it can be asked beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.canonical.orders import Topic
from mappings.shipping.parcels import is_called_off
from plugin import destinations
from plugin.destinations.base import ships
from plugin.rules.rule import facts_of
from plugin.rules.rule_file import book

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mappings.canonical.orders import Order
    from plugin.rules.rule import Rule
    from plugin.storage.stores import Connection

# What an order says of itself once it is on its way changes with every parcel; it is no reason to book elsewhere.
_ON_ITS_WAY = frozenset({"partial", "fulfilled", "restocked"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One rule that was asked, and why it does not take the order; None says that it does."""

    connection: Connection
    rule: Rule
    refusal: str | None

    @property
    def hold(self) -> timedelta:
        """Return how long a booking waits: the rule's own window, else its file's, else the connection's setting."""
        windows = (self.rule.hold_minutes, book(self.connection.rules).hold_minutes)
        own = next((minutes for minutes in windows if minutes is not None), None)
        return timedelta(minutes=int(self.connection.values.get("hold_minutes", 0)) if own is None else own)

    @property
    def awaits_payment(self) -> bool:
        """Whether its window starts with the payment."""
        return self.rule.awaits_payment(Topic.ORDER_PAID)


def shipping(connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections that book parcels, as they are asked: by the priority of their rules, then by age."""
    found = [item for item in connections if ships(destinations.get(item.destination))]
    return sorted(found, key=lambda item: (book(item.rules).priority, item.created_at, item.id))


def ask(carriers: Sequence[Connection], order: Order, heard: frozenset[Topic]) -> list[Asked]:
    """Return every rule up to the first that takes the order; the last one decides."""
    asked: list[Asked] = []
    for connection in carriers:
        facts = facts_of(order, heard, _default_weight(connection))
        for rule in book(connection.rules).rules:
            asked.append(Asked(connection=connection, rule=rule, refusal=rule.refusal(facts)))
            if asked[-1].refusal is None:
                return asked
    return asked


def chosen(asked: Sequence[Asked]) -> Asked | None:
    """Return the rule that takes the order, None if none does."""
    return asked[-1] if asked and asked[-1].refusal is None else None


def is_settled(order: Order) -> bool:
    """Return whether it is too late for rules: the order is on its way, or nothing is to be sent any more."""
    sent = order.closed_at is not None or order.fulfillment_status in _ON_ITS_WAY
    return sent or is_called_off(order)


def _default_weight(connection: Connection) -> int | None:
    grams = connection.values.get("default_weight_g")
    return round(float(grams)) if grams else None
