"""What Shopify's documents have in common once they are loaded: sets of two currencies, lines, attributes, clients."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mappings.canonical.orders import Client, DeliveryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING: Final = Decimal(0)


def shop_amount(data: Mapping[str, Any], name: str) -> Decimal | None:
    """The amount of a `*_set` in the shop's currency."""
    money = (data.get(name) or {}).get("shop")
    return money.amount if money else None


def given(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    """The first that was said; zero was said."""
    return second if first is None else first


def total_of(amounts: Iterable[Decimal | None]) -> Decimal:
    """The sum of what was said."""
    return sum((amount for amount in amounts if amount), NOTHING)


def texts_of(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Those that say something."""
    return tuple(text for text in texts if text)


def line_discount(line: Mapping[str, Any]) -> Decimal:
    """What was taken off a whole line."""
    return line.get("discounts") or line.get("total_discount") or NOTHING


def coupon_of(line: Mapping[str, Any], order: Mapping[str, Any]) -> str | None:
    """The codes among the discounts of a line; it names them by their place in those of the order."""
    known = order.get("applied") or ()
    codes = texts_of(known[place].get("code") for place in line.get("applied") or () if 0 <= place < len(known))
    return ", ".join(dict.fromkeys(codes)) or None


def shipping_price(line: Mapping[str, Any]) -> Decimal | None:
    """What a way of shipping costs."""
    return given(line.get("discounted_price"), line.get("price"))


def kept_shipping(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The ways of shipping that were not taken away again."""
    return [line for line in data.get("shipping_lines") or () if not line.get("removed")]


def attributes_of(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The `note_attributes` that say something."""
    pairs = ((pair.get("name"), pair.get("value")) for pair in data.get("note_attributes") or ())
    return tuple((name, value) for name, value in pairs if name and value)


def client_of(data: Mapping[str, Any]) -> Client:
    """What the buyer's browser said."""
    details = data.get("client_details") or {}
    return Client(
        ip=details.get("ip") or data.get("browser_ip"),
        user_agent=details.get("user_agent"),
        landing_url=data.get("landing_site"),
        referrer=data.get("referring_site"),
    )


def delivery(data: Mapping[str, Any]) -> DeliveryKind | None:
    """A way of delivery without an address is a pick-up: "null for digital, pick-up and POS orders" (section 9).

    Without access to personal data the address is cut down to its country, but it is there (section 2).
    """
    if data.get("shipping_address"):
        return DeliveryKind.SHIP
    chosen = any(not line.get("removed") for line in data.get("shipping_lines") or ())
    return DeliveryKind.PICKUP if chosen else None
