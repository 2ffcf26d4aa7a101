"""What destinations for customer data have in common: their settings, and the step that sends a fact.

They differ in their bodies and answers, which each destination adds to this.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mappings import customer_data
from mappings.canonical.activity import Parcel, Tracking
from mappings.canonical.orders import Order, Topic
from mappings.customer_data import ids
from mappings.schemas.schema import PayloadRejected
from plugin.core import validators
from plugin.core.delivery import Priority
from plugin.core.outcome import Accepted, Deferred, Skipped
from plugin.core.setting import Setting
from plugin.core.step import WAIT, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from plugin.core.outcome import Outcome
    from plugin.core.step import StoreFacts, Work

_YES_OR_NO = validators.one_of("yes", "no")
_ATTRIBUTES = "anonymous_id_attributes"
_PARCEL = "parcel"
# How many hours a wait was planned for.
_HOURS = "hours"
# A month: whoever comes back to a checkout after that begins anew.
_MOST_HOURS = 720

IDENTITY_SETTINGS = (
    Setting(
        key="user_id",
        help="what a person is known by; changing it later splits histories",
        default="customer_id",
        check=validators.one_of(*ids.USER_ID_STRATEGIES),
    ),
    Setting(
        key=_ATTRIBUTES,
        help="order attributes that hold a visitor's anonymous id, first hit wins",
        default=",".join(ids.ANONYMOUS_ID_ATTRIBUTES),
    ),
    Setting(
        key="alias",
        help="join the ids of one person by alias; `no` joins by an identify with both ids",
        default="yes",
        check=_YES_OR_NO,
    ),
    Setting(
        key="email_in_properties",
        help="`yes` also writes the e-mail into event properties",
        default="no",
        check=_YES_OR_NO,
    ),
    Setting(
        key="sale",
        help="when an order is Order Completed: once it is `placed`, or once it is `paid`",
        default="placed",
        check=validators.one_of("placed", "paid"),
    ),
    Setting(
        key="abandoned_hours",
        help="hours that a checkout stays untouched until Cart Abandoned is told; `0` never tells it",
        default="24",
        check=validators.whole("hours", _MOST_HOURS),
    ),
    Setting(key="test_orders", help="`no` tells nothing of test orders", default="yes", check=_YES_OR_NO),
    Setting(
        key="consent",
        help="`required` tells only of people who agreed to be written to, and so of no carts",
        default="any",
        check=validators.one_of("any", "required"),
    ),
)
_DEFAULTS = {setting.key: setting.default or "" for setting in IDENTITY_SETTINGS}


def tenant(store: StoreFacts) -> customer_data.Tenant:
    """Return the store as mappings know it."""
    return customer_data.Tenant(platform=store.platform, shop=store.address)


def facts(
    topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
) -> tuple[customer_data.Fact, ...]:
    """Return the facts that this connection is to get from a document, in the order to send them."""
    return customer_data.facts(topic, document, tenant(store), _rules(values), history)


def step(fact: customer_data.Fact, document: Document, message: bytes | None = None) -> Step:
    """Return the step that sends a fact; `message` is its body, where it can be mapped while it is planned."""
    return Step(
        action=fact.action,
        key=fact.key,
        subject=fact.subject,
        group=fact.group,
        content=fact.content,
        only_if_changed=fact.only_if_changed,
        data={"fact": fact.name, "mark": fact.mark} | _kept(document),
        message=message,
    )


def steps(
    topic: Topic,
    document: Document,
    history: History,
    store: StoreFacts,
    values: Mapping[str, str],
    *,
    body_of: Callable[[customer_data.Fact], bytes | None],
) -> tuple[Step, ...]:
    """Return the steps that a document leads to; `body_of` makes the body of one fact, or None."""
    owed = [step(fact, document, body_of(fact)) for fact in facts(topic, document, history, store, values)]
    return (*owed, *_waits(document, history, store, values))


def _waits(document: Document, history: History, store: StoreFacts, values: Mapping[str, str]) -> Iterator[Step]:
    """Yield the wait for whether a checkout is abandoned; it holds nothing else of its person up."""
    rules = _rules(values)
    fact = customer_data.fact_if_abandoned(document, tenant(store), rules, history)
    if fact is not None and not (history.stale or history.over):
        yield Step(
            action=WAIT,
            key=f"{WAIT}:{fact.key}",
            subject=fact.group,
            priority=Priority.WATCH,
            delay=timedelta(hours=rules.abandoned_hours),
            data={"fact": f"{WAIT} for {fact.name}", _HOURS: rules.abandoned_hours},
        )


def end_wait(work: Work, body_of: Callable[[customer_data.Fact], bytes | None]) -> Outcome:
    """Return the outcome of a wait that ended: its fact is owed, unless something followed the document meanwhile."""
    _, document = document_of(work)
    rules = _rules(work.settings)
    fact = customer_data.fact_if_abandoned(document, tenant(work.store), rules, work.history)
    if fact is None:
        return Skipped("the settings, or what its person agreed to, do not ask for it any more")
    if work.history.over:
        return Skipped(work.history.over)
    more = timedelta(hours=rules.abandoned_hours - work.data[_HOURS])
    if more > timedelta():
        longer = {**work.data, _HOURS: rules.abandoned_hours}
        return Deferred.pending("the setting asks for more hours now", more, data=longer)
    return Accepted(then=(step(fact, document, body_of(fact)),), note="nothing came meanwhile")


def fact_of(work: Work) -> customer_data.Fact:
    """Return the fact that a step was planned for, found again in its event."""
    topic, document = document_of(work)
    later = customer_data.fact_if_abandoned(document, tenant(work.store), _rules(work.settings), work.history)
    for fact in (*facts(topic, document, work.history, work.store, work.settings), *([later] if later else [])):
        if fact.mark == work.data.get("mark"):
            return fact
    raise PayloadRejected(f"the event no longer calls for {work.data.get('fact')}; the settings changed since")


def visitor_attributes(values: Mapping[str, str]) -> frozenset[str]:
    """Return the order attributes that these settings read a visitor's anonymous id from."""
    return frozenset(filter(None, values.get(_ATTRIBUTES, _DEFAULTS[_ATTRIBUTES]).split(",")))


