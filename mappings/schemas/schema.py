"""The base classes of every mapping, inbound and outbound, and the errors that they raise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, post_dump, post_load

if TYPE_CHECKING:
    from collections.abc import Iterator


class MappingError(Exception):
    """A document that could not be translated; the message names fields and reasons, never values."""


class PayloadRejected(MappingError):
    """A document that lacks something, or has it in a wrong form: the event is kept and the delivery held."""


class BodyIncomplete(MappingError):
    """A body that lacks what its vendor requires: the delivery is held until the order or a setting supplies it."""


class Inbound(Schema):
    """A schema that loads a platform's or vendor's document into the frozen dataclass named by `into`.

    Platforms add fields without notice, so unknown ones are passed over; a missing or misshapen one that we need
    makes `read` raise `PayloadRejected`.
    """

    into: ClassVar[type[Any]]

    class Meta:
        """Unknown keys are passed over."""

        unknown = EXCLUDE

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:  # noqa: ANN401  (marshmallow's own hook signature)
        """Return the canonical value."""
        return self.into(**data)

    def read(self, document: object, what: str) -> Any:  # noqa: ANN401  (the type is `into`, known to the caller)
        """Return a document's canonical value; raise `PayloadRejected` naming `what` and every wrong field."""
        if not isinstance(document, Mapping):
            raise PayloadRejected(f"{what}: the body is a JSON {_json_name(document)}, expected an object")
        try:
            return self.load(document)
        except ValidationError as error:
            raise PayloadRejected(f"{what}: {explain(error.messages)}") from None


class Outbound(Schema):
    """A schema that dumps a canonical value into a vendor's body, and proves that nothing required was lost.

    marshmallow drops a misspelt `attribute` silently and does not validate on dump, so `body` compares what came out
    with what was declared: a field may be absent or empty only if it is named in `optional`.
    """

    optional: ClassVar[frozenset[str]] = frozenset()

    def body(self, value: object) -> dict[str, Any]:
        """Return the body without optional fields that have no value; raise `BodyIncomplete` naming missing ones."""
        dumped: dict[str, Any] = self.dump(value)
        missing = [key for key in self.required(dumped) if key not in dumped]
        if missing:
            raise BodyIncomplete(self.complaint(missing, value))
        return dumped

    @post_dump
    def without_blanks(self, dumped: dict[str, Any], **_: object) -> dict[str, Any]:
        """Return the body without what has no value, in nested objects too: a null may mean "erase" to a receiver."""
        return {key: item for key, item in dumped.items() if item not in (None, "")}

    def required(self, dumped: Mapping[str, object]) -> list[str]:  # noqa: ARG002  (for schemas that depend on it)
        """Return the keys that the body must hold; a schema may make them depend on what the body says."""
        declared = (item.data_key or name for name, item in self.dump_fields.items())
        return [key for key in declared if key not in self.optional]

    def complaint(self, missing: Sequence[str], value: object) -> str:  # noqa: ARG002  (the same)
        """Return the message about missing keys; a schema that knows where each comes from says that too."""
        return ", ".join(missing) + " missing"


def explain(messages: object, path: str = "") -> str:
    """Return marshmallow's nested messages as `field.path: reason; …`, in which no value appears."""
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
