"""Ping Network: a record of each customer, and for shops that sell access a session for each line that was paid.

What its documents say, and what is a setting because they do not say it: docs/vendors/pingnetwork.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from plugin.core import validators
from plugin.core.outcome import Deferred, Rejected
from plugin.core.rates import RateLimit
from plugin.core.response import retry_after
from plugin.core.setting import Setting, fingerprint
from plugin.core.step import Request
from plugin.core.vendor_profile import Quota, StatusMeaning, VendorProfile
from plugin.destinations.base import Checkable, Destination, Findable, Losable
from plugin.destinations.pingnetwork import customers, sessions, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from plugin.core.outcome import Outcome, Skipped
    from plugin.core.response import Response
    from plugin.core.step import Step, StoreFacts, Work


_OVER_LIMIT = 429
_QUOTA = Quota(remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset", limit="X-RateLimit-Limit")
# After a 429 whose headers say nothing; and the longest that is believed.
_UNSAID_SECONDS, _LONGEST_SECONDS, _LONGEST_DIGITS = 10, 3600, 9
_MOST_LOSSES = {"never": 0, "again": 1}


class PingNetwork(Destination, Findable, Losable, Checkable):
    """The customers and sessions of one Ping Network account."""

    name = "pingnetwork"
    title = "Ping Network"
    base_url = "https://api.pingnetwork.io"
    # None is published: this is ours, and the headers of its answers lower it.
    limits = (RateLimit(10, 1),)
    needs = (
        Setting(
            key="token",
            help="the API token that the vendor's support team gave you",
            secret=True,
            required=True,
            check=validators.header,
        ),
        Setting(key="version", help="of the API, in its paths", default="v2", check=settings.check_version),
        Setting(
            key="customers",
            help="`yes` keeps a record of each customer",
            default="yes",
            check=validators.one_of(*settings.YES_OR_NO),
        ),
        Setting(
            key="customers_path",
            help="where records are created",
            default="/{version}/customers",
            check=settings.path_with(),
        ),
        Setting(
            key="customer_find",
            help="where the record with our id is found",
            default="/{version}/customers?external_id={id}",
            check=settings.path_with("id"),
        ),
        Setting(
            key="customer_path",
            help="where one record is changed and deleted",
            default="/{version}/customers/{remote_id}",
            check=settings.path_with("remote_id"),
        ),
        Setting(
            key="customer_fields",
            help="what a record holds, as THEIRS=OURS; the one for our `id` is what it is found by",
            default=settings.CUSTOMER_FIELDS,
            check=settings.check_fields,
        ),
        Setting(key="remote_id_field", help="their name for the id of a record", default="id"),
        Setting(
            key="update_method",
            help="how a record is changed",
            default="PUT",
            check=validators.one_of("PUT", "PATCH"),
        ),
        Setting(
            key="user_id",
            help="our id of a customer; changing it later makes new records",
            default="customer_id",
            check=validators.one_of(*settings.STRATEGIES),
        ),
        Setting(
            key="session_skus",
            help="SKUs that sell access, each with its zone: SKU=ZONE with commas between",
            check=settings.check_skus,
        ),
        Setting(
            key="sessions_path",
            help="where sessions are opened",
            default="/customer/{version}/sessions",
            check=settings.path_with(),
        ),
        Setting(
            key="session_pause_path",
            help="where a session is paused",
            default="/customer/{version}/sessions/{remote_id}/pause",
            check=settings.path_with("remote_id"),
        ),
        Setting(
            key="session_reusable",
            help="`yes` opens reusable sessions; no others can be paused",
            default="yes",
            check=validators.one_of(*settings.YES_OR_NO),
        ),
        Setting(
            key="lost_session",
            help="when the answer to a session is lost: `again` may open a second one, `never` may open none",
            default="never",
            check=validators.one_of(*_MOST_LOSSES),
        ),
    )
    public_keys = frozenset({"code", "connection_type", "zone", "reusable", "paused"})

    def account(self, values: Mapping[str, str]) -> str:
        """Return a fingerprint of the token: the token itself stays secret."""
        return fingerprint(values["token"])

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return what the vendor's public documents leave open for these settings."""
        found = []
        if values["customers"] == "yes":
            found.append(
                "the reference of /customers is handed out on request: compare customers_path, customer_find, "
                "customer_path, customer_fields and update_method with it"
            )
        if "session_skus" in values and not settings.can_pause(values):
            found.append("sessions of this version, or not reusable ones, can't be paused: a cancellation is held")
        if values["customers"] == "no" and "session_skus" not in values:
            found.append("customers is no and session_skus is not set: nothing will ever be sent")
        return tuple(found)

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """Every answer says how many calls are left, and in how many seconds they are counted anew.

        So does a 429, which therefore is ours to read: no document names `Retry-After`.
        """
        del values
        return VendorProfile(status_meanings={_OVER_LIMIT: StatusMeaning.READ}, quota=_QUOTA)

    def plan(
        self, topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
    ) -> tuple[Step, ...]:
        """Return the steps for the record of a customer and the sessions of an order, in order for one person."""
        del history
        records = customers.plan(topic, document, store, values) if values["customers"] == "yes" else ()
        return (*records, *sessions.plan(topic, document, store, values))

    def build_request(self, work: Work) -> Request | Skipped | Rejected:
        """Return the call of a step."""
        return _PREPARE[work.action](work)

    def read_response(self, work: Work, answer: Response) -> Outcome:
        """Status and body together; refusals are given in the words of the vendor's error object."""
        return _over_limit(answer) or _READ[work.action](work, answer)

    def build_check(self, values: Mapping[str, str]) -> Request:
        """Return the list of zones (docs/vendors/pingnetwork.md, "Endpoints")."""
        path = f"/customer/{values['version']}/zones"
        return Request(method="GET", path=path, headers={"Authorization": values["token"]}, repeatable=True)

    def build_lookup(self, work: Work) -> Request | None:
        """Return the search for a record by our id; None for sessions, which can't be found, and what is repeated."""
        return customers.build_lookup(work) if work.action == "record" else None

    def read_lookup(self, work: Work, answer: Response) -> Outcome | None:
        """Return whether the record is there, as how the step goes on."""
        return _over_limit(answer) or customers.read_lookup(work, answer)

    def on_lost(self, work: Work, losses: int) -> Outcome:
        """Return what the operator chose for a session whose answer was lost.

        Never held: what is held is tried again when settings change, and this only when a person replays it.
        """
        if losses <= _MOST_LOSSES[work.settings["lost_session"]]:
            return Deferred.retry("the answer was lost; sent once more, so there may be two sessions")
        reason = "the answer was lost, and a session may be open: ask the vendor; replay opens one in any case"
        return Rejected(reason=reason)


def _over_limit(answer: Response) -> Deferred | None:
    """Nobody calls again before the moment that a 429 names."""
    if answer.status != _OVER_LIMIT:
        return None
    reset = answer.headers.get(_QUOTA.reset, "").strip()
    seconds = int(reset) if reset.isascii() and reset.isdecimal() and len(reset) <= _LONGEST_DIGITS else 0
    after = retry_after(answer) or timedelta(seconds=min(seconds, _LONGEST_SECONDS) or _UNSAID_SECONDS)
    return Deferred.rate_limited(after)


_PREPARE: dict[str, Callable[[Work], Request | Skipped | Rejected]] = {
    "record": customers.create,
    "change": customers.change,
    "erase": customers.build_lookup,
    "delete": customers.delete,
    "session": sessions.start,
    "pause": sessions.pause,
}
_READ: dict[str, Callable[[Work, Response], Outcome]] = {
    "record": customers.created,
    "change": customers.changed,
    "erase": customers.sought,
    "delete": customers.deleted,
    "session": sessions.started,
    "pause": sessions.paused,
}

destination = PingNetwork()
