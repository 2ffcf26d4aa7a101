"""The two things that a call can come to: a vendor's answer, or why there is none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True, kw_only=True)
class Response:
    """A vendor's answer, whatever its status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    # Thousands of deliveries of one call read the same answer; `cached_property` of Python 3.11 would lock all threads.
    _parsed: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def json(self) -> Any:  # noqa: ANN401  (any JSON value)
        """The parsed body, fit to be stored, or None when it is no JSON: HTML, cut off, absurdly deep, or nothing."""
        if not self._parsed:
            self._parsed.append(json_of(self.body))
        return self._parsed[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No answer, and why.

    `sent` is False only when it is certain that the request never left; `timed_out`: the vendor may still be at work on
    it; `late`: it was not even tried; `used`: its place within the rate limit was used all the same, to log in.
    """

    sent: bool
    reason: str
    timed_out: bool = False
    late: bool = False
    used: bool = False


def encode(body: Mapping[str, Any] | bytes | None) -> bytes | None:
    """Return a body as it goes out: compact JSON in UTF-8; bytes and None stay."""
    return (
        body
        if body is None or isinstance(body, bytes)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    )


_DEEPEST = 50


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


_decode = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number).decode


def storable(item: Any, depth: int = 0) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value without what databases refuse, NUL and lone surrogates; raise ValueError if over 50 deep."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(item, str):
        return item.replace("\0", "\ufffd").encode(errors="replace").decode()
    if isinstance(item, dict):
        return {storable(key, depth): storable(value, depth + 1) for key, value in item.items()}
    return [storable(value, depth + 1) for value in item] if isinstance(item, list) else item


def json_of(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a parsed body, fit to be stored; None when it is no JSON: HTML, cut off, absurdly deep, or nothing."""
    try:
        # What nearly all answers are: nothing can be in them that would have to be taken out.
        is_plain = body.isascii() and b"\\u" not in body and b"\0" not in body
        if is_plain and body.count(b"{") + body.count(b"[") <= _DEEPEST:
            return _decode(body.decode())
        return storable(json.loads(body, parse_float=_finite, parse_constant=_no_number))
    except (ValueError, RecursionError):
        return None


LONGEST_PAUSE = timedelta(hours=1)


def retry_after(answer: Response) -> timedelta | None:
    """Return the wait that `Retry-After` asks for, at most an hour; None if it is neither seconds nor an HTTP date.

    RFC 9110 §10.2.3.
    """
    text = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "").strip()
    try:
        seconds = float(text) if text.isdecimal() else _seconds_until(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None
    return timedelta(seconds=min(max(0.0, seconds), LONGEST_PAUSE.total_seconds()))


def _seconds_until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return math.ceil((aware - datetime.now(UTC)).total_seconds())
