"""Provinces and postal codes of the two countries whose carriers insist on them."""

from __future__ import annotations

import re
from typing import Final

_CODES: Final = {
    "CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
    # With the District of Columbia, the territories and the armed forces.
    "US": (
        "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK"
        " OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI UM AA AE AP"
    ),
}
_PROVINCES: Final = {country: frozenset(codes.split()) for country, codes in _CODES.items()}
_POSTAL_CODES: Final = {
    "CA": re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d", re.ASCII | re.IGNORECASE),
    "US": re.compile(r"\d{5}(-?\d{4})?", re.ASCII),
}
WITH_PROVINCES: Final = frozenset(_PROVINCES)


def is_province(country: str, code: str) -> bool:
    """Return whether a country has this province; for a country that needs none, anything passes."""
    return country not in _PROVINCES or code in _PROVINCES[country]


def is_postal_code(country: str, code: str) -> bool:
    """Return whether a postal code has its country's form; for a country not described here, anything passes."""
    return country not in _POSTAL_CODES or _POSTAL_CODES[country].fullmatch(code) is not None
