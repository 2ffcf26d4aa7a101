"""A call that is owed to a connection: the step that is planned, the work it is built from, the request it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mappings.canonical.history import NOTHING_KNOWN
from plugin.core.delivery import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from mappings.canonical.receipt import Rate

# The action of a step that makes no call: once it is due, what followed its document decides what is owed then.
WAIT = "await"


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
    step's body as it was planned; with it there is no document. `history` is what is known beside the document.
    `sent` is the request whose answer is read. `at` is the moment of the work, for vendors that want a
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
    history: History = NOTHING_KNOWN
    sent: Request | None = field(default=None, repr=False)
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
