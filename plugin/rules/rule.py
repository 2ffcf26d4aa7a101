"""Rules: which of a store's shipping connections books an order. `plugin.rules.rule_file` reads them from a file."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mappings.shipping.parcels import to_ship, weight_g

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mappings.canonical.orders import Order, Topic

USUAL_PRIORITY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What rules may ask of an order. `heard` are the topics of all its webhooks so far, in whatever order they came.

    `weight_g` is what still ships, `value` what the goods cost after discounts, without shipping and tax.
    """

    country: str | None
    weight_g: int | None
    value: Decimal
    currency: str
    tags: tuple[str, ...]
    shipping_methods: tuple[str, ...]
    skus: tuple[str, ...]
    financial_status: str | None
    source: str | None
    heard: frozenset[Topic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Holds if the order has any of these words; `*` stands for any letters, capitals do not matter."""

    key: str
    wanted: tuple[str, ...]

    def holds(self, facts: Facts) -> bool:
        """Return whether any of the order's values for `key` (its tags, SKUs …) matches one of `wanted`."""
        return any(_pattern(wanted).fullmatch(word) for wanted in self.wanted for word in WORDS[self.key](facts))

    def found(self, facts: Facts) -> str:
        """Return what the order has instead, in words."""
        words = ", ".join(sorted(set(WORDS[self.key](facts))))
        return f"{self.key} is {words or 'unknown'}, wanted {' or '.join(self.wanted)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Holds if a number is known and within these bounds, which belong to it; `currency` is asked where it is given."""

    key: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    currency: str | None = None

    def holds(self, facts: Facts) -> bool:
        """Return whether the number is within the bounds; an unknown one is within none."""
        number = NUMBERS[self.key](facts)
        if number is None or self.currency not in (None, facts.currency):
            return False
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)

    def found(self, facts: Facts) -> str:
        """Return what the order has instead, in words."""
        number = NUMBERS[self.key](facts)
        unit = f" {facts.currency}" if self.currency else ""
        named = (("at least", self.at_least), ("at most", self.at_most))
        bounds = " and ".join(f"{word} {bound:f}" for word, bound in named if bound is not None)
        wanted = bounds + (f" {self.currency}" if self.currency else "")
        return f"{self.key} is {'unknown' if number is None else f'{number:f}{unit}'}, wanted {wanted}"


Condition = Words | Span
WORDS: Mapping[str, Callable[[Facts], Iterable[str]]] = {
    "country": lambda facts: filter(None, (facts.country,)),
    "tags": lambda facts: facts.tags,
    "shipping_method": lambda facts: facts.shipping_methods,
    "sku": lambda facts: facts.skus,
    "financial_status": lambda facts: filter(None, (facts.financial_status,)),
    "currency": lambda facts: (facts.currency,),
    "source": lambda facts: filter(None, (facts.source,)),
}
NUMBERS: Mapping[str, Callable[[Facts], Decimal | None]] = {
    "weight_g": lambda facts: None if facts.weight_g is None else Decimal(facts.weight_g),
    "value": lambda facts: facts.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: every condition of `when` must hold and none of `unless`; of `topics` one must have come."""

    name: str
    topics: frozenset[Topic] = frozenset()
    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()
    hold_minutes: int | None = None

    def refusal(self, facts: Facts) -> str | None:
        """Return why the rule does not take an order; None when it does."""
        if self.topics and not self.topics & facts.heard:
            return f"none of {', '.join(sorted(self.topics))} was heard yet"
        for condition in self.when:
            if not condition.holds(facts):
                return condition.found(facts)
        for condition in self.unless:
            if condition.holds(facts):
                return f"unless: {condition.found(facts).partition(', wanted')[0]}"
        return None

    def awaits_payment(self, paid: Topic) -> bool:
        """Return whether it takes orders only once something was paid, so that its hold window starts then."""
        asks = any(condition.key == "financial_status" for condition in self.when)
        return asks or self.topics == frozenset({paid})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """The rules of one connection, in their order. Books of a lower `priority` are asked first."""

    priority: int = USUAL_PRIORITY
    hold_minutes: int | None = None
    rules: tuple[Rule, ...] = (Rule(name="every order"),)


def facts_of(order: Order, heard: frozenset[Topic], default_weight_g: int | None) -> Facts:
    """Return what rules may ask of an order; lines that do not ship count for neither weight nor SKU."""
    pieces = to_ship(order)
    return Facts(
        country=order.shipping_address.country_code if order.shipping_address else None,
        weight_g=weight_g(pieces) or default_weight_g,
        value=order.subtotal.amount,
        currency=order.currency,
        tags=order.tags,
        shipping_methods=order.shipping_methods,
        skus=tuple(piece.line.sku for piece in pieces if piece.line.sku),
        financial_status=order.payment_status,
        source=order.source,
        heard=heard,
    )


@functools.lru_cache(1024)
def _pattern(wanted: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, wanted.split("*"))), re.IGNORECASE | re.DOTALL)
