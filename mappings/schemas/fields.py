"""Fields, one for each kind of value: each accepts what real platforms send and refuses what would be a guess.

Upper bounds are those of plausibility: they keep an absurd figure from becoming gigabytes of digits later on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError, fields

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_MAX_EXPONENT = 18
_MAX_ID_CHARS = 255
_MAX_PIECES = 1_000_000
_MAX_GRAMS = 1_000_000_000


class Identifier(fields.Field[str]):
    """A storefront's id, exact: 64-bit integers and strings become strings; floats are refused, as they are rounded."""

    def _deserialize(self, value: object, *_: object, **__: object) -> str:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValidationError("not an id (a whole number or text)")
        text = str(value).strip()
        if not 0 < len(text) <= _MAX_ID_CHARS:
            raise ValidationError("not an id (empty or too long)")
        return text


class Text(fields.Field[str | None]):
    """Free text; blank counts as absent, and whole numbers are taken as text, as some platforms send both."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  (passed on to marshmallow)
        super().__init__(allow_none=kwargs.pop("allow_none", not kwargs.get("required", False)), **kwargs)

    def _deserialize(self, value: object, *_: object, **__: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
            raise ValidationError("not text")
        text = str(value).strip()
        if not text and self.required:
            raise ValidationError("empty")
        return text or None


class Amount(fields.Field[Decimal]):
    """An exact decimal amount; text or a JSON number that was parsed with `parse_float=Decimal`."""

    def _deserialize(self, value: object, *_: object, **__: object) -> Decimal:
        if isinstance(value, (bool, float)) or not isinstance(value, (str, int, Decimal)):
            raise ValidationError("not a decimal amount")
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            raise ValidationError("not a decimal amount") from None
        # The bound keeps `1e999999999` from becoming a gigabyte of digits at the first rounding.
        if not amount.is_finite() or abs(amount.adjusted()) > _MAX_EXPONENT:
            raise ValidationError("not a plausible amount")
        return amount


class AmountsOf(fields.Field[Decimal]):
    """The sum of one amount in a list of objects, such as the `price` of every tax line."""

    def __init__(self, key: str, **kwargs: Any) -> None:  # noqa: ANN401  (passed on to marshmallow)
        super().__init__(allow_none=True, **kwargs)
        self.key = key

    def _deserialize(self, value: object, *_: object, **__: object) -> Decimal:
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise ValidationError("not a list of objects")
        return sum((_AMOUNT.deserialize(item.get(self.key)) or Decimal(0) for item in value), Decimal(0))


_AMOUNT = Amount(allow_none=True)


class NumbersOf(fields.Field[tuple[int, ...]]):
    """One whole number of each object in a list, such as a place in another list; what is none is passed over."""

    def __init__(self, key: str, **kwargs: Any) -> None:  # noqa: ANN401  (passed on to marshmallow)
        super().__init__(allow_none=True, load_only=True, **kwargs)
        self.key = key

    def _deserialize(self, value: object, *_: object, **__: object) -> tuple[int, ...]:
        items = value if isinstance(value, list) else []
        numbers = (item.get(self.key) for item in items if isinstance(item, Mapping))
        return tuple(number for number in numbers if isinstance(number, int) and not isinstance(number, bool))


class Flag(fields.Field[bool]):
    """A JSON true or false and nothing that looks like one."""

    def _deserialize(self, value: object, *_: object, **__: object) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("not true or false")
        return value


class CommaList(fields.Field[tuple[str, ...]]):
    """Text such as `gift, first order`, as its parts without the blanks."""

    def _deserialize(self, value: object, *_: object, **__: object) -> tuple[str, ...]:
        if not isinstance(value, str):
            raise ValidationError("not a comma-separated text")
        return tuple(part.strip() for part in value.split(",") if part.strip())


class Country(fields.Field[str | None]):
    """ISO 3166-1 alpha-2, upper case inside; blank counts as absent where absence is allowed."""

    def _deserialize(self, value: object, *_: object, **__: object) -> str | None:
        if self.allow_none and isinstance(value, str) and not value.strip():
            return None
        if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
            raise ValidationError("not a two-letter country code")
        return value.upper()


class Currency(fields.Field[str | None]):
    """ISO 4217, upper case inside; never defaulted; blank counts as absent where absence is allowed."""

    def _deserialize(self, value: object, *_: object, **__: object) -> str | None:
        if self.allow_none and isinstance(value, str) and not value.strip():
            return None
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            raise ValidationError("not a three-letter currency code")
        return value.upper()


class Grams(fields.Field[int]):
    """Whole grams, zero or more."""

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_GRAMS:
            raise ValidationError("not a whole number of grams")
        return value


class Quantity(fields.Field[int]):
    """A whole number of pieces, zero or more."""

    def _deserialize(self, value: object, *_: object, **__: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_PIECES:
            raise ValidationError("not a whole number of pieces")
        return value


class UtcDateTime(fields.Field[datetime]):
    """A time with its offset, UTC inside; a time without an offset is refused rather than guessed."""

    def _deserialize(self, value: object, *_: object, **__: object) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("not a time")
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValidationError("not an ISO 8601 time") from None
        if moment.tzinfo is None:
            raise ValidationError("a time without an offset")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            # The first and last hours of the calendar have no UTC equivalent.
            raise ValidationError("not a plausible time") from None


class Number(fields.Field[int | float]):
    """Outbound: a `Decimal` as a JSON number, whole where it is whole."""

    def _serialize(self, value: object, *_: object, **__: object) -> Any:  # noqa: ANN401  (any JSON value)
        return as_json(value)


class Facts(fields.Field[dict[str, Any]]):
    """Outbound: traits or properties, with every `Decimal` in them as a JSON number."""

    def _serialize(self, value: object, *_: object, **__: object) -> Any:  # noqa: ANN401  (any JSON value)
        return as_json(value)


class PriceText(fields.Field[Decimal]):
    """Outbound: a `Decimal` as text with two decimals, such as `84.90`."""

    def _serialize(self, value: Decimal | None, *_: object, **__: object) -> str | None:
        return None if value is None else f"{value:.2f}"


def as_json(value: object) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a value with each `Decimal` in it as what `json.dumps` writes as a number.

    A float holds 15 digits exactly; whole amounts (all of a currency without cents) leave as integers of any length.
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value
