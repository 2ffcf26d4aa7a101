"""The number of decimals of each currency, and rounding to them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

# ISO 4217, minor units other than two (list one, as amended up to 2025).
_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_USUAL_DIGITS: Final = 2

# The default context holds 28 digits and raises beyond them; sums of implausible orders must still round.
_WIDE: Final = Context(prec=100, rounding=ROUND_HALF_UP)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return the amount rounded half up to the currency's own digits, so that equal amounts also look equal."""
    digits = _DIGITS.get(currency, _USUAL_DIGITS)
    return amount.quantize(Decimal(1).scaleb(-digits), context=_WIDE)
