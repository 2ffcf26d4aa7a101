"""The base class of destinations, and the protocols by which one says what else it can do.

A destination decides what to send and what answers mean; it does no I/O and reads no clock. The line does the sending.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from plugin.core.outcome import Rejected
from plugin.core.rates import RateLimit
from plugin.core.redaction import redacted_reason
from plugin.core.vendor_profile import VendorProfile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.setting import Setting
    from plugin.core.step import Booked, Request, Step, StoreFacts, Work
    from plugin.core.vendor_profile import Listing

# The first status by which a vendor refuses a call.
_REFUSED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """A label as a file that can be printed."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LabelLink:
    """The address of a label that can be fetched without credentials, for a short while."""

    url: str = field(repr=False)


class Destination(ABC):
    """One vendor that is sent to.

    A vendor with one POST writes `account`, `plan`, `build_request` and `read_response`. What else it can do it says by
    the protocols below, which it inherits from: `Ships`, `TellsPeople`, `Findable`, `Losable`, `Labels`, `Offers`,
    `Checkable`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    """Its name as people write it."""
    base_url: ClassVar[str]
    needs: ClassVar[tuple[Setting, ...]] = ()
    limits: ClassVar[tuple[RateLimit, ...]] = (RateLimit(10, 1),)
    """What the vendor publishes; of one that publishes nothing a guess that most take."""
    public_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys of its bodies whose values tell nothing about a person, so that attempts may show them."""

    @abstractmethod
    def account(self, values: Mapping[str, str]) -> str:
        """Return what the vendor counts calls by, from settings and credentials; it must not reveal a secret."""

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return what an operator should know about these settings before the first order arrives."""
        del values
        return ()

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """Return how this vendor differs from most, for these settings."""
        del values
        return VendorProfile()

    @abstractmethod
    def plan(
        self, topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
    ) -> tuple[Step, ...]:
        """Return the steps that this document calls for, in the order in which they are to go out."""

    @abstractmethod
    def build_request(self, work: Work) -> Request | Outcome:
        """Return the call of one step, or what the step comes to without a call.

        Raises:
            mappings.schemas.schema.MappingError: the document or the settings lack a part.
        """

    @abstractmethod
    def read_response(self, work: Work, response: Response) -> Outcome:
        """Return what an answer to `work.sent` means; statuses that mean the same at any vendor don't come here.

        What comes is any 2xx, and a refusal in words: see `plugin.delivery.classify.classify`.
        """


class Ships:
    """A destination that books parcels, so that one order goes to one such connection of a store (`plugin.rules`).

    Its steps about an order are of the subject `order:REF`; what books is called `book`, what books anew after a change
    `amend`, what pays for a booking `buy`. Its plan of a cancelled order holds the steps that take a booking back,
    which end done or skipped only when nothing of the order is live there any more.
    """


@runtime_checkable
class TellsPeople(Protocol):
    """A destination that is told who did what, so that something has to be remembered of people for it."""

    def visitor_attributes(self, values: Mapping[str, str]) -> frozenset[str]:
        """Return the order attributes that these settings read a visitor's anonymous id from."""
        ...


@runtime_checkable
class Findable(Protocol):
    """A destination that can be asked whether a call whose answer was lost took effect."""

    def build_lookup(self, work: Work) -> Request | None:
        """Return the call that looks a lost one up; None where this step's can't be looked up."""
        ...

    def read_lookup(self, work: Work, response: Response) -> Outcome | None:
        """Return what the look-up says; None when the lost call certainly did not arrive and may be sent again."""
        ...


@runtime_checkable
class Losable(Protocol):
    """A destination with steps whose lost answers nobody can look up, and a choice of what to do then."""

    def on_lost(self, work: Work, losses: int) -> Outcome:
        """Return what to do about the n-th lost answer of a step that can't be looked up."""
        ...


@runtime_checkable
class Offers(Protocol):
    """A destination whose account offers what its settings choose from."""

    listings: tuple[Listing, ...]


@runtime_checkable
class Checkable(Protocol):
    """A destination that documents a call which changes nothing and tells whether the credentials are good."""

    def build_check(self, values: Mapping[str, str]) -> Request:
        """Return that call. A status of 401 or 403 refuses the credentials, and a 2xx takes them."""
        ...


@runtime_checkable
class Labels(Protocol):
    """A destination whose shipments have labels that can be read again."""

    def label_call(self, values: Mapping[str, str], booked: Booked, form: str) -> Request:
        """Return the call that asks for the label of a shipment as `pdf`, `png` or `zpl`."""
        ...

    def label_file(self, response: Response, form: str) -> LabelFile | LabelLink:
        """Return the label in the answer, or where it can be fetched without credentials.

        Raises:
            plugin.core.errors.ConfigError: there is no label in this form; says what there is.
            mappings.schemas.schema.PayloadRejected: the answer holds neither.
        """
        ...


def refusal(work: Work, response: Response) -> Rejected | None:
    """Return a refusal in the vendor's own words, without anything personal in them; None for a success."""
    if response.status < _REFUSED:
        return None
    return Rejected(reason=redacted_reason(response, work.sent, work.document))


# Asked for every call: comparing with a protocol takes as long as reading an answer.
@functools.cache
def findable(vendor: Destination) -> Findable | None:
    """Return the vendor as one whose lost calls can be looked up, if it is one."""
    return vendor if isinstance(vendor, Findable) else None


@functools.cache
def losable(vendor: Destination) -> Losable | None:
    """Return the vendor as one that decides about lost answers, if it is one."""
    return vendor if isinstance(vendor, Losable) else None


@functools.cache
def tells_people(vendor: Destination) -> TellsPeople | None:
    """Return the vendor as one that is told who did what, if it is one."""
    return vendor if isinstance(vendor, TellsPeople) else None


@functools.cache
def ships(vendor: Destination) -> bool:
    """Return whether parcels are booked here."""
    return isinstance(vendor, Ships)


def lookup_of(vendor: Destination, work: Work) -> Request | None:
    """Return the call that looks up whether a lost one arrived; None where nothing can be looked up."""
    found = findable(vendor)
    return found.build_lookup(work) if found else None


def lookup_outcome(vendor: Destination, work: Work, response: Response) -> Outcome | None:
    """Return what the answer to `lookup_of` says; None when the lost call certainly did not arrive."""
    found = findable(vendor)
    return found.read_lookup(work, response) if found else None


def loss_outcome(vendor: Destination, work: Work, losses: int) -> Outcome:
    """Return what to do about the n-th lost answer of a step that can't be looked up; a person's, by default."""
    found = losable(vendor)
    return found.on_lost(work, losses) if found else Rejected(reason="the answer was lost", hold=True)
