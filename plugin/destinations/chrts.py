"""chrts, native: identify, alias and track, one message in a call.

The API has no look-up, no message id and no time field (docs/destinations.md), so a lost answer is a choice: identify
and alias are sent again, a track at most once more, or never if the operator says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.destinations import chrts as mapping
from plugin import checks, telling
from plugin.http import encode
from plugin.mask import vendor_words
from plugin.model import Accepted, Deferred, Manner, RateLimit, Rejected, Request, Setting, Skipped, Step, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings import calls
    from mappings.canonical import Document, Topic
    from plugin.http import Answer
    from plugin.model import Outcome, StoreFacts, Work

_OK = 200
_PLAIN = frozenset({"status", "code", "order_id", "currency", "country", "occurred_at"})
_MOST_LOSSES = {"again": 1, "never": 0}


class Chrts:
    """Messages of one chrts source."""

    name = "chrts"
    base_url = "https://api.chrts.co"
    # None is published; ours is a setting.
    limits = (RateLimit(10, 1),)
    needs = (
        Setting(key="api_key", help="the source's key (api_chrts_…)", secret=True, required=True, check=checks.header),
        *telling.IDENTITY_SETTINGS,
        Setting(
            key="lost_track",
            help="when the answer to a track is lost: `again` may count twice, `never` may not count",
            default="again",
            check=checks.one_of(*_MOST_LOSSES),
        ),
    )
    plain = _PLAIN

    def account(self, values: Mapping[str, str]) -> str:
        """A fingerprint of the key: one key is one source, and the key itself stays secret."""
        return telling.fingerprint(values["api_key"])

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Nothing: every setting has a default that works."""
        del values
        return ()

    def manner(self, values: Mapping[str, str]) -> Manner:
        """The usual."""
        del values
        return Manner()

    def plan(self, topic: Topic, document: Document, store: StoreFacts, values: Mapping[str, str]) -> tuple[Step, ...]:
        """Identify, alias and tracks of the document, in that order for one person."""
        return telling.steps(topic, document, store, values, _message)

    def prepare(self, work: Work) -> Request | Skipped | Rejected:
        """One native message, as it was planned, or made anew from the event."""
        return Request(
            method="POST",
            path=mapping.PATHS[work.action],
            headers={"Authorization": f"Bearer {work.settings['api_key']}"},
            body=work.message or mapping.body(telling.fact_of(work).call)[1],
            repeatable=work.action in ("identify", "alias"),
        )

    def read(self, work: Work, answer: Answer) -> Outcome:
        """Success is 200 and `status` true in the body; a 200 that says neither is no certainty."""
        accepted = mapping.accepted(answer.json)
        if answer.status == _OK and accepted:
            return Accepted()
        if answer.status == _OK and accepted is None:
            reason = "200, but the body does not say whether it was taken"
            return Deferred(reason=reason) if work.action != "track" else Unknown(reason=reason)
        sent = self.prepare(work)
        return Rejected(reason=vendor_words(answer, sent if isinstance(sent, Request) else None, work.document))

    def find(self, work: Work) -> Request | None:
        """Nothing can be looked up at chrts."""
        del work
        return None

    def found(self, work: Work, answer: Answer) -> Outcome | None:
        """Never asked."""
        del work, answer
        return None

    def lost(self, work: Work, losses: int) -> Outcome:
        """The operator's choice between maybe twice and maybe never."""
        if losses <= _MOST_LOSSES[work.settings["lost_track"]]:
            return Deferred(reason="the answer was lost; sent once more, so it may count twice")
        return Rejected(reason="the answer was lost; it may or may not have been counted, and is not sent again")


def _message(fact: calls.Fact) -> bytes | None:
    return encode(mapping.body(fact.call)[1])


destination = Chrts()
