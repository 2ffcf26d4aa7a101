"""Raw bytes become a document exactly, or are refused with one clear reason."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.schemas.json import MAX_DEPTH, parse
from mappings.schemas.schema import PayloadRejected


def test_numbers_are_exact() -> None:
    """Decimals stay decimal and 64-bit ids whole."""
    assert parse(b'{"price": 0.1, "id": 820982911946154509}') == {"price": Decimal("0.1"), "id": 820982911946154509}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": NaN}', "not JSON: NaN"),
        (b'{"a": -Infinity}', "not JSON: -Infinity"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'"\\u0000"', "no database stores"),
        (b'"\\ud83d"', "no database stores"),
        (b'"\\ude00\\ud83d"', "no database stores"),
        (b"[" * 101 + b"]" * 101, "nested deeper"),
        (b"[" * 200_000, "nested deeper|not JSON"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested deeper"),
    ],
)
def test_what_cannot_be_kept_is_refused(raw: bytes, reason: str) -> None:
    """Each refusal gives its reason and nothing of the body."""
    with pytest.raises(PayloadRejected, match=reason):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b'"\\ud83d\\ude00"', "\U0001f600"), (rb'"\\u0000"', r"\u0000"), ('"é😀"'.encode(), "é😀"), (b"null", None)],
)
def test_harmless_escapes_pass(raw: bytes, expected: object) -> None:
    """A whole surrogate pair is a character, and an escaped backslash is no escape of a zero."""
    assert parse(raw) == expected


def test_the_deepest_document_passes() -> None:
    """Up to the limit, depth is no reason."""
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@given(st.binary())
def test_nothing_but_a_rejection_escapes(raw: bytes) -> None:
    """Any bytes at all are parsed or refused."""
    with suppress(PayloadRejected):
        parse(raw)
