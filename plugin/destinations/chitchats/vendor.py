"""Chit Chats: a booking is an unpaid draft; buying, waiting, label and tracking are steps of their own.

Facts are those of the vendor's API reference v1, and of what its users and employees reported
(docs/vendors/chitchats.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mappings.canonical.orders import ORDER_TOPICS, Order, Topic
from mappings.destinations import chitchats as mapping
from mappings.destinations.chitchats import enums
from mappings.schemas.schema import PayloadRejected
from plugin.core.outcome import Deferred, Unknown
from plugin.core.rates import RateLimit
from plugin.core.step import Request, Step
from plugin.core.vendor_profile import VendorProfile
from plugin.destinations.base import Checkable, Destination, Findable, Labels, Ships
from plugin.destinations.chitchats import calls, labels, postage, steps
from plugin.destinations.chitchats.settings import NEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Booked, StoreFacts, Work
    from plugin.destinations.base import LabelFile, LabelLink


class ChitChats(Destination, Ships, Findable, Labels, Checkable):
    """Shipments of one Chit Chats account."""

    name = "chitchats"
    title = "Chit Chats"
    base_url = "https://chitchats.com"
    # Until 2018 it was 50 in 10 seconds; today 2000 in 5 minutes for one address and account.
    limits = (RateLimit(2000, 300),)
    needs = NEEDS
    public_keys = enums.PLAIN

    def account(self, values: Mapping[str, str]) -> str:
        """Return the client id: the vendor counts calls for each account."""
        return values["client_id"]

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Sizes that are not set hold every booking; buying needs to know what."""
        missing = [key for key in ("size_x", "size_y", "size_z") if key not in values]
        found = [f"{', '.join(missing)} not set: every booking is held until they are"] if missing else []
        if values["auto_buy"] == "yes" and values["postage_type"] == "unknown":
            found.append("auto_buy needs a postage_type: purchases are held until it is set")
        if values.get("duties_paid") == "yes" and "vat_reference" not in values:
            found.append("duties_paid needs a vat_reference: bookings with prepaid duties are held until it is set")
        return tuple(found)

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """Return the usual, with what follows a booking: that depends on whether its postage is bought."""
        return VendorProfile(later=postage.later(values))

    def plan(
        self, topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
    ) -> tuple[Step, ...]:
        """One booking for an order, whichever of its webhooks comes first; what changes it, and what takes it back."""
        del history, store, values
        if topic not in ORDER_TOPICS or not isinstance(document, Order):
            return ()
        about: dict[str, Any] = {"subject": f"order:{document.ref}", "group": f"parcel:{document.ref}"}
        content = mapping.content(document)
        # A cancelled order is planned too: what waits is skipped, and a webhook that is late finds it settled.
        book = Step(action="book", key=f"book:{document.ref}", newest=True, content=content, **about)
        if topic is Topic.ORDER_CANCELLED:
            return (book, Step(action="cancel", key=f"cancel:{document.ref}", subject=about["subject"]))
        if topic is Topic.ORDER_CREATED:
            return (book,)
        # Before the booking, which would otherwise be taken for the last that was done about this content.
        return (Step(action="amend", key=None, content=content, only_if_changed=True, **about), book)

    def build_request(self, work: Work) -> Request | Outcome:
        """Return the call of a step; a booking that is not wanted is skipped with its reason."""
        return steps.PREPARE[work.action](work)

    def read_response(self, work: Work, answer: Response) -> Outcome:
        """Status and body together: a success without a shipment in it is no success."""
        try:
            return steps.read_response(work, answer)
        except PayloadRejected as error:
            only_looked = work.sent is not None and work.sent.repeatable
            return Deferred.retry(str(error)) if only_looked else Unknown(reason=str(error))

    def build_lookup(self, work: Work) -> Request | None:
        """Return the search for a booking by order, for a purchase or deletion by shipment; None to repeat."""
        return steps.FIND[work.action](work) if work.action in steps.FIND else None

    def read_lookup(self, work: Work, answer: Response) -> Outcome | None:
        """Return the draft of this order that nobody else owns, or the state that a purchase or deletion led to."""
        try:
            return steps.FOUND[work.action](work, answer)
        except PayloadRejected as error:
            return Unknown(reason=str(error))

    def build_check(self, values: Mapping[str, str]) -> Request:
        """Return the count of all shipments (docs/vendors/chitchats.md §2)."""
        return calls.request(values, "GET", "/shipments/count", repeatable=True)

    def label_call(self, values: Mapping[str, str], booked: Booked, form: str) -> Request:
        """Return the call for the shipment itself, which says where its labels are."""
        del form
        return labels.call(values, booked)

    def label_file(self, answer: Response, form: str) -> LabelFile | LabelLink:
        """Return the signed address of the label."""
        return labels.read(answer, form)


destination = ChitChats()
