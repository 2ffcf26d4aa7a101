"""What Shopify's documents have in common once they are loaded: sets of two currencies, lines, attributes, clients."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mappings.canonical.orders import Client, DeliveryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING: Final = Decimal(0)


def shop_amount(data: Mapping[str, Any], name: str) -> Decimal | None:
    """Return the amount of a `*_set` in the shop's currency, or None."""
    money = (data.get(name) or {}).get("shop")
    return money.amount if money else None


def given(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    """Return the first amount that is not None; zero counts as an amount."""
    return second if first is None else first


def total_of(amounts: Iterable[Decimal | None]) -> Decimal:
    """Return the sum of the amounts that are not None."""
    return sum((amount for amount in amounts if amount), NOTHING)


def texts_of(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Return the texts that are neither None nor empty."""
    return tuple(text for text in texts if text)


def line_discount(line: Mapping[str, Any]) -> Decimal:
    """Return the discount of a whole line, zero if it has none."""
    return line.get("discounts") or line.get("total_discount") or NOTHING


def coupon_of(line: Mapping[str, Any], order: Mapping[str, Any]) -> str | None:
    """Return the discount codes of a line, or None; it names them by their places in the order's list."""
    known = order.get("applied") or ()
    codes = texts_of(known[place].get("code") for place in line.get("applied") or () if 0 <= place < len(known))
    return ", ".join(dict.fromkeys(codes)) or None


def shipping_price(line: Mapping[str, Any]) -> Decimal | None:
    """Return what a way of shipping costs after its discount, or None."""
    return given(line.get("discounted_price"), line.get("price"))


def kept_shipping(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the ways of shipping that were not removed again."""
    return [line for line in data.get("shipping_lines") or () if not line.get("removed")]


def attributes_of(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return name and value of each of the `note_attributes` that has both."""
    pairs = ((pair.get("name"), pair.get("value")) for pair in data.get("note_attributes") or ())
    return tuple((name, value) for name, value in pairs if name and value)


def client_of(data: Mapping[str, Any]) -> Client:
    """Return what the buyer's browser said of itself."""
    details = data.get("client_details") or {}
    return Client(
        ip=details.get("ip") or data.get("browser_ip"),
        user_agent=details.get("user_agent"),
        landing_url=data.get("landing_site"),
        referrer=data.get("referring_site"),
    )


def delivery(data: Mapping[str, Any]) -> DeliveryKind | None:
    """Return how goods reach the buyer; a way of shipping without an address is a pick-up, and neither is None.

    The address is "null for digital, pick-up and POS orders" (`docs/vendors/shopify.md` §9).

    Without access to personal data the address is cut down to its country, but it is there (§2).
    """
    if data.get("shipping_address"):
        return DeliveryKind.SHIP
    chosen = any(not line.get("removed") for line in data.get("shipping_lines") or ())
    return DeliveryKind.PICKUP if chosen else None
