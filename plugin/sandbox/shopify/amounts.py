"""The figures of an invented order: computed from its goods, so that they add up as a real order's do."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin.sandbox.shopify.people import Goods

NOTHING = Decimal("0.00")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an order is paid: currencies, taxes, a discount in percent, shipping, a tip."""

    currency: str
    presentment: str
    exchange: Decimal
    taxes: Sequence[tuple[str, str]]
    taxes_included: bool
    percent_off: int
    shipping: Decimal
    tip: Decimal

    def both(self, amount: Decimal) -> dict[str, Any]:
        """Return an amount as a `*_set`: in the shop's currency, and in the one the buyer saw."""
        seen = _rounded(amount * self.exchange)
        return {
            "shop_money": {"amount": f"{amount:.2f}", "currency_code": self.currency},
            "presentment_money": {"amount": f"{seen:.2f}", "currency_code": self.presentment},
        }

    def tax_lines(self, amount: Decimal) -> list[dict[str, Any]]:
        """Return each tax on `amount`, or each tax contained in it where prices include tax."""
        share = sum((Decimal(rate) for _, rate in self.taxes), Decimal(1)) if self.taxes_included else Decimal(1)
        return [self._tax_line(name, rate, _rounded(amount * Decimal(rate) / share)) for name, rate in self.taxes]

    def _tax_line(self, name: str, rate: str, price: Decimal) -> dict[str, Any]:
        figures = {"price": f"{price:.2f}", "price_set": self.both(price)}
        return {"channel_liable": False, "rate": float(rate), "title": name} | figures


def line(goods: Goods, quantity: int, terms: Terms) -> dict[str, Any]:
    """Return the figures of one line."""
    whole = goods.price * quantity
    off = _rounded(whole * terms.percent_off / 100)
    allocation = {"amount": f"{off:.2f}", "amount_set": terms.both(off), "discount_application_index": 0}
    return {
        "quantity": quantity,
        "current_quantity": quantity,
        "fulfillable_quantity": quantity,
        "price": f"{goods.price:.2f}",
        "price_set": terms.both(goods.price),
        "total_discount": "0.00",
        "total_discount_set": terms.both(NOTHING),
        "discount_allocations": [allocation] if off else [],
        "tax_lines": terms.tax_lines(whole - off),
    }


def shipping_line(terms: Terms) -> dict[str, Any]:
    """Return the figures of the way of shipping that the buyer paid for."""
    price, both = f"{terms.shipping:.2f}", terms.both(terms.shipping)
    names = ("price_set", "discounted_price_set", "current_discounted_price_set")
    prices = {"price": price, "discounted_price": price, "tax_lines": terms.tax_lines(terms.shipping)}
    return prices | dict.fromkeys(names, both)


def totals(lines: Sequence[Mapping[str, Any]], shipped: Sequence[Mapping[str, Any]], terms: Terms) -> dict[str, Any]:
    """Return the figures of the whole order, as placed and as they stand."""
    goods = _sum(Decimal(one["price"]) * one["quantity"] for one in lines)
    off = _sum(Decimal(part["amount"]) for one in lines for part in one["discount_allocations"])
    taxes = [part for one in (*lines, *shipped) for part in one["tax_lines"]]
    tax = _sum(Decimal(part["price"]) for part in taxes)
    shipping = _sum(Decimal(one["price"]) for one in shipped)
    total = goods - off + shipping + terms.tip + (NOTHING if terms.taxes_included else tax)
    both = {"subtotal_price": goods - off, "total_discounts": off, "total_price": total, "total_tax": tax}
    current = {f"current_{name}": amount for name, amount in both.items()}
    plain = {"total_line_items_price": goods, "total_outstanding": total, "total_tip_received": terms.tip}
    sets = both | current | {"total_line_items_price": goods, "total_shipping_price": shipping}
    sets |= {"current_shipping_price": shipping, "total_cash_rounding_payment_adjustment": NOTHING}
    figures: dict[str, Any] = {name: f"{amount:.2f}" for name, amount in (both | current | plain).items()}
    figures |= {f"{name}_set": terms.both(amount) for name, amount in sets.items()}
    return figures | {"tax_lines": _merged(taxes, terms), "taxes_included": terms.taxes_included}


def _merged(taxes: Sequence[Mapping[str, Any]], terms: Terms) -> list[dict[str, Any]]:
    """One entry for each tax, over all lines."""
    rates = {part["title"]: str(part["rate"]) for part in taxes}
    amounts = {title: _sum(Decimal(part["price"]) for part in taxes if part["title"] == title) for title in rates}
    return [
        {"channel_liable": False, "rate": float(rates[title]), "title": title}
        | {"price": f"{amount:.2f}", "price_set": terms.both(amount)}
        for title, amount in amounts.items()
    ]


def _sum(amounts: Any) -> Decimal:  # noqa: ANN401  (any iterable of decimals)
    return sum(amounts, NOTHING)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
