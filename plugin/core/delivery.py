"""A delivery, its states and its priority."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class State(StrEnum):
    """The states of a delivery, as the contract names them."""

    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


STATES = {
    State.WAITING: "due now or later",
    State.SENDING: "the call is on its way",
    State.UNKNOWN: "the call may have arrived, or what it makes may be there already; it is being found out",
    State.DONE: "the vendor has it",
    State.SKIPPED: "nothing to send, for a normal reason",
    State.HELD: "a person has to look; `replay` maps it again",
    State.FAILED: "refused for good, or given up; `replay` tries again",
}
"""What each state means, in a person's words."""

UNFINISHED = (State.WAITING, State.SENDING, State.UNKNOWN)


class Priority(IntEnum):
    """Which of two due deliveries of one lane goes first. `WATCH` looks later at what came of something."""

    LIVE = 0
    RETRY = 1
    BACKFILL = 2
    WATCH = 3


# Not frozen, as nothing is that is made for each delivery: it would take five times as long to make.
@dataclass(slots=True)
class Delivery:
    """One call owed to one connection, leased to this process: nobody else works on it until `leased_until`."""

    id: int
    event_id: int
    store_id: str
    connection_id: str
    destination: str
    lane: str
    action: str
    key: str
    subject: str
    state: State
    priority: Priority
    attempts: int
    doubtful: bool
    losses: int
    created_at: datetime
    lease: str
    data: Mapping[str, Any]
    message: bytes | None = field(default=None, repr=False)
