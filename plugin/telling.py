"""What destinations that are told who did what have in common: the settings of identity, and a fact as a step."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mappings import calls, identity
from mappings.base import PayloadRejected
from plugin import checks
from plugin.model import Setting, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mappings.canonical import Document, Topic
    from plugin.model import StoreFacts, Work

IDENTITY_SETTINGS = (
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
)


def fingerprint(key: str) -> str:
    """What an account is called without telling its key."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def facts(topic: Topic, document: Document, store: StoreFacts, values: Mapping[str, str]) -> tuple[calls.Fact, ...]:
    """What this connection is to be told of a document, in the order to tell it."""
    return calls.facts(topic, document, tenant(store), _rules(values))


def steps(
    topic: Topic,
    document: Document,
    store: StoreFacts,
    values: Mapping[str, str],
    say: Callable[[calls.Fact], bytes | None],
) -> tuple[Step, ...]:
    """Everything to tell of a document as steps; `say` gives the body of one fact."""
    return tuple(step(fact, say(fact)) for fact in facts(topic, document, store, values))


def fact_of(work: Work) -> calls.Fact:
    """The fact that a step was planned for, found again in its event."""
    if work.topic is None or work.document is None:
        raise PayloadRejected("the event holds no document")
    for fact in facts(work.topic, work.document, work.store, work.settings):
        if _name(fact) == work.data.get("fact"):
            return fact
    raise PayloadRejected(f"the event no longer calls for {work.data.get('fact')}; the settings changed since")


def step(fact: calls.Fact, message: bytes | None = None) -> Step:
    """A fact as a step; `message` is its body, where it can be mapped while it is planned."""
    return Step(
        action=fact.action,
        key=fact.key,
        subject=fact.subject,
        group=fact.group,
        content=fact.content,
        only_if_changed=fact.only_if_changed,
        data={"fact": _name(fact)},
        message=message,
    )


def tenant(store: StoreFacts) -> calls.Tenant:
    """The shop, as mappings know it."""
    return calls.Tenant(platform=store.platform, shop=store.address)


def _name(fact: calls.Fact) -> str:
    return f"track {fact.call.name}" if isinstance(fact.call, calls.Track) else fact.action


def _rules(values: Mapping[str, str]) -> calls.IdentityRules:
    return calls.IdentityRules(
        user_id=values["user_id"],
        anonymous_id_attributes=tuple(filter(None, values["anonymous_id_attributes"].split(","))),
        alias=values["alias"] == "yes",
        email_in_properties=values["email_in_properties"] == "yes",
    )
