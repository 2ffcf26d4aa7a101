"""What a destination is: pure decisions. It says what to send and what answers mean; the line does the sending."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.orders import Document, Topic
    from plugin.core.outcome import Outcome
    from plugin.core.rates import RateLimit
    from plugin.core.response import Response
    from plugin.core.setting import Setting
    from plugin.core.step import Booked, Request, Step, StoreFacts, Work
    from plugin.core.vendor_profile import Listing, VendorProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """A label as it is printed."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LabelLink:
    """Where a label can be fetched without credentials, for a short while."""

    url: str = field(repr=False)


class Destination(Protocol):
    """One vendor that is sent to. None of its methods does I/O or reads a clock."""

    name: str
    base_url: str
    needs: tuple[Setting, ...]
    limits: tuple[RateLimit, ...]
    ships: bool
    """Whether parcels are booked here, so that one order goes to one such connection of a store (`plugin.rules.rule`).

    Then its steps about an order are of the subject `order:REF`; what books is called `book`, what books anew after a
    change `amend`, what pays for a booking `buy`; and its plan of a cancelled order holds the steps that take a booking
    back, which end done or skipped only when nothing of the order is live there any more.
    """
    public_keys: frozenset[str]
    """Keys of its bodies whose values tell nothing about a person, so that attempts may show them."""

    def account(self, values: Mapping[str, str]) -> str:
        """What the vendor counts calls by, from settings and credentials; must not reveal a secret."""
        ...

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """What an operator should know about these settings before the first order arrives."""
        ...

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """How this vendor differs from most, for these settings."""
        ...

    def plan(self, topic: Topic, document: Document, store: StoreFacts, values: Mapping[str, str]) -> tuple[Step, ...]:
        """The steps that this document calls for, in the order in which they are to go out."""
        ...

    def build_request(self, work: Work) -> Request | Outcome:
        """The call of one step, or what it comes to without one.

        Raises:
            mappings.schemas.schema.MappingError: the document or the settings lack a part.
        """
        ...

    def read_response(self, work: Work, answer: Response) -> Outcome:
        """What an answer means that `plugin.delivery.classify.classify` left to us: any 2xx, or a refusal in words."""
        ...

    def build_lookup(self, work: Work) -> Request | None:
        """The call that looks up whether a lost one arrived; None where nothing can be looked up."""
        ...

    def read_lookup(self, work: Work, answer: Response) -> Outcome | None:
        """What the look-up says; None when the lost call certainly did not arrive and may be sent again."""
        ...

    def on_lost(self, work: Work, losses: int) -> Outcome:
        """What to do about the n-th lost answer of a call that can't be looked up."""
        ...


@runtime_checkable
class Offers(Protocol):
    """A destination whose account offers what its settings choose from."""

    listings: tuple[Listing, ...]


@runtime_checkable
class Labels(Protocol):
    """A destination whose shipments have labels that can be read again."""

    def label_call(self, values: Mapping[str, str], booked: Booked, form: str) -> Request:
        """The call that asks for the label of a shipment as `pdf`, `png` or `zpl`."""
        ...

    def label_file(self, answer: Response, form: str) -> LabelFile | LabelLink:
        """The label in the answer, or where it can be fetched without credentials.

        Raises:
            plugin.core.errors.ConfigError: there is no label in this form; says what there is.
            mappings.schemas.schema.PayloadRejected: the answer holds neither.
        """
        ...
