"""What every mapping is made of: two directions, two ways to fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, post_dump, post_load

if TYPE_CHECKING:
    from collections.abc import Iterator


class MappingError(Exception):
    """A document that could not be translated; the message names fields and reasons, never values."""


class PayloadRejected(MappingError):
    """Their document surprises us: keep the event, hold the delivery."""


class BodyIncomplete(MappingError):
    """We lack what they require: hold the delivery until the order or a setting supplies it."""


class Inbound(Schema):
    """Loads a vendor's document into the frozen dataclass named by `into`.

    Platforms add fields without notice, so unknown ones are passed over; a missing or misshapen one that we need
    raises `PayloadRejected` through `loads_into`.
    """

    into: ClassVar[type[Any]]

    class Meta:
        """Unknown keys are the platform's business."""

        unknown = EXCLUDE

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:  # noqa: ANN401  (marshmallow's own hook signature)
        """Build the canonical value."""
        return self.into(**data)

    def read(self, document: object, what: str) -> Any:  # noqa: ANN401  (the type is `into`, known to the caller)
        """Load one parsed document; raise `PayloadRejected` naming `what` and every field that is wrong."""
        if not isinstance(document, Mapping):
            raise PayloadRejected(f"{what}: the body is a JSON {_json_name(document)}, expected an object")
        try:
            return self.load(document)
        except ValidationError as error:
            raise PayloadRejected(f"{what}: {explain(error.messages)}") from None


class Outbound(Schema):
    """Dumps a canonical value into a vendor's body, and proves that nothing required was lost on the way.

    marshmallow drops a misspelt `attribute` silently and does not validate on dump, so `body` compares what came out
    with what was declared: a field may be absent or empty only if it is named in `optional`.
    """

    optional: ClassVar[frozenset[str]] = frozenset()

    def body(self, value: object) -> dict[str, Any]:
        """Dump `value`; optional fields without a value are left out; raise `BodyIncomplete` naming what lacks."""
        dumped: dict[str, Any] = self.dump(value)
        missing = [key for key in self.required(dumped) if key not in dumped]
        if missing:
            raise BodyIncomplete(self.complaint(missing, value))
        return dumped

    @post_dump
    def without_blanks(self, dumped: dict[str, Any], **_: object) -> dict[str, Any]:
        """Leave out what has no value, in nested objects too: a null may mean "erase" to a receiver."""
        return {key: item for key, item in dumped.items() if item not in (None, "")}

    def required(self, dumped: Mapping[str, object]) -> list[str]:  # noqa: ARG002  (for schemas that depend on it)
        """Name what the body must hold; a schema may make it depend on what the body says."""
        declared = (item.data_key or name for name, item in self.dump_fields.items())
        return [key for key in declared if key not in self.optional]

    def complaint(self, missing: Sequence[str], value: object) -> str:  # noqa: ARG002  (the same)
        """Say what is missing; a schema that knows where each field comes from says that too."""
        return ", ".join(missing) + " missing"


def explain(messages: object, path: str = "") -> str:
    """Turn marshmallow's nested messages into `field.path: reason; …`; values never appear in it."""
    return "; ".join(sorted(_flatten(messages, path)))


def _flatten(messages: object, path: str) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            # marshmallow files what concerns a whole object under `_schema`; its path is that of the object.
            whole = key == "_schema" and path
            yield from _flatten(inner, path if whole else f"{path}.{key}" if path else str(key))
    elif isinstance(messages, Sequence) and not isinstance(messages, str):
        for inner in messages:
            yield from _flatten(inner, path)
    else:
        reason = str(messages).rstrip(".")
        yield f"{path}: {reason}" if path and path != "_schema" else reason


def _json_name(document: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(document), "number")
