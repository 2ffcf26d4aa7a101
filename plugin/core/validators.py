"""Checks of settings: each raises `ValueError` with what would be right."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


def positive(text: str) -> None:
    """Raise ValueError unless the text is a decimal number above 0."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise ValueError("a number above 0")


def digits(text: str) -> None:
    """Raise ValueError unless the text is a whole number, such as a vendor's account number."""
    if not (text.isascii() and text.isdecimal()):
        raise ValueError("a whole number")


def whole(unit: str, most: int) -> Callable[[str], None]:
    """Return a check that takes whole numbers of a `unit` (minutes, hours), from 0 up to `most`."""

    def check(text: str) -> None:
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and int(text) <= most):
            raise ValueError(f"whole {unit} from 0 to {most}")

    return check


def count(text: str) -> None:
    """Raise ValueError unless the text is a whole number above 0."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ValueError("a whole number above 0")


def seconds_up_to(most: float) -> Callable[[str], None]:
    """Return a check that takes decimal numbers of seconds above 0, up to `most`."""

    def check(text: str) -> None:
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal(0)
        if not (value.is_finite() and 0 < value <= Decimal(most)):
            raise ValueError(f"seconds above 0 and up to {most:g}")

    return check


def country(text: str) -> None:
    """Take a country's two-letter code (the form of ISO 3166-1 alpha-2)."""
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("a two-letter country code such as CA")


def ship_date(text: str) -> None:
    """Take `today`, or a day such as 2026-11-30."""
    if text == "today":
        return
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("`today` or a day such as 2026-11-30") from None


def header(text: str) -> None:
    """Take a credential that fits into an HTTP header."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError("printable ASCII without line breaks")


def http_url(text: str) -> None:
    """Take an http(s) address without query or credentials."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("an address such as https://example.com")


def one_of(*allowed: str) -> Callable[[str], None]:
    """Return a check that takes these words only."""

    def check(text: str) -> None:
        if text not in allowed:
            raise ValueError("one of " + ", ".join(allowed))

    return check
