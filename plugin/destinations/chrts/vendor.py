"""chrts: natively identify, alias and track, one message in a call; or Segment's wire format.

The native API has no look-up, no message id and no time field (docs/vendors/chrts.md §5), so a lost answer is a choice:
identify and alias are sent again, a track at most once more, or never if the operator says so. chrts calls itself
compatible with Segment, but doesn't publish where: `wire=segment` sends what Segment takes to the address that the
operator names. Whether message ids are heeded there is unknown too, so the same choice holds.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from mappings.destinations import chrts as mapping
from mappings.schemas.schema import BodyIncomplete
from plugin.core import validators
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.rates import RateLimit
from plugin.core.redaction import redacted_reason
from plugin.core.response import encode
from plugin.core.setting import Setting, fingerprint
from plugin.core.step import WAIT, Request
from plugin.core.vendor_profile import VendorProfile
from plugin.customer_data import messages, responses, steps
from plugin.destinations.base import Checkable, Destination, Losable, TellsPeople

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mappings import customer_data
    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Step, StoreFacts, Work

_OK = 200
_PLAIN = frozenset({"status", "code", "order_id", "currency", "country", "occurred_at"})
_MOST_LOSSES = {"again": 1, "never": 0}
# Segment's own, for want of any others; each is a setting. What is read of answers is chrts' own rule: 200 and true.
_PREFIX = "wire_"
_WIRE = {
    "path": "batch",
    "auth": "basic",
    "batch_items": "2500",
    "batch_bytes": "500000",
    "item_bytes": "32000",
    "reply": "true",
}


class Chrts(Destination, TellsPeople, Losable, Checkable):
    """Messages of one chrts source."""

    name = "chrts"
    title = "chrts"
    base_url = "https://api.chrts.co"
    # None is published; ours is a setting.
    limits = (RateLimit(10, 1),)
    needs = (
        Setting(
            key="api_key", help="the source's key (api_chrts_…)", secret=True, required=True, check=validators.header
        ),
        *steps.IDENTITY_SETTINGS,
        Setting(
            key="lost_track",
            help="when the answer to a track is lost: `again` may count twice, `never` may not count",
            default="again",
            check=validators.one_of(*_MOST_LOSSES),
        ),
        Setting(
            key="wire",
            help="`native`, or `segment` for Segment's format at the address given with --base-url",
            default="native",
            check=validators.one_of("native", "segment"),
        ),
        *messages.settings(_PREFIX, _WIRE),
    )
    public_keys = _PLAIN | messages.PLAIN

    def account(self, values: Mapping[str, str]) -> str:
        """Return a fingerprint of the key: one key is one source, and the key itself stays secret."""
        return fingerprint(values["api_key"])

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return a warning that nobody but chrts knows where Segment's format is taken."""
        if not _speaks_segment(values):
            return ()
        return ("wire=segment: chrts does not publish that address; --base-url, wire_path and wire_auth must name it",)

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """Return the usual for the native API, and for Segment's format how many messages fit into a call."""
        return _wire(values).profile() if _speaks_segment(values) else VendorProfile()

    def build_check(self, values: Mapping[str, str]) -> Request:
        """Return the call of the documentation's own example of authentication (docs/vendors/chrts.md §1)."""
        return Request(
            method="GET", path="/", headers={"Authorization": f"Bearer {values['api_key']}"}, repeatable=True
        )

    def visitor_attributes(self, values: Mapping[str, str]) -> frozenset[str]:
        """Return the order attributes that hold a visitor's id: the setting `anonymous_id_attributes`."""
        return steps.visitor_attributes(values)

    def plan(
        self, topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
    ) -> tuple[Step, ...]:
        """Identify, alias and tracks of the document, in that order for one person."""
        return steps.steps(topic, document, history, store, values, body_of=self._body_of(document, store, values))

    def _body_of(
        self, document: Document, store: StoreFacts, values: Mapping[str, str]
    ) -> Callable[[customer_data.Fact], bytes | None]:
        return messages.planner(_wire(values), document, store) if _speaks_segment(values) else _message

    def build_request(self, work: Work) -> Request | Outcome:
        """One message, as it was planned or made anew from the event."""
        if work.action == WAIT:
            return steps.end_wait(work, self._body_of(steps.document_of(work)[1], work.store, work.settings))
        if _speaks_segment(work.settings):
            line = _wire(work.settings)
            return line.request(messages.item(line, work))
        return Request(
            method="POST",
            path=mapping.PATHS[work.action],
            headers={"Authorization": f"Bearer {work.settings['api_key']}"},
            body=work.message or mapping.body(steps.fact_of(work).call)[1],
            repeatable=work.action in ("identify", "alias"),
        )

    def read_response(self, work: Work, answer: Response) -> Outcome:
        """Success is 200 and `status` true in the body; a 200 that says neither is no certainty."""
        if _speaks_segment(work.settings):
            return responses.outcome(_wire(work.settings), work, answer)
        accepted = mapping.accepted(answer.json)
        if answer.status == _OK and accepted:
            return Accepted()
        if answer.status == _OK and accepted is None:
            reason = "200, but the body does not say whether it was taken"
            return Deferred.retry(reason) if work.action != "track" else Unknown(reason=reason)
        return Rejected(reason=redacted_reason(answer, work.sent, work.document))

    def on_lost(self, work: Work, losses: int) -> Outcome:
        """Return what the operator chose, maybe twice or maybe never; identify and alias do no harm twice."""
        if work.action != "track":
            return Deferred.retry("the answer was lost; sent again")
        if losses <= _MOST_LOSSES[work.settings["lost_track"]]:
            return Deferred.retry("the answer was lost; sent once more, so it may count twice")
        return Rejected(reason="the answer was lost; it may or may not have been counted, and is not sent again")


def _message(fact: customer_data.Fact) -> bytes | None:
    """Return the native body; None where something is missing, which is named when the call is due."""
    try:
        return encode(mapping.body(fact.call)[1])
    except BodyIncomplete:
        return None


def _speaks_segment(values: Mapping[str, str]) -> bool:
    return values.get("wire", "native") != "native"


def _wire(values: Mapping[str, str]) -> messages.Wire:
    found = messages.wire(values, values["api_key"], _WIRE, _PREFIX)
    return dataclasses.replace(found, tracks_repeat=False)


destination = Chrts()
