"""Rules as they are written and kept: checked by schemas, with the line of whatever is wrong."""

from __future__ import annotations

import difflib
import functools
import json
from typing import TYPE_CHECKING, Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from mappings.canonical.orders import Topic
from plugin.core.errors import ConfigError
from plugin.rules import yaml_lines
from plugin.rules.rule import USUAL_PRIORITY, WORDS, Condition, Rule, Rulebook, Span, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Longer than a week is no window any more, and what was paid then may have been refunded.
MOST_MINUTES = 7 * 24 * 60
PAYMENTS = ("pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided", "expired")
TOPICS = (Topic.ORDER_CREATED, Topic.ORDER_UPDATED, Topic.ORDER_PAID)
_UNKNOWN, _NULL = "not known", fields.Field.default_error_messages["null"]
_MINUTES = f"write whole minutes from 0 to {MOST_MINUTES}"


def read(text: str, name: str) -> str:
    """Return a file's rules as JSON to be kept; raise `ConfigError` with file, line and what would be right."""
    found = yaml_lines.parse(text, name)
    if not isinstance(found.document, dict):
        raise ConfigError(f"{found.at(())}: write `rules:` and below it a list of rules")
    try:
        _BOOK.load(found.document)
    except ValidationError as error:
        wrong = sorted(_wrong(error.messages), key=lambda part: found.line(part[0]))
        complaints = [f"{found.at(path)}: {_name(path)}{text}" for path, text in wrong]
        raise ConfigError("\n".join(complaints)) from None
    return json.dumps(found.document, ensure_ascii=False)


@functools.lru_cache(1024)
def book(kept: str | None) -> Rulebook:
    """Return the rules of a connection from how they are kept; one without any takes every order."""
    if kept is None:
        return Rulebook()
    made: Rulebook = _BOOK.load(json.loads(kept))
    return made


class _Texts(fields.Field[tuple[str, ...]]):
    """A word, or a list of words; each is checked."""

    def __init__(self, check: Callable[[str], object] = str) -> None:
        super().__init__()
        self._check = check

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:  # noqa: ANN401  (marshmallow's hook)
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not words:
            raise ValidationError("write a word, or a list of words")
        for word in words:
            if not isinstance(word, str) or not word.strip():
                raise ValidationError("write a word, or a list of words")
            self._check(word)
        return tuple(words)


class _Checked(Schema):
    """A key that is not known is a mistake, not something to pass over."""

    error_messages = {"type": "write keys and their values here", "unknown": _UNKNOWN}  # noqa: RUF012  (marshmallow's)

    def handle_error(self, error: ValidationError, data: Any, **_: Any) -> None:  # noqa: ANN401  (marshmallow's hook)
        """Raise the error again with the keys that there are, and the one that was probably meant."""
        del data
        messages = error.messages if isinstance(error.messages, dict) else {}
        known = [item.data_key or name for name, item in self.fields.items()]
        for key, found in messages.items():
            if found == [_UNKNOWN]:
                close = difflib.get_close_matches(str(key), known, 1)
                meant = f"did you mean {close[0]}? " if close else ""
                messages[key] = [f"there is no such key; {meant}There are {', '.join(sorted(known))}"]


class _Span(_Checked):
    """Bounds of a number, which belong to it."""

    least = fields.Decimal(data_key="min", error_messages={"invalid": "write a number", "null": "write a number"})
    most = fields.Decimal(data_key="max", error_messages={"invalid": "write a number", "null": "write a number"})

    @validates_schema
    def in_order(self, data: Mapping[str, Any], **_: object) -> None:
        """Check that there is at least one bound, and that the lower one is below."""
        least, most = data.get("least"), data.get("most")
        if least is None and most is None:
            raise ValidationError("give min, max or both")
        if least is not None and most is not None and least > most:
            raise ValidationError("min is above max, so that nothing would match")


_currency = validate.Regexp(r"[A-Z]{3}\Z", error="write three capital letters, such as CAD")


class _MoneySpan(_Span):
    """Bounds of an amount."""

    currency = fields.String(validate=_currency)


class _Conditions(_Checked):
    """Every condition there is."""

    country = _Texts(validate.Regexp(r"[A-Z]{2}\Z", error="write two capital letters, such as CA"))
    weight_g = fields.Nested(_Span)
    value = fields.Nested(_MoneySpan)
    tags = _Texts()
    shipping_method = _Texts()
    sku = _Texts()
    financial_status = _Texts(validate.OneOf(PAYMENTS, error="write one of " + ", ".join(PAYMENTS)))
    currency = _Texts(_currency)
    source = _Texts()

    @post_load
    def make(self, data: Mapping[str, Any], **_: object) -> tuple[Condition, ...]:
        """Return the conditions in the order in which they are written."""
        return tuple(_condition(key, wanted) for key, wanted in data.items())


def _minutes() -> fields.Integer:
    return fields.Integer(
        validate=validate.Range(0, MOST_MINUTES, error=_MINUTES), error_messages={"invalid": _MINUTES}
    )


class _Rule(_Checked):
    """One rule; without a name it has its place for one."""

    name = fields.String(validate=validate.Length(1, 80, error="write up to 80 characters"))
    topics = _Texts(validate.OneOf(TOPICS, error="write one of " + ", ".join(TOPICS)))
    when = fields.Nested(_Conditions)
    unless = fields.Nested(_Conditions)
    hold_minutes = _minutes()


class _Book(_Checked):
    """One file."""

    priority = fields.Integer(load_default=USUAL_PRIORITY, error_messages={"invalid": "write a whole number"})
    hold_minutes = _minutes()
    rules = fields.List(
        fields.Nested(_Rule),
        required=True,
        validate=validate.Length(1, 500, error="write at least one rule and at most 500"),
        error_messages={"required": "missing: write `rules:` and below it a list of rules", "invalid": "write a list"},
    )

    @post_load
    def make(self, data: Mapping[str, Any], **_: object) -> Rulebook:
        """Return the rules in their order."""
        return Rulebook(
            priority=data["priority"],
            hold_minutes=data.get("hold_minutes"),
            rules=tuple(_rule(place, item) for place, item in enumerate(data["rules"], start=1)),
        )


_BOOK = _Book()


def _rule(place: int, data: Mapping[str, Any]) -> Rule:
    return Rule(
        name=data.get("name", f"rule {place}"),
        topics=frozenset(map(Topic, data.get("topics", ()))),
        when=data.get("when", ()),
        unless=data.get("unless", ()),
        hold_minutes=data.get("hold_minutes"),
    )


def _condition(key: str, wanted: Any) -> Condition:  # noqa: ANN401  (words, or the bounds of a number)
    if key in WORDS:
        return Words(key=key, wanted=wanted)
    return Span(key=key, at_least=wanted.get("least"), at_most=wanted.get("most"), currency=wanted.get("currency"))


def _wrong(messages: Any, path: yaml_lines.Path = ()) -> Iterator[tuple[yaml_lines.Path, str]]:  # noqa: ANN401
    """Yield every part that is wrong with the reason, from marshmallow's nested messages."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _wrong(inner, path if key == "_schema" else (*path, key))
    else:
        yield from ((path, "write a value, or leave it out" if text == _NULL else str(text)) for text in messages)


def _name(path: yaml_lines.Path) -> str:
    """Return a part's name, such as `rules[1].when.country: `, with places counted from 1 as people do."""
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"{text[1:]}: " if text else ""
