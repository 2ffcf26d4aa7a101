"""Shiptheory: adding a shipment books it with a carrier, under a reference of ours that is never used again.

The API can neither change nor cancel a shipment, and answers 200 whatever happened; facts are those of the vendor's
documentation and of its support's articles: docs/vendors/shiptheory.md.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from mappings.canonical.orders import ORDER_TOPICS, Order, Topic
from mappings.destinations.shiptheory import enums, label, response
from mappings.schemas.schema import PayloadRejected
from plugin.core.errors import ConfigError
from plugin.core.outcome import Deferred, Rejected, Skipped
from plugin.core.rates import RateLimit
from plugin.core.step import Booked, Request, Step
from plugin.core.vendor_profile import Login, PreviewStep, Token, VendorProfile
from plugin.destinations.base import Checkable, Destination, Findable, LabelFile, Labels, Losable, Offers, Ships
from plugin.destinations.shiptheory import calls, lookup, settings, steps
from plugin.destinations.shiptheory.offers import LISTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import StoreFacts, Work


# §1; clients renew at 58.
_TOKEN_LASTS, _RENEWED_EARLY = timedelta(minutes=60), timedelta(minutes=2)
_LATER = (
    PreviewStep(
        action="label",
        help="until there is one; its tracking number comes with it",
        booked=Booked(remote_id="REFERENCE", status=response.COMPLETE),
    ),
    PreviewStep(
        action="watch",
        help="instead, where a person at Shiptheory has to approve it: every 10 minutes",
        booked=Booked(remote_id="REFERENCE", status="Waiting"),
    ),
)


class Shiptheory(Destination, Ships, Findable, Losable, Labels, Offers, Checkable):
    """Shipments of one Shiptheory account."""

    name = "shiptheory"
    title = "Shiptheory"
    base_url = "https://api.shiptheory.com"
    # Beyond it 429, and no header says for how long; logging in is counted too.
    limits = (RateLimit(1, 1),)
    needs = settings.NEEDS
    public_keys = enums.PLAIN
    listings = LISTINGS

    def account(self, values: Mapping[str, str]) -> str:
        """Return a fingerprint of the e-mail or of the permanent token; raises `ConfigError` when there is neither.

        An account that one store reaches by e-mail and another by token is counted as two.
        """
        if values.get("token"):
            known = values["token"]
        elif values.get("email") and values.get("password"):
            known = values["email"].strip().lower()
        else:
            raise ConfigError("shiptheory needs email and password, or token: give them with --set KEY=VALUE")
        return hashlib.sha256(known.encode()).hexdigest()[:12]

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return settings that do nothing without another one, and what the account's own rules decide."""
        return tuple(settings.warnings(values))

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """Return how an e-mail and a password give a token of 60 minutes; a permanent token needs no login."""
        if values.get("token"):
            return VendorProfile(later=_LATER)
        body = {"email": values.get("email", ""), "password": values.get("password", "")}
        request = calls.call(values, "POST", "/token", body=body, repeatable=True)
        login = Login(request=request, token=_token, headers=calls.bearer, early=_RENEWED_EARLY)
        return VendorProfile(login=login, later=_LATER)

    def plan(
        self, topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
    ) -> tuple[Step, ...]:
        """One booking for an order, whichever of its webhooks comes first, and what its later news asks for."""
        del history, store
        if topic not in ORDER_TOPICS or not isinstance(document, Order):
            return ()
        ref, subject = document.ref, f"order:{document.ref}"
        data = {"prefix": values.get("reference_prefix", "")}
        book = Step(action="book", key=f"book:{ref}", subject=subject, newest=True, data=data)
        if topic is Topic.ORDER_CANCELLED:
            return (book, Step(action="cancel", key=f"cancel:{ref}", subject=subject))
        if document.fully_refunded and "return_service" in values:
            # Never taken up again by later news: each call makes another label, which the carrier may charge.
            return (book, Step(action="return", key=f"return:{ref}", subject=subject))
        if topic is Topic.ORDER_UPDATED:
            return (book, Step(action="check", key=f"check:{ref}", subject=subject, newest=True))
        return (book,)

    def build_request(self, work: Work) -> Request | Skipped | Rejected:
        """Return the call of a step; a booking that is not wanted is skipped with its reason."""
        return steps.PREPARE[work.action](work)

    def read_response(self, work: Work, answer: Response) -> Outcome:
        """Return what the body says, since the status says nothing."""
        if answer.status >= 400:  # noqa: PLR2004  (the first status of a refusal)
            return steps.refused(work, answer)
        try:
            return steps.READ[work.action](work, answer)
        except PayloadRejected as error:
            return steps.unreadable(work, error)

    def build_lookup(self, work: Work) -> Request | None:
        """Return the look-up of a booking; None for what is repeated, and for returns, which can't be looked up."""
        return lookup.build_lookup(work)

    def read_lookup(self, work: Work, answer: Response) -> Outcome | None:
        """Return the shipment of this very order, or None: then the reference is still free, and is used."""
        try:
            return lookup.read_lookup(work, answer)
        except PayloadRejected as error:
            return steps.unreadable(work, error)

    def on_lost(self, work: Work, losses: int) -> Outcome:
        """Return what the operator chose: a lost return label can't be had again, and another may cost again."""
        if work.settings["lost_return"] == "again" and losses <= 1:
            return Deferred.retry("the answer with the return label was lost; another one is made")
        reason = (
            "the answer with the return label was lost, and it can't be fetched; a replay has another one made, which"
            " the carrier may charge"
        )
        return Rejected(reason=reason, hold=True)

    def build_check(self, values: Mapping[str, str]) -> Request:
        """Return the list of the account's delivery services (docs/vendors/shiptheory.md §9)."""
        return calls.call(values, "GET", "/services", repeatable=True)

    def label_call(self, values: Mapping[str, str], booked: Booked, form: str) -> Request:
        """Return the view of the shipment, which has its label in it; PDF is the only form there is."""
        _only_pdf(form)
        return calls.call(values, "GET", f"/shipments/{booked.remote_id}", repeatable=True)

    def label_file(self, answer: Response, form: str) -> LabelFile:
        """Return the PDF; raises `PayloadRejected` where there is none yet, `ConfigError` for another form."""
        _only_pdf(form)
        data = label.label(answer.json)
        if data is None:
            raise PayloadRejected("shiptheory: this shipment has no label (yet)")
        return LabelFile(media_type="application/pdf", data=data)


def _only_pdf(form: str) -> None:
    if form != "pdf":
        raise ConfigError("Shiptheory has labels as pdf only: leave --format out")


def _token(answer: Response) -> Token | None:
    value = response.token(answer.json)
    return Token(value=value, lasts=_TOKEN_LASTS) if value else None


destination = Shiptheory()
