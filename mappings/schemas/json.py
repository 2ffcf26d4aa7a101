"""The parser of JSON bodies, the same for every storefront."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from mappings.schemas.schema import PayloadRejected

# CPython's parser recurses once per level; refusing earlier gives one clear reason on every interpreter version.
MAX_DEPTH = 100

_ESCAPED_BACKSLASH = re.compile(r"\\\\")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_UNSTORABLE = re.compile(r"\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})")


class _NotANumber(ValueError):
    """NaN or an infinity, which is no JSON, though Python's parser would take it."""


def parse(raw: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """Return the JSON value in a webhook's body, exactly: decimals become `Decimal`, 64-bit ids stay whole.

    Raises:
        PayloadRejected: not UTF-8, not JSON, NaN or Infinity, or nested deeper than `MAX_DEPTH`.
    """
    try:
        document = json.loads(raw.decode(), parse_float=Decimal, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise PayloadRejected("the body is not UTF-8") from None
    except RecursionError:
        raise PayloadRejected(f"the body is nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise PayloadRejected(f"the body is not JSON (line {error.lineno}, column {error.colno})") from None
    except _NotANumber as error:
        raise PayloadRejected(f"the body is not JSON: {error} is no number") from None
    except ValueError:
        raise PayloadRejected("the body is not JSON: it holds a number of thousands of digits") from None
    if _unstorable(raw):
        raise PayloadRejected("the body holds characters no database stores: \\u0000 or half a surrogate pair")
    if _too_deep(document):
        raise PayloadRejected(f"the body is nested deeper than {MAX_DEPTH} levels")
    return document


def _unstorable(raw: bytes) -> bool:
    if b"\\u" not in raw:
        return False
    text = _PAIR.sub("", _ESCAPED_BACKSLASH.sub("", raw.decode()))
    return _UNSTORABLE.search(text) is not None


def _refuse(constant: str) -> None:
    raise _NotANumber(constant)


def _too_deep(document: object) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [inner for item in level for inner in _children(item)]
        if not level:
            return False
    return True


def _children(item: object) -> list[Any]:
    if isinstance(item, dict):
        return [value for value in item.values() if isinstance(value, (dict, list))]
    return [value for value in item if isinstance(value, (dict, list))] if isinstance(item, list) else []
