"""What a vendor answered, or why there is no answer."""

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
    """What the vendor said."""

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
    """No answer. `sent` is False only when it is certain that the request never left; `late`: it was not even tried.

    `used`: its place within the rate limit was used all the same, to log in.
    """

    sent: bool
    reason: str
    timed_out: bool = False
    late: bool = False
    used: bool = False


def encode(body: Mapping[str, Any] | bytes | None) -> bytes | None:
    """A JSON body as it goes out: UTF-8, compact."""
    return (
        body
        if body is None or isinstance(body, bytes)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    )


_DEEPEST = 50


_decode = json.JSONDecoder().decode


def storable(item: Any, depth: int = 0) -> Any:  # noqa: ANN401  (any JSON value)
    """A JSON value without what databases refuse, NUL and half surrogate pairs; ValueError if it is absurdly deep."""
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(item, str):
        return item.replace("\0", "\ufffd").encode(errors="replace").decode()
    if isinstance(item, dict):
        return {storable(key, depth): storable(value, depth + 1) for key, value in item.items()}
    return [storable(value, depth + 1) for value in item] if isinstance(item, list) else item


def json_of(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """A parsed body, fit to be stored; None when it is no JSON: HTML, cut off, absurdly deep, or nothing."""
    try:
        # What nearly all answers are: nothing can be in them that would have to be taken out.
        is_plain = body.isascii() and b"\\u" not in body and b"\0" not in body
        if is_plain and body.count(b"{") + body.count(b"[") <= _DEEPEST:
            return _decode(body.decode())
        return storable(json.loads(body))
    except (ValueError, RecursionError):
        return None


_LONGEST_PAUSE = timedelta(hours=1)


def retry_after(answer: Response) -> timedelta | None:
    """The wait that `Retry-After` asks for, in seconds or as an HTTP date (RFC 9110 §10.2.3), at most an hour."""
    text = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "").strip()
    try:
        seconds = float(text) if text.isdecimal() else _seconds_until(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None
    return timedelta(seconds=min(max(0.0, seconds), _LONGEST_PAUSE.total_seconds()))


def _seconds_until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return math.ceil((aware - datetime.now(UTC)).total_seconds())
