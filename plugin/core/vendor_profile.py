"""How vendors differ, as data: what a status means, headers that tell of limits, several deliveries in a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from plugin.core.response import Response
    from plugin.core.step import Booked, Request


class StatusMeaning(StrEnum):
    """What a status means at a vendor where it does not mean the usual; `READ` leaves it to the destination."""

    DEFERRED = "deferred"
    PAUSED = "paused"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Headers that say how many calls are left, in how many seconds the count starts anew, and from what number."""

    remaining: str
    reset: str
    limit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How many deliveries of one connection a call may carry, and how many bytes its body may have (`size`).

    `bundle` makes the call out of their prepared bodies, which are JSON in bytes, as sent at a time; with none it makes
    an empty one. `delivery.lanes` cuts by these limits, and `delivery.completion` halves a call that is refused as a
    whole until the one bad item is alone.
    """

    items: int
    size: int
    bundle: Callable[[Sequence[bytes], datetime], Request] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewStep:
    """A step that will follow from a booking, to be shown beforehand: what is known of it by then is in `booked`.

    Without that it can't be said yet what will be called.
    """

    action: str
    help: str
    booked: Booked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a login gave, and how long from then on the vendor takes it."""

    value: str = field(repr=False)
    lasts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a vendor gives the token that its calls carry, where the settings hold a name and a password only.

    `request` asks for it and `token` reads the answer, None if there is none in it; `headers` put it into a call.
    `early` is how long before its end another one is fetched.
    """

    request: Request = field(repr=False)
    token: Callable[[Response], Token | None]
    headers: Callable[[str], Mapping[str, str]]
    early: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorProfile:
    """How a vendor differs from what most vendors do, as data. `later` are the steps that follow from a booking."""

    status_meanings: Mapping[int, StatusMeaning] = field(default_factory=dict)
    quota: Quota | None = None
    batch: Batch | None = None
    later: tuple[PreviewStep, ...] = ()
    login: Login | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Something that an account offers and a setting chooses from, such as delivery services.

    `call` asks for a page, counted from 1, and `read` gives its rows and whether another page follows; it raises
    `mappings.schemas.schema.PayloadRejected` for an answer that holds none.
    """

    name: str
    columns: tuple[str, ...]
    call: Callable[[Mapping[str, str], int], Request]
    read: Callable[[Response], tuple[list[dict[str, Any]], bool]]
