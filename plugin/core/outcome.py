"""What a call came to, as one of five values. See docs/decisions/sql-is-the-truth.md for what follows from each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.receipt import Receipt
    from plugin.core.step import Step


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
    """Not now. Made by one of its constructors, which say why.

    `after` overrides the back-off; `block` keeps every process from calling on this lane until then. `waiting` spends
    no attempt. `pause` stops the whole connection until a person mends its credentials. `doubtful`: the call may have
    been carried out all the same, so it is looked up before it is sent again. `receipt` is what was learned of the
    shipment, `receipts` the same of any shipments of the connection. Older than `patience` it is handed to a person.
    `data` replaces the step's data: what a step of several calls has to keep between them.
    """

    reason: str
    after: timedelta | None = None
    block: bool = False
    waiting: bool = False
    pause: bool = False
    doubtful: bool = False
    patience: timedelta | None = None
    receipt: Receipt | None = None
    receipts: tuple[Receipt, ...] = ()
    data: Mapping[str, Any] | None = None

    @classmethod
    def rate_limited(cls, after: timedelta, reason: str = "429 over the rate limit") -> Deferred:
        """Return that the vendor takes no more calls on this lane for `after`; no attempt is spent."""
        return cls(reason=reason, after=after, block=True, waiting=True)

    @classmethod
    def pending(
        cls,
        reason: str,
        after: timedelta = timedelta(),
        patience: timedelta | None = None,
        *,
        receipt: Receipt | None = None,
        receipts: tuple[Receipt, ...] = (),
        data: Mapping[str, Any] | None = None,
    ) -> Deferred:
        """Return that the step goes on after `after`, as something is not ready; no attempt is spent."""
        return cls(
            reason=reason,
            after=after,
            waiting=True,
            patience=patience,
            receipt=receipt,
            receipts=receipts,
            data=data,
        )

    @classmethod
    def unauthorized(cls, reason: str) -> Deferred:
        """Return that the vendor refuses these credentials, so that the connection pauses until they are mended."""
        return cls(reason=reason, pause=True)

    @classmethod
    def retry(
        cls, reason: str, *, doubtful: bool = False, after: timedelta | None = None, block: bool = False
    ) -> Deferred:
        """Return that the call failed and is made again after the back-off, or after `after`; an attempt is spent."""
        return cls(reason=reason, doubtful=doubtful, after=after, block=block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The vendor refuses this call for good; `hold` hands it to a person, `receipt` is what was learned with it."""

    reason: str
    hold: bool = False
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may have happened. `settle` is how long the vendor may still be at it, before a look-up can be believed."""

    reason: str
    settle: timedelta = timedelta(seconds=2)


Outcome = Accepted | Skipped | Deferred | Rejected | Unknown