def document_of(work: Work) -> tuple[Topic, Document]:
    """Return the topic and document of a step: its event's, or the parcel that was booked because of it."""
    if work.topic is None or work.document is None:
        raise PayloadRejected("the event holds no document")
    kept = work.data.get(_PARCEL)
    if kept is None:
        return work.topic, work.document
    if not isinstance(work.document, Order):
        raise PayloadRejected("the parcel's event is not about an order")
    return Topic.PARCEL_BOOKED, Parcel(
        order=work.document,
        tracking=Tracking(number=kept["number"], url=kept["url"]),
        carrier=kept["carrier"],
        delivered=kept["delivered"],
        at=datetime.fromisoformat(kept["at"]),
    )


def _kept(document: Document) -> dict[str, object]:
    """Return what only a parcel that was booked by us says, to be kept in its step; nothing for other documents."""
    if not isinstance(document, Parcel):
        return {}
    followed = {"number": document.tracking.number, "url": document.tracking.url, "carrier": document.carrier}
    return {_PARCEL: followed | {"delivered": document.delivered, "at": document.at.isoformat()}}


def _rules(values: Mapping[str, str]) -> customer_data.IdentityRules:
    # A connection that was made before a setting existed goes on as before.
    chosen = {**_DEFAULTS, **values}
    return customer_data.IdentityRules(
        user_id=chosen["user_id"],
        anonymous_id_attributes=tuple(filter(None, chosen[_ATTRIBUTES].split(","))),
        alias=chosen["alias"] == "yes",
        email_in_properties=chosen["email_in_properties"] == "yes",
        sale=chosen["sale"],
        abandoned_hours=int(chosen["abandoned_hours"]),
        test_orders=chosen["test_orders"] == "yes",
        consent=chosen["consent"] == "required",
    )
