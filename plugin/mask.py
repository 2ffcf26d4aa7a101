"""What may be kept of a request and its answer: the shape of everything, the values of little."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.http import Answer
    from plugin.model import Request

_LONGEST_KEPT = 4_000
_LONGEST_WORDS = 200
# Shorter values occur in ordinary words, and say nothing about anybody.
_SHORTEST_SECRET = 3
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
HIDDEN = "•"


def request_line(request: Request, plain: frozenset[str]) -> str:
    """The call as it may be kept: method, path, and the body with every text hidden whose key is not in `plain`."""
    body = "" if request.body is None else " " + masked(request.body, plain)
    return f"{request.method} {request.path}{body}"


def answer_text(answer: Answer, plain: frozenset[str]) -> str:
    """The answer as it may be kept; of one that is not JSON only its size."""
    return masked(answer.json, plain) if answer.json is not None else f"{len(answer.body)} bytes, not JSON"


def masked(document: Any, plain: frozenset[str]) -> str:  # noqa: ANN401  (any JSON value)
    """JSON text of `document` in which texts and numbers are hidden unless their key is in `plain`."""
    return json.dumps(_masked(document, plain, shown=False), ensure_ascii=False)[:_LONGEST_KEPT]


def vendor_words(answer: Answer, request: Request | None) -> str:
    """What the vendor gave as the reason, without anything that we had sent to it."""
    found = next(_messages(answer.json), None)
    if found is None:
        return f"{answer.status} without a reason"
    for value in sorted(_values(request.body if request else None), key=len, reverse=True):
        found = re.sub(re.escape(value), HIDDEN, found, flags=re.IGNORECASE)
    return f"{answer.status}: " + _EMAIL.sub(HIDDEN, found)[:_LONGEST_WORDS]


def _masked(item: Any, plain: frozenset[str], *, shown: bool) -> Any:  # noqa: ANN401
    if isinstance(item, Mapping):
        return {key: _masked(value, plain, shown=key in plain) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_masked(value, plain, shown=shown) for value in item]
    if shown or item is None or isinstance(item, bool):
        return item
    return HIDDEN


def _messages(document: Any) -> Iterator[str]:  # noqa: ANN401
    """Texts under the keys that vendors use for a reason, outermost first."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from _messages(item)
    elif isinstance(document, Mapping):
        for key in ("message", "error", "errors", "detail"):
            yield from _messages(document.get(key))


def _values(item: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(item, Mapping):
        for value in item.values():
            yield from _values(value)
    elif isinstance(item, (list, tuple)):
        for value in item:
            yield from _values(value)
    elif isinstance(item, str) and len(item) >= _SHORTEST_SECRET:
        yield item
