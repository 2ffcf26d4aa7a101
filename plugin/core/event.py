"""An event, its states, and what the headers of its webhook say."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class EventState(StrEnum):
    """`held` waits for a person; `unknown` is a topic nobody described; `ignored` is one left out on purpose."""

    RECEIVED = "received"
    ROUTED = "routed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    HELD = "held"


EVENT_STATES = {
    EventState.RECEIVED: "stored; its deliveries are not planned yet",
    EventState.ROUTED: "its deliveries are planned, if it calls for any",
    EventState.IGNORED: "of a topic that is left out on purpose",
    EventState.UNKNOWN: "of a topic that nobody described",
    EventState.HELD: "can't be read, or asks for a person: the reason says which",
}
"""What each state means, in a person's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One accepted webhook, sent at `triggered_at`; `body` is None once a privacy request erased it."""

    id: int
    store_id: str
    platform_topic: str
    received_at: datetime
    body: bytes | None = field(repr=False)
    triggered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the headers of a webhook say about it; none of it is signed.

    `webhook_id` names this delivery among the store's, so that the same one is stored once.
    """

    webhook_id: str
    platform_topic: str
    api_version: str | None = None
    triggered_at: datetime | None = None
