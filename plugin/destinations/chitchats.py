"""Chit Chats: a booking is an unpaid draft; buying, waiting, label and tracking are steps of their own.

Facts are those of the vendor's API reference v1 and of what its users and employees reported: docs/destinations.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.base import PayloadRejected
from mappings.canonical import ORDER_TOPICS, Order, Topic
from mappings.destinations import _chitchats_terms as terms
from plugin import checks
from plugin.destinations import _chitchats_parts as parts
from plugin.destinations import _chitchats_steps as steps
from plugin.model import Deferred, Manner, RateLimit, Rejected, Request, Setting, Skipped, Step, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical import Document
    from plugin.http import Answer
    from plugin.model import Outcome, StoreFacts, Work

_BOOLEAN = checks.one_of("yes", "no")


class ChitChats:
    """Shipments of one Chit Chats account."""

    name = "chitchats"
    base_url = "https://chitchats.com"
    # Until 2018 it was 50 in 10 seconds; today 2000 in 5 minutes for one address and account.
    limits = (RateLimit(2000, 300),)
    needs = (
        Setting(
            key="client_id",
            help="the account's number, as in its dashboard's address",
            required=True,
            check=checks.digits,
        ),
        Setting(
            key="token",
            help="an API access token",
            secret=True,
            required=True,
            check=checks.header,
        ),
        Setting(
            key="package_type", help="what parcels are", default="parcel", check=checks.one_of(*terms.PACKAGE_TYPES)
        ),
        Setting(key="size_unit", help="unit of the sizes", default="cm", check=checks.one_of("m", "cm", "in")),
        Setting(key="size_x", help="length of a parcel; the vendor requires it", check=checks.positive),
        Setting(key="size_y", help="width of a parcel; the vendor requires it", check=checks.positive),
        Setting(key="size_z", help="height of a parcel; the vendor requires it", check=checks.positive),
        Setting(key="default_weight_g", help="grams of an order whose lines have no weight", check=checks.positive),
        Setting(
            key="postage_type",
            help="`unknown` only asks for rates",
            default="unknown",
            check=checks.one_of(*terms.POSTAGE_TYPES),
        ),
        Setting(key="ship_date", help="`today` or YYYY-MM-DD", default="today", check=checks.ship_date),
        Setting(key="description", help="contents in words; else the names of the lines"),
        Setting(
            key="package_contents",
            help="kind of contents",
            default="merchandise",
            check=checks.one_of(*terms.PACKAGE_CONTENTS),
        ),
        Setting(key="origin_country", help="two letters, for lines that name no origin", check=checks.country),
        Setting(
            key="auto_buy",
            help="`yes` buys the postage at once; it is charged to the account",
            default="no",
            check=_BOOLEAN,
        ),
    )
    ships = True
    plain = terms.PLAIN

    def account(self, values: Mapping[str, str]) -> str:
        """The client id: the vendor counts calls for each account."""
        return values["client_id"]

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Sizes that are not set hold every booking; buying needs to know what."""
        missing = [key for key in ("size_x", "size_y", "size_z") if key not in values]
        found = [f"{', '.join(missing)} not set: every booking is held until they are"] if missing else []
        if values["auto_buy"] == "yes" and values["postage_type"] == "unknown":
            found.append("auto_buy needs a postage_type: purchases are held until it is set")
        return tuple(found)

    def manner(self, values: Mapping[str, str]) -> Manner:
        """The usual; what follows a booking depends on whether its postage is bought."""
        return Manner(later=steps.LATER if values.get("auto_buy") == "yes" else ())

    def plan(self, topic: Topic, document: Document, store: StoreFacts, values: Mapping[str, str]) -> tuple[Step, ...]:
        """One booking for an order, whichever of its webhooks comes first; a cancellation also takes it back."""
        del store, values
        if topic not in ORDER_TOPICS or not isinstance(document, Order):
            return ()
        subject = f"order:{document.ref}"
        # A cancelled order is planned too: what waits is skipped, and a webhook that is late finds it settled.
        book = Step(action="book", key=f"book:{document.ref}", subject=subject, newest=True)
        if topic is not Topic.ORDER_CANCELLED:
            return (book,)
        return (book, Step(action="cancel", key=f"cancel:{document.ref}", subject=subject))

    def prepare(self, work: Work) -> Request | Skipped | Rejected:
        """The call of a step; a booking that is not wanted is skipped with its reason."""
        return steps.PREPARE[work.action](work)

    def read(self, work: Work, answer: Answer) -> Outcome:
        """Status and body together: a success without a shipment in it is no success."""
        if answer.status >= 400:  # noqa: PLR2004  (the first status of a refusal)
            return steps.refused(work, answer)
        try:
            return steps.READ[work.action](work, answer)
        except PayloadRejected as error:
            reason = str(error)
            return Deferred(reason=reason) if steps.only_looks(work) else Unknown(reason=reason)

    def find(self, work: Work) -> Request | None:
        """A booking is searched by its order, a purchase or deletion by its shipment; a look is simply repeated."""
        if steps.only_looks(work):
            return None
        if work.action != "book":
            return parts.call(work, "GET", f"/shipments/{parts.remote_id_of(work)}", repeatable=True)
        order = parts.order_of(work)
        return parts.call(work, "GET", "/shipments", query={"q": order.ref, "limit": "1000"}, repeatable=True)

    def found(self, work: Work, answer: Answer) -> Outcome | None:
        """The draft of this very order that nobody else owns, or the state that a purchase or deletion led to."""
        try:
            return steps.FOUND[work.action](work, answer)
        except PayloadRejected as error:
            return Unknown(reason=str(error))

    def lost(self, work: Work, losses: int) -> Outcome:
        """Never asked: every call here can be looked up."""
        del work, losses
        return Rejected(reason="the answer was lost", hold=True)


destination = ChitChats()
