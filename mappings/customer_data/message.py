"""DUMPS: a call into one message of Segment's wire format, for many receivers (docs/vendors/segment.md §4 to §6).

A receiver answers 200 and drops what it dislikes afterwards (§7), so what makes a message acceptable is checked
here, before it is sent.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marshmallow import fields

from mappings.customer_data import Alias, Call, Identify, Track
from mappings.customer_data.context import context_of
from mappings.customer_data.properties import timestamp
from mappings.schemas.fields import Facts
from mappings.schemas.schema import BodyIncomplete, Outbound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.customer_data import Fact
    from mappings.customer_data.ids import Tenant

# The narrowest known: Jitsu (§11). Segment itself names none.
MOST_EVENT_CHARS: Final = 128
# Segment drops the rest of an event's properties (§3).
MOST_PROPERTIES: Final = 10_000
# Jitsu cuts at 64 characters and replaces what is not a letter, digit, dot, underscore or hyphen (§11).
_ID_PREFIX: Final = "crossdock-"
_ID_DIGITS: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends: the shop, the source that is sent to, and which of the receiver's own destinations are switched.

    `namespace` names the source, because receivers look for repeats among the messages of all their customers
    (§5): what one shop sends to two sources must not look like a repeat.
    """

    tenant: Tenant
    namespace: str
    integrations: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """A call with what goes around it."""

    call: Call
    message_id: str
    context: Mapping[str, object]
    integrations: Mapping[str, object]


class _Common(Outbound):
    """What every message has (§4). `sentAt` is not in it: that is written anew at each attempt (§6)."""

    kind = fields.Function(lambda message: _KINDS[type(message.call)], data_key="type")
    message_id = fields.String(data_key="messageId")
    timestamp = fields.Function(lambda message: timestamp(message.call.at))
    context = Facts()
    integrations = Facts()
    user_id = fields.String(attribute="call.user_id", data_key="userId")


class _Person(_Common):
    """Both ids where both are known: a receiver joins the visitor to the customer by an identify with both."""

    optional = frozenset({"userId", "anonymousId"})

    anonymous_id = fields.String(attribute="call.anonymous_id", data_key="anonymousId")

    def required(self, dumped: Mapping[str, object]) -> list[str]:
        """Ask for an id by the name it should have had."""
        named = "userId" in dumped or "anonymousId" in dumped
        return [*super().required(dumped), *([] if named else ["userId"])]


class _Identify(_Person):
    traits = Facts(attribute="call.traits")


class _Track(_Person):
    event = fields.String(attribute="call.name")
    properties = Facts(attribute="call.properties")


class _Alias(_Common):
    """`userId` is the id to keep, `previousId` the one used so far (§9)."""

    previous_id = fields.String(attribute="call.previous_id", data_key="previousId")


_KINDS: Final[dict[type[Call], str]] = {Identify: "identify", Alias: "alias", Track: "track"}
_SCHEMAS: Final[dict[type[Call], Outbound]] = {Identify: _Identify(), Alias: _Alias(), Track: _Track()}


def message(fact: Fact, document: Document, sender: Sender) -> bytes:
    """Return one message as JSON, without the time it is sent at.

    Raises:
        BodyIncomplete: it has no id, or an event name or a number of properties that receivers silently drop.
    """
    whole = _Message(
        call=fact.call,
        message_id=message_id(fact, sender),
        context=context_of(document, sender.tenant, named=fact.call.user_id is not None),
        integrations=sender.integrations,
    )
    _check(fact.call)
    body = _SCHEMAS[type(fact.call)].body(whole)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def message_id(fact: Fact, sender: Sender) -> str:
    """Return the id by which receivers recognise a repeat: of the fact, its shop and the source, and of nothing else.

    58 characters that every receiver keeps as they are. The same fact has the same id for ever, whatever webhook,
    attempt or replay sends it.
    """
    named = (sender.tenant.platform, sender.tenant.shop, sender.namespace, fact.identity)
    return _ID_PREFIX + hashlib.sha256(json.dumps(named).encode()).hexdigest()[:_ID_DIGITS]


def _check(call: Call) -> None:
    if not isinstance(call, Track):
        return
    if not 0 < len(call.name) <= MOST_EVENT_CHARS:
        raise BodyIncomplete(f"event: its name has {len(call.name)} characters, receivers take 1 to {MOST_EVENT_CHARS}")
    if len(call.properties) > MOST_PROPERTIES:
        raise BodyIncomplete(
            f"properties: there are {len(call.properties)}, and receivers drop all beyond {MOST_PROPERTIES}"
        )
