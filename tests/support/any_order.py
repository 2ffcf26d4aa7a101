"""Orders of every kind, with whatever may be missing or absurd.

All of an order follows from one number. Drawn part by part, hypothesis would spend more on choosing than the mappings
take, and ten thousand orders are worth more than a shorter one in the report of a failure, which shows the whole order.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unicodedata import category

from hypothesis import strategies as st

from mappings.canonical.orders import Address, Line, Money, Order, TaxNumber

AT = datetime(2026, 11, 20, 16, tzinfo=UTC)
# With provinces and postal codes, with one of them, with neither; some wrong on purpose.
PLACES = (
    ("CA", "Ontario", "ON", "K1A 0B1"),
    ("CA", "Québec", "QC", "h2x1y4"),
    ("CA", "Ontario", None, "K1A 0B1"),
    ("CA", "Ontario", "XX", "K1A 0B1"),
    ("CA", None, "BC", "90210"),
    ("US", "Ohio", "OH", "45410"),
    ("US", "Puerto Rico", "PR", "00901-1234"),
    ("US", "Ohio", "OH", None),
    ("GB", "England", "ENG", "SW1A 1AA"),
    ("IE", "Co. Dublin", None, "D02 X285"),
    ("HK", "Hong Kong Island", "HK", None),
    ("SG", None, None, "018956"),
    ("AE", "Dubai", "DU", None),
    ("JP", "東京都", "JP-13", "100-0001"),
    ("DE", None, None, "10115"),
    ("FJ", None, None, None),
    ("FJ", ("Central " * 60).strip(), None, None),
    (None, None, None, None),
)
# Names as platforms give them besides a full one: both, one of them, in any script, or far too long.
HALVES = (
    *[(None, None)] * 12,
    *(("Jane", "Doe"), ("太郎", "山田"), ("Jane", None), (None, "Łukasz"), ("\u3000", "\u2800"), ("x" * 300, "y")),
)
TAX_NUMBERS = (TaxNumber(kind="VAT", number="GB1"), TaxNumber(kind="CPF", number="2"))
PHONES = (None, "+1 416 555 0100", "n/a", "٠٣-١٢٣٤", "5" * 300)
TEXTS = (
    "Jane Doe",
    "Marguerite Okafor-Lind",
    "Łukasz Żółć",
    "Дмитрий Иванов",
    "山田太郎",
    "محمد عبد الله",
    "🎁 gift",
    # A blank that only Latin letters show to be one.
    "\u2800",
    "48 Invented Crescent",
    "O'Brien & Sons, Ltd",
    "a\nb\tc",
    ", " * 80,
    "x" * 300,
)
_ABSURD = 6


def orders() -> st.SearchStrategy[Order]:
    """Draw an order that may lack anything."""
    return st.integers(0, 2**64).map(lambda seed: _order(random.Random(seed)))  # noqa: S311  (the same for the same seed)


def _order(dice: random.Random) -> Order:
    currency = dice.choice(["CAD", "USD"] * 6 + ["JPY", "KWD", "EUR"])
    nothing = Money(amount=Decimal(0), currency=currency)
    amounts = ("total", "subtotal", "shipping", "tax", "discount", "tip", "duties", "fees", "rounding")
    known: dict[str, Any] = dict.fromkeys(amounts, nothing)
    return Order(
        **known,
        ref=str(dice.randint(2**53, 2**64)),
        number="#1001",
        currency=currency,
        created_at=AT,
        updated_at=AT,
        placed_at=AT,
        lines=tuple(_line(dice, currency) for _ in range(dice.randint(1, 3))),
        shipping_address=_address(dice) if dice.randint(1, 16) != 16 else None,
        email=dice.choice([None, "jane@example.com"]),
        note=_text(dice),
        shipping_methods=tuple(filter(None, (_cleaned(_text(dice)) for _ in range(dice.randint(0, 2))))),
        tax_numbers=dice.choice([(), TAX_NUMBERS]),
    )


def _address(dice: random.Random) -> Address:
    """Of every country and script, with parts missing."""
    country, province, code, postal_code = dice.choice(PLACES)
    first_name, last_name = dice.choice(HALVES)
    return Address(
        name=_cleaned(_text(dice)),
        first_name=_cleaned(first_name),
        last_name=_cleaned(last_name),
        company=_cleaned(_text(dice)),
        address1=_cleaned(_text(dice)),
        address2=_cleaned(_text(dice)),
        city=_cleaned(_text(dice)),
        province=province,
        province_code=code,
        postal_code=postal_code,
        country_code=country,
        phone=dice.choice(PHONES[:-1] * 4 + PHONES[-1:]),
    )


def _line(dice: random.Random, currency: str) -> Line:
    """Goods of any price and weight."""
    quantity = dice.randint(1, 40)
    unit = Decimal(dice.randint(0, 10**6)) / dice.choice([Decimal(100), Decimal(1000), Decimal("0.0001")])
    return Line(
        ref=str(dice.randint(1, 2**63)),
        name=_cleaned(_text(dice)) or "Mug",
        quantity=quantity,
        quantity_to_ship=quantity - dice.choice([0, 0, 0, 1]),
        unit_price=Money(amount=unit, currency=currency),
        discount=Money(amount=dice.choice([Decimal(0), unit, unit * quantity * 2]), currency=currency),
        tax=Money(amount=Decimal(0), currency=currency),
        requires_shipping=dice.choice([True, True, True, False]),
        unit_weight_g=dice.choice([1, 250, 4_000] * 4 + [0, None]),
        sku=dice.choice([*[None, "MUG-1", "MUG 2/é"] * 4, "x" * 101, "x" * 300]),
        variant_ref=dice.choice([None, str(2**63)]),
        hs_code=dice.choice([None, "6912.00"]),
        origin_country=dice.choice([None, "PT"]),
    )


def _text(dice: random.Random) -> str | None:
    """Draw a usual one, none, or any letters there are."""
    if dice.randint(1, _ABSURD) < _ABSURD:
        return dice.choice((*TEXTS[:-1] * 3, TEXTS[-1], None))
    # As often from the letters that people write as from anywhere.
    highest = dice.choice((0xFF, 0x24F, 0xFFFF, sys.maxunicode))
    letters = (chr(dice.randint(1, highest)) for _ in range(dice.randint(1, 40)))
    return "".join(letter for letter in letters if category(letter) not in ("Cs", "Cc")) or None


def _cleaned(text: str | None) -> str | None:
    """As storefronts' fields load it."""
    return (text or "").strip() or None
