"""DUMPS: a call into chrts' own three bodies.  LOADS: its answer (docs/vendors/chrts.md §2 to §4 and §7).

Only an id, a name and nested properties are sent: chrts takes any other key of a track body for a property.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from mappings.customer_data import Alias, Call, Identify, Track
from mappings.schemas.fields import Facts
from mappings.schemas.schema import Outbound


class _Person(Outbound):
    """Exactly one id: which of several wins is not documented (§2)."""

    optional = frozenset({"userId", "anonymousId"})

    user_id = fields.String(data_key="userId")
    anonymous_id = fields.Function(lambda call: None if call.user_id else call.anonymous_id, data_key="anonymousId")

    def required(self, dumped: Mapping[str, object]) -> list[str]:
        """Ask for an id by the name it should have had."""
        named = "userId" in dumped or "anonymousId" in dumped
        return [*super().required(dumped), *([] if named else ["userId"])]


class _Identify(_Person):
    """`traits`, never together with its synonym `attributes` (§2)."""

    traits = Facts()


class _Track(_Person):
    """`name`, not Segment's `event` (§4)."""

    name = fields.String()
    properties = Facts()


class _Alias(Outbound):
    """The one place that decides the direction: the id kept goes into `userId`, the earlier one into `previousId`.

    chrts' wording is ambiguous; this is the reading that fits every synonym (§3). Should an account owner find
    it to be the other way round, exchange the two attributes here.
    """

    kept = fields.String(attribute="user_id", data_key="userId")
    earlier = fields.String(attribute="previous_id", data_key="previousId")


PATHS: Final = {"identify": "/customer/identify", "alias": "/customer/alias", "track": "/event/track"}
_OPERATIONS: Final[dict[type[Call], tuple[str, Outbound]]] = {
    Identify: (PATHS["identify"], _Identify()),
    Alias: (PATHS["alias"], _Alias()),
    Track: (PATHS["track"], _Track()),
}


def body(call: Call) -> tuple[str, dict[str, Any]]:
    """Give the path and the JSON body of a call.

    Raises:
        BodyIncomplete: the call has no id.
    """
    path, schema = _OPERATIONS[type(call)]
    return path, schema.body(call)


def accepted(document: object) -> bool | None:
    """Read the body of a 200: true is done, false is refused, `None` means that it says neither.

    A 200 that is no JSON object with a `status` is ambiguous, not a success (§7, point 6).
    """
    status = document.get("status") if isinstance(document, Mapping) else None
    return status if isinstance(status, bool) else None
