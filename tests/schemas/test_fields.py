"""Each kind of value accepts what platforms send and refuses what would be a guess."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from mappings.schemas import fields as kinds
from mappings.schemas.schema import BodyIncomplete, Inbound, Outbound, PayloadRejected, explain


@pytest.mark.parametrize(
    ("field", "raw", "expected"),
    [
        (kinds.Identifier(), 820982911946154508, "820982911946154508"),
        (kinds.Identifier(), " gid://x/1 ", "gid://x/1"),
        (kinds.Text(), "  tea towel ", "tea towel"),
        (kinds.Text(), " ", None),
        (kinds.Text(), 1042, "1042"),
        (kinds.Amount(), "19.90", Decimal("19.90")),
        (kinds.Amount(), 5, Decimal(5)),
        (kinds.Amount(), Decimal("-0.02"), Decimal("-0.02")),
        (kinds.AmountsOf("price"), [{"price": "1.10"}, {"price": None}, {}, {"price": 2}], Decimal("3.10")),
        (kinds.AmountsOf("price"), None, None),
        (kinds.Country(), "ca", "CA"),
        (kinds.Country(allow_none=True), " ", None),
        (kinds.Currency(), "usd", "USD"),
        (kinds.Currency(allow_none=True), "", None),
        (kinds.Grams(), 0, 0),
        (kinds.Quantity(), 3, 3),
        (kinds.Flag(), False, False),
        (kinds.CommaList(), " gift, ,first order ", ("gift", "first order")),
        (kinds.UtcDateTime(), "2026-11-20T10:02:11-06:00", datetime(2026, 11, 20, 16, 2, 11, tzinfo=UTC)),
        (kinds.UtcDateTime(), "2019-01-01 00:00:00.000Z", datetime(2019, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_platforms_send_is_understood(field: fields.Field[Any], raw: object, expected: object) -> None:
    """Real spellings of a value become ours."""
    assert field.deserialize(raw) == expected


REFUSED: list[tuple[fields.Field[Any], list[Any]]] = [
    (kinds.Identifier(), ["", " ", True, 1.5, None, "x" * 256, []]),
    (kinds.Text(), [True, 1.5, [], {}]),
    (kinds.Text(required=True), [" ", None]),
    (kinds.Amount(), ["", "12,50", 1.5, True, "NaN", "Infinity", "1e999999999", None]),
    (kinds.AmountsOf("price"), [{}, "x", [3], [{"price": "x"}]]),
    (kinds.Country(), ["Canada", "C", "", "C1", 12]),
    (kinds.Currency(), ["example string", "C$", "", 124]),
    (kinds.Grams(), [-1, 1.5, "100", True, 10**40]),
    (kinds.Quantity(), [-1, 1.5, "2", True, 10**40]),
    (kinds.Flag(), ["true", 1, 0, None]),
    (kinds.CommaList(), [3, ["a"]]),
    (kinds.UtcDateTime(), ["2026-11-20T10:02:11", "yesterday", 1763654531, "", None, "0001-01-01T00:00:00+14:00"]),
]


@pytest.mark.parametrize(("field", "raw"), [(field, raw) for field, raws in REFUSED for raw in raws])
def test_guesses_are_refused(field: fields.Field[Any], raw: object) -> None:
    """What is misshapen, implausible or ambiguous is no value."""
    with pytest.raises(ValidationError):
        field.deserialize(raw)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_amounts_leave_as_equal_numbers(amount: Decimal) -> None:
    """To the cent, up to twelve digits before the point; whole amounts as integers of any length."""
    written = json.dumps(kinds.as_json({"total": amount, "products": [{"price": amount}]}))
    read = json.loads(written, parse_float=Decimal)
    assert read == {"total": amount, "products": [{"price": amount}]}


class Cup(Outbound):
    """An outbound body with one of everything."""

    optional = frozenset({"note"})

    name = fields.String()
    price = kinds.PriceText()
    grams = kinds.Number(attribute="weight")
    note = fields.String()


def test_an_outbound_body_is_complete_or_refused() -> None:
    """What is missing is named; a misspelt attribute is found out the same way."""
    cup = {"name": "mug", "price": Decimal(5), "weight": Decimal("2.5")}
    assert Cup().body(cup) == {"name": "mug", "price": "5.00", "grams": 2.5}
    with pytest.raises(BodyIncomplete, match=r"^name, grams missing$"):
        Cup().body({"name": "", "price": Decimal(5), "wieght": 1, "note": None})


class Saucer(Inbound):
    """An inbound body with a nested one."""

    into = dict

    size = kinds.Quantity(required=True)
    inner = fields.Nested("Saucer", allow_none=True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "saucer: size: Missing data for required field"),
        ({"size": 1, "inner": {"size": "big"}}, "saucer: inner.size: not a whole number of pieces"),
        ({"size": 1, "inner": 3}, "saucer: inner: Invalid input type"),
        ([], "saucer: the body is a JSON array, expected an object"),
        (None, "saucer: the body is a JSON null, expected an object"),
        ("x", "saucer: the body is a JSON string, expected an object"),
        (True, "saucer: the body is a JSON boolean, expected an object"),
        (1, "saucer: the body is a JSON number, expected an object"),
    ],
)
def test_a_rejection_names_the_path_and_never_the_value(document: object, message: str) -> None:
    """The reader is told where to look."""
    with pytest.raises(PayloadRejected) as refused:
        Saucer().read(document, "saucer")
    assert str(refused.value) == message


def test_explanations_are_flat_and_sorted() -> None:
    """Nested messages become one line."""
    assert explain({"b": ["worse."], "a": {0: {"x": ["bad."]}}}) == "a.0.x: bad; b: worse"
