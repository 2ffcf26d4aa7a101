"""The words of the straight line as types: states, outcomes, settings, and what a delivery is. Nobody changes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mappings.canonical.orders import Document, Topic
    from mappings.canonical.receipt import Rate, Receipt


# The action of a step that makes no call: once it is due, what followed its document decides what is owed then.
WAIT = "await"


class EventState(StrEnum):
    """`held` waits for a person; `unknown` is a topic nobody described; `ignored` is one left out on purpose."""

    RECEIVED = "received"
    ROUTED = "routed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    HELD = "held"


class State(StrEnum):
    """The states of a delivery, as the contract names them."""

    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"


UNFINISHED = (State.WAITING, State.SENDING, State.UNKNOWN)


class Priority(IntEnum):
    """Which of two due deliveries of one lane goes first. `WATCH` looks later at what came of something."""

    LIVE = 0
    RETRY = 1
    BACKFILL = 2
    WATCH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting that a module declares: `check` raises `ValueError` with what would be right."""

    key: str
    help: str
    secret: bool = False
    required: bool = False
    default: str | None = None
    check: Callable[[str], object] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call owed to one connection, before it is written down.

    `key` is unique for ever within its connection; without one the step is owed once for its event. `newest`: it acts
    on the newest version of its document, which replaces an older one while nothing was sent, and reopens what was
    skipped or held. `only_if_changed`: it is dropped when the last step of its `group` had the same `content`.
    `message` is its body, mapped once while it is planned and kept only while it is owed; a step without one, or whose
    settings changed since, is mapped from its event when it is sent. `look_first`: what it makes may be there already,
    so it is looked up before anything is sent. `stands_alone`: its `data` says all it needs, so it is given no document
    and outlives the body of its event.
    """

    action: str
    key: str | None
    subject: str
    newest: bool = False
    group: str | None = None
    content: str | None = None
    only_if_changed: bool = False
    priority: Priority = Priority.LIVE
    delay: timedelta = timedelta()
    data: Mapping[str, Any] = field(default_factory=dict)
    message: bytes | None = field(default=None, repr=False)
    look_first: bool = False
    stands_alone: bool = False


@dataclass(slots=True, kw_only=True)
class Request:
    """One HTTP call as data; a body of bytes is JSON already. `repeatable`: sending it twice does no harm."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | bytes | None = field(default=None, repr=False)
    repeatable: bool = False


@dataclass(slots=True, kw_only=True)
class Accepted:
    """The vendor did it. `receipt` is kept as the shipment; `then` are the steps that follow from it."""

    receipt: Receipt | None = None
    then: tuple[Step, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing is to be sent, and the reason is a normal one."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """Not now. `after` overrides the back-off; `gate` closes the lane for everybody until then.

    `waiting`: the vendor is busy, which spends no attempt. `pause`: the whole connection stops until a person mends its
    credentials. `doubtful`: the call may have been carried out all the same, so it is looked up before it is sent
    again. `receipt` is what was learned, `receipts` the same of any shipments of the connection. Older than `patience`
    it is handed to a person. `data` replaces the step's data: what a step of several calls has to remember.
    """

    reason: str
    after: timedelta | None = None
    gate: bool = False
    waiting: bool = False
    pause: bool = False
    doubtful: bool = False
    patience: timedelta | None = None
    receipt: Receipt | None = None
    receipts: tuple[Receipt, ...] = ()
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The vendor refuses this call for good; `hold` hands it to a person, `receipt` is what was learned with it."""

    reason: str
    hold: bool = False
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened. `settle` is how long the vendor may still be at it, before `find` can be believed."""

    reason: str
    settle: timedelta = timedelta(seconds=2)


Outcome = Accepted | Skipped | Deferred | Rejected | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a mapping may know of a store."""

    id: str
    platform: str
    address: str


@dataclass(slots=True, kw_only=True)
class Work:
    """Everything a destination needs to prepare one delivery or to read its answer. No I/O happens in between.

    `booked` is the shipment that the step is about, or else the newest of the order; `shipments` are all that the order
    has at this connection, oldest first. `later` are the actions still owed about the same order. A step whose data
    says `account` is about no order: it has no document, and `shipments` are all of the connection that are watched.
    `taken` are remote ids that other deliveries own, so that a search never mistakes one for ours. `message` is the
    step's body as it was planned; with it there is no document. `at` is the moment of the work, for vendors that want a
    day in a body.
    """

    action: str
    topic: Topic | None
    document: Document | None
    store: StoreFacts
    settings: Mapping[str, str] = field(repr=False)
    data: Mapping[str, Any] = field(default_factory=dict)
    booked: Booked | None = None
    shipments: tuple[Booked, ...] = ()
    later: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    message: bytes | None = field(default=None, repr=False)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A shipment that an order has at this connection; `age` is the time since anything about it changed."""

    remote_id: str
    status: str
    parcel: int = 1
    content: str | None = None
    as_of: datetime | None = None
    label_formats: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()
    watched: bool = False
    age: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One accepted webhook, sent at `triggered_at`; `body` is None once a privacy request erased it."""

    id: int
    store_id: str
    platform_topic: str
    received_at: datetime
    body: bytes | None = field(repr=False)
    triggered_at: datetime | None = None


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
