"""Redaction: what may be kept of a request and its answer, the shape of everything and few values."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mappings.canonical.activity import Checkout
from mappings.canonical.orders import Customer, Order
from plugin.core.response import json_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mappings.canonical.document import Document
    from plugin.core.response import Response
    from plugin.core.step import Request

_LONGEST_KEPT = 4_000
_LONGEST_WORDS = 200
# How much of a vendor's text is read at all.
_LONGEST_READ = 4_000
_SHORT = 500
# Shorter values occur in ordinary words, and say nothing about anybody.
_SHORTEST_SECRET = 3
_REASONS = ("message", "error", "errors", "detail")
# Tried from the beginnings of words alone: from each letter, a long word would be gone through again and again.
_EMAIL = re.compile(r"(?<![^\s@])[^\s@]+@[^\s@]+")
HIDDEN = "•"


def request_line(request: Request, public_keys: frozenset[str]) -> str:
    """Return the call as it may be kept: method, path, and the body, hidden but for values under `public_keys`."""
    body = "" if request.body is None else " " + masked(_parsed(request.body), public_keys)
    return f"{request.method} {request.path}{body}"


def response_text(answer: Response, public_keys: frozenset[str]) -> str:
    """Return the answer as it may be kept, hidden but for `public_keys`; of one that is no JSON its size."""
    if len(answer.body) <= _SHORT:
        # Receivers of events say the same few words to everybody.
        return _short_text(answer.body, public_keys)
    return masked(answer.json, public_keys) if answer.json is not None else f"{len(answer.body)} bytes, not JSON"


@lru_cache(maxsize=256)
def _short_text(body: bytes, public_keys: frozenset[str]) -> str:
    said = json_of(body)
    return masked(said, public_keys) if said is not None else f"{len(body)} bytes, not JSON"


def masked(document: Any, public_keys: frozenset[str]) -> str:  # noqa: ANN401  (any JSON value)
    """Return the JSON text of `document`, its texts and numbers hidden unless their key is in `public_keys`."""
    return json.dumps(_masked(document, public_keys, shown=False), ensure_ascii=False)[:_LONGEST_KEPT]


def redacted_reason(
    answer: Response, request: Request | None, document: Document | None, said: str | None = None
) -> str:
    """Return the reason that the vendor gave, without anything that we had sent to it or know of the person.

    `said` is the reason where the vendor's own form of it was read already.
    """
    # Only where it can be told what of it is personal, texts under names of theirs are reasons too.
    fields = request is not None or document is not None
    found = said or next(_messages(answer.json, fields=fields), None)
    if found is None:
        return f"{answer.status} without a reason"
    return f"{answer.status}: {impersonal(found, request, document)}"


def impersonal(text: str, request: Request | None, document: Document | None) -> str:
    """Return a vendor's text as it may be kept: short, without what we had sent to it or know of the person."""
    text = _beginning(text)
    known = {*_values(_parsed(request.body) if request else None), *_personal(document)}
    known |= {word for one in known for word in one.split()}
    secrets = sorted((value for value in known if _SHORTEST_SECRET <= len(value) <= len(text)), key=len, reverse=True)
    if secrets:
        # All at once, the longest first: one by one, each of a thousand values would go through the whole text.
        any_secret = "|".join(map(re.escape, secrets))
        text = re.sub(rf"(?<!\w)(?:{any_secret})(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    return _EMAIL.sub(HIDDEN, text)[:_LONGEST_WORDS]


def _beginning(text: str) -> str:
    """Return the first whole words of a text: what is cut through would not be recognised as something known."""
    if len(text) <= _LONGEST_READ:
        return text
    return " ".join(text[:_LONGEST_READ].split()[:-1]) or HIDDEN


def _parsed(body: object) -> Any:  # noqa: ANN401  (any JSON value)
    return json.loads(body) if isinstance(body, bytes) else body


def _personal(document: Document | None) -> Iterator[str]:
    """Yield the texts of a document's addresses and of its customer."""
    if isinstance(document, (Order, Checkout)):
        parts = (document.customer, document.shipping_address, document.billing_address)
        yield from filter(None, (document.email, document.phone))
    else:
        parts = (document, None, None) if isinstance(document, Customer) else (None, None, None)
    for part in parts:
        if part is not None:
            yield from _values(dataclasses.asdict(part))


def _masked(item: Any, public_keys: frozenset[str], *, shown: bool) -> Any:  # noqa: ANN401
    # By the exact kinds that JSON has: asking for a Mapping costs as much as all the rest, at every call that is made.
    kind = type(item)
    if kind is dict:
        return {key: _masked(value, public_keys, shown=key in public_keys) for key, value in item.items()}
    if kind is list or kind is tuple:
        return [_masked(value, public_keys, shown=shown) for value in item]
    if shown or item is None or kind is bool:
        return item
    return HIDDEN


def _messages(document: Any, *, fields: bool, inside: bool = False) -> Iterator[str]:  # noqa: ANN401
    """Yield texts under the keys that vendors use for a reason, outermost first; within one by field, if `fields`."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from _messages(item, fields=fields, inside=inside)
    elif isinstance(document, Mapping):
        named = {key: document[key] for key in _REASONS if key in document}
        found = [text for part in named.values() for text in _messages(part, fields=fields, inside=True)]
        yield from found
        for field, value in document.items() if fields and inside and not found else ():
            if field not in named:
                yield from (f"{field}: {text}" for text in _messages(value, fields=fields, inside=True))


def _values(item: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(item, Mapping):
        for value in item.values():
            yield from _values(value)
    elif isinstance(item, (list, tuple)):
        for value in item:
            yield from _values(value)
    elif isinstance(item, str):
        yield item
