"""Rates as Chit Chats offers them, and the rule that chooses one (docs/vendors/chitchats.md §5 and §7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError

from mappings.canonical.orders import Money
from mappings.canonical.receipt import Rate
from mappings.destinations.chitchats.enums import POSTAGE_TYPES
from mappings.schemas.fields import Amount, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CURRENCY: Final = "CAD"
# "Amount arithmetic" in §5, and the newer fees of the table above it.
FEES: Final = (
    *("insurance_fee", "delivery_fee", "tariff_fee", "broker_conveyance_fee", "shipment_items_fee"),
    "fda_prior_notification_fee",
)
UNCHOSEN: Final = "unknown"
_PRICE: Final = re.compile(r"fastest_under:(\d{1,6}(?:\.\d{1,2})?)")
_NUMBERS: Final = re.compile(r"\d{1,3}")
_MOST_CAUSES: Final = (
    "ship_date (missing or past), dimensions and weight (missing, or over the service's limit), the duties flag (not"
    " for Canada or the US), HS code, origin and manufacturer of every line (duty-paid postage to the US), the address"
)
NO_RATES: Final = f"Chit Chats offers no rates for this shipment and says not why; likely causes: {_MOST_CAUSES}"


class _RateSchema(Schema):
    """One of `rates`."""

    class Meta:
        """More keys are to be expected."""

        unknown = EXCLUDE

    postage_type = Text(required=True)
    postage_description = Text()
    delivery_time_description = Text()
    tracking_type_description = Text()
    payment_amount = Amount(allow_none=True)
    purchase_amount = Amount(allow_none=True)
    insurance_fee = Amount(allow_none=True)
    delivery_fee = Amount(allow_none=True)


_RATE: Final = _RateSchema()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a rule came to: a rate, or why there is none."""

    rate: Rate | None = None
    problem: str = ""


def rates(listed: Sequence[Any]) -> tuple[Rate, ...]:
    """Read offers; one without a postage type or a price can't be bought, so it is passed over."""
    found = []
    for entry in listed:
        try:
            said: Any = _RATE.load(entry)
        except ValidationError:
            continue
        cost = price(said)
        if cost is not None:
            found.append(_rate(said, cost))
    return tuple(found)


def price(said: Mapping[str, Any]) -> Money | None:
    """Return what is charged: tax is inside `purchase_amount`, fees are not."""
    amount = said.get("payment_amount")
    if amount is None and said.get("purchase_amount") is not None:
        parts = (said.get(name) for name in ("purchase_amount", *FEES))
        amount = sum((part for part in parts if part), Decimal(0))
    return None if amount is None else Money(amount=amount, currency=CURRENCY)


def check_rule(text: str) -> None:
    """Raise `ValueError` for what is no postage type and no rule, for all countries or `COUNTRY:…` for each."""
    for part in text.split(","):
        rule = part.partition(":")[2] if re.match(r"([A-Z]{2}|\*):", part) else part
        if rule not in (*POSTAGE_TYPES, "cheapest", "cheapest_tracked") and not _PRICE.fullmatch(rule):
            raise ValueError(
                "a postage type such as chit_chats_us_edge, cheapest, cheapest_tracked or fastest_under:12.50, or by"
                " country such as CA:chit_chats_canada_tracked,US:cheapest,*:unknown"
            )


def rule_for(text: str, country: str | None) -> str:
    """Return the rule for parcels to a country; `*` is for every country that is not named."""
    by_country = {}
    for part in text.split(","):
        named = re.match(r"([A-Z]{2}|\*):(.*)", part)
        by_country[named[1] if named else "*"] = named[2] if named else part
    return by_country.get(country or "*") or by_country.get("*", UNCHOSEN)


def fixed(rule: str) -> str:
    """Return the postage type to ask for when the shipment is made; a rule can only choose once there are rates."""
    return rule if rule in POSTAGE_TYPES else UNCHOSEN


def choose(rule: str, offers: Sequence[Rate]) -> Choice:
    """Choose by the rule; equal ones are taken in the order in which they are offered.

    The fastest is the one that takes the fewest days at worst. One whose days or tracking nobody can read from the
    vendor's words is not taken for fast or tracked.
    """
    limit = _PRICE.fullmatch(rule)
    if limit:
        under = [rate for rate in offers if rate.days and rate.cost.amount < Decimal(limit[1])]
        return _best(under, lambda rate: (*reversed(rate.days or ()), rate.cost.amount), rule, offers)
    if rule in ("cheapest", "cheapest_tracked"):
        fit = [rate for rate in offers if rate.tracked or rule == "cheapest"]
        return _best(fit, lambda rate: (rate.cost.amount,), rule, offers)
    return _best([rate for rate in offers if rate.service == rule], lambda _: (), rule, offers)


def _best(fit: Sequence[Rate], order: Any, rule: str, offers: Sequence[Rate]) -> Choice:  # noqa: ANN401  (a sort key)
    if fit:
        return Choice(rate=min(fit, key=order))
    offered = ", ".join(f"{rate.service} for {rate.cost.amount} {rate.cost.currency}" for rate in offers)
    return Choice(problem=f"postage_type: no rate fits {rule}; offered: {offered}")


def _rate(said: Mapping[str, Any], cost: Money) -> Rate:
    return Rate(
        service=said["postage_type"],
        cost=cost,
        name=said.get("postage_description"),
        tracked=_is_tracked(said.get("tracking_type_description")),
        days=_days(said.get("delivery_time_description")),
    )


def _is_tracked(words: str | None) -> bool | None:
    """Read such as `Full tracking included`; which other words there are is documented nowhere."""
    if words is None:
        return None
    return "track" in words.lower() and not re.search(r"\b(no|not|non|without|untracked)\b", words, re.IGNORECASE)


def _days(words: str | None) -> tuple[int, int] | None:
    """Read such as `2-12 estimated business days`."""
    numbers = [int(number) for number in _NUMBERS.findall(words or "")]
    return (min(numbers), max(numbers)) if numbers else None
