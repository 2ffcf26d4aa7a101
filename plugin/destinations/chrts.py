"""chrts, native: identify, alias and track, one message in a call.

The API has no look-up, no message id and no time field (docs/destinations.md), so a lost answer is a choice: identify
and alias are sent again, a track at most once more, or never if the operator says so.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mappings import calls, identity
from mappings.base import BodyIncomplete, PayloadRejected
from mappings.destinations import chrts as mapping
from plugin import checks
from plugin.http import encode
from plugin.mask import vendor_words
from plugin.model import Accepted, Deferred, Manner, RateLimit, Rejected, Request, Setting, Skipped, Step, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        Setting(
            key="user_id",
            help="what a person is known by; changing it later splits histories",
            default="customer_id",
            check=checks.one_of(*identity.USER_ID_STRATEGIES),
        ),
        Setting(
            key="anonymous_id_attributes",
            help="order attributes that hold a visitor's anonymous id, first hit wins",
            default=",".join(identity.ANONYMOUS_ID_ATTRIBUTES),
        ),
        Setting(key="alias", help="join a visitor to the customer", default="yes", check=checks.one_of("yes", "no")),
        Setting(
            key="email_in_properties",
            help="`yes` also writes the e-mail into event properties",
            default="no",
            check=checks.one_of("yes", "no"),
        ),
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
        return hashlib.sha256(values["api_key"].encode()).hexdigest()[:12]

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
        facts = calls.facts(topic, document, _tenant(store), _rules(values))
        return tuple(_step(fact) for fact in facts)

    def prepare(self, work: Work) -> Request | Skipped | Rejected:
        """One native message, made anew from the event."""
        return Request(
            method="POST",
            path=mapping.PATHS[work.action],
            headers={"Authorization": f"Bearer {work.settings['api_key']}"},
            body=work.message if work.message is not None else mapping.body(_fact(work).call)[1],
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


def _step(fact: calls.Fact) -> Step:
    return Step(
        action=fact.action,
        key=fact.key,
        subject=fact.subject,
        group=fact.group,
        content=fact.content,
        only_if_changed=fact.only_if_changed,
        data={"fact": _name(fact)},
        message=_message(fact),
    )


def _message(fact: calls.Fact) -> bytes | None:
    """None where something is missing: it is named when the call is due, and holds nothing else up."""
    try:
        return encode(mapping.body(fact.call)[1])
    except BodyIncomplete:
        return None


def _name(fact: calls.Fact) -> str:
    return f"track {fact.call.name}" if isinstance(fact.call, calls.Track) else fact.action


def _fact(work: Work) -> calls.Fact:
    if work.topic is None or work.document is None:
        raise PayloadRejected("the event holds no document")
    for fact in calls.facts(work.topic, work.document, _tenant(work.store), _rules(work.settings)):
        if _name(fact) == work.data.get("fact"):
            return fact
    raise PayloadRejected(f"the event no longer calls for {work.data.get('fact')}; the settings changed since")


def _tenant(store: StoreFacts) -> calls.Tenant:
    return calls.Tenant(platform=store.platform, shop=store.address)


def _rules(values: Mapping[str, str]) -> calls.IdentityRules:
    return calls.IdentityRules(
        user_id=values["user_id"],
        anonymous_id_attributes=tuple(filter(None, values["anonymous_id_attributes"].split(","))),
        alias=values["alias"] == "yes",
        email_in_properties=values["email_in_properties"] == "yes",
    )


destination = Chrts()
