"""Checks of single values. Each returns what is wrong with the value, or None."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

Check = Callable[[object], str | None]
# The sheet knows no length limits ("Unknown - do not invent"); 255 is our choice, the usual width of such a column.
LONGEST = 255


def words(listed: str) -> tuple[str, ...]:
    """Split a list of names written as text."""
    return tuple(listed.split())


def check_object(body: Mapping[str, Any], fields: Mapping[str, Check], required: Iterable[str], *, strict: bool) -> str:
    """Return the first complaint about `body`, naming the field, or "".

    Strictness about unknown fields is ours: it finds the misspelt ones, which the vendor may silently ignore.
    """
    unknown = sorted(set(body) - set(fields))
    if strict and unknown:
        return f"{unknown[0]} is not a known field"
    for name in required:
        if name not in body or body[name] == "":
            return f"{name} is required"
    for name, check in fields.items():
        if name in body and (wrong := check(body[name])):
            return f"{name} {wrong}"
    return ""


def text(value: object) -> str | None:
    """Accept a string. null is refused (ours: only the answers are known to hold it)."""
    if not isinstance(value, str):
        return "must be a string"
    return f"is longer than {LONGEST} characters" if len(value) > LONGEST else None


def filled(value: object) -> str | None:
    """Accept a string that says something."""
    return text(value) or (None if str(value).strip() else "must not be blank")


def flag(value: object) -> str | None:
    """Accept true or false."""
    return None if isinstance(value, bool) else "must be true or false"


def count(value: object) -> str | None:
    """Accept a whole number of at least one."""
    fine = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return None if fine else "must be a whole number of at least 1"


def number(value: object) -> str | None:
    """Accept a number above zero."""
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf
    return None if fine else "must be a number greater than 0"


def number_or_text(value: object) -> str | None:
    """Accept a number above zero, also as decimal text."""
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
        return number(float(value))
    return number(value)


def amount(value: object) -> str | None:
    """Accept decimal text with at most two decimals; zero passes, as no least value is known."""
    fine = isinstance(value, str) and re.fullmatch(r"\d{1,9}(\.\d{1,2})?", value)
    return None if fine else "must be a decimal amount as text"


def amount_or_number(value: object) -> str | None:
    """Accept the same, also as a JSON number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return amount(format(Decimal(repr(value)), "f"))
    return amount(value)


def one_of(*values: str) -> Check:
    """Accept one of `values`, spelt exactly so."""
    allowed = frozenset(values)
    complaint = f"must be one of: {', '.join(value for value in values if value)}"
    return lambda value: None if isinstance(value, str) and value in allowed else complaint


def optional(check: Check) -> Check:
    """Accept null besides."""
    return lambda value: None if value is None else check(value)


def empty_or(check: Check) -> Check:
    """Accept an empty string besides."""
    return lambda value: None if value == "" else check(value)


def list_of_text(value: object) -> str | None:
    """Accept a list of at least one string."""
    fine = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    return None if fine else "must be a list of strings"
