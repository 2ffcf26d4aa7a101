"""The facts of customers' own records: who they are, that two are one, what they agreed to, that they left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mappings.canonical.history import Account
from mappings.canonical.orders import Topic
from mappings.customer_data.fact import digest, identify, joins, track
from mappings.customer_data.person import person_of_customer, person_of_ref
from mappings.customer_data.properties import known, traits_of_consent, traits_of_customer
from mappings.schemas.schema import BodyIncomplete

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mappings.canonical.activity import Consent, Departure, Merge
    from mappings.canonical.history import History
    from mappings.canonical.orders import Customer
    from mappings.customer_data.fact import Fact
    from mappings.customer_data.ids import IdentityRules, Tenant

_EVENTS: Final = {
    Topic.CUSTOMER_CREATED: ("Customer Created", "customer-created"),
    Topic.CUSTOMER_UPDATED: ("Customer Updated", None),
}


def of_customer(
    topic: Topic, customer: Customer, history: History, tenant: Tenant, rules: IdentityRules
) -> Iterator[Fact]:
    """Yield who a customer is, and that the record was made or changed."""
    if topic not in _EVENTS:
        return
    name, once = _EVENTS[topic]
    person = person_of_customer(customer, history, tenant, rules)
    traits = traits_of_customer(customer)
    updated_at, created_at = _times(customer)
    yield identify(person, traits, updated_at)
    yield from joins(person, rules, updated_at)
    properties = known({"customer_id": customer.ref, "email": customer.email if rules.email_in_properties else None})
    yield track(
        name,
        person,
        f"customer:{customer.ref}",
        properties=properties,
        content=digest(traits),
        at=created_at if once else updated_at,
        once=f"{once}:{customer.ref}" if once else None,
    )


def _times(customer: Customer) -> tuple[datetime, datetime]:
    updated_at = customer.updated_at or customer.created_at
    created_at = customer.created_at or customer.updated_at
    if updated_at is None or created_at is None:
        raise BodyIncomplete("customer: created_at and updated_at are both missing from the storefront's document")
    return updated_at, created_at


def of_merge(_topic: Topic, merge: Merge, history: History, tenant: Tenant, rules: IdentityRules) -> Iterator[Fact]:
    """Yield the alias that joins the customer who was merged away to the kept one; a failed merge joins nobody."""
    if not merge.succeeded:
        return
    history = replace(history, merged=history.merged or (Account(ref=merge.deleted_ref),))
    kept = person_of_ref(merge.kept_ref, history, tenant, rules)
    # With somebody of whom nothing was sent there is nothing to join.
    if kept.user_id or history.first:
        yield from joins(kept, rules, _heard(history.heard_at, "customer merge"))


def of_departure(
    _topic: Topic, gone: Departure, history: History, tenant: Tenant, rules: IdentityRules
) -> Iterator[Fact]:
    """Yield that a customer's record is gone."""
    person = person_of_ref(gone.ref, history, tenant, rules)
    yield track(
        "Customer Deleted",
        person,
        f"customer:{gone.ref}:deleted",
        properties={"customer_id": gone.ref},
        at=_heard(history.heard_at, "customer deletion"),
        once=f"customer-deleted:{gone.ref}",
    )


def of_consent(
    _topic: Topic, consent: Consent, history: History, tenant: Tenant, rules: IdentityRules
) -> Iterator[Fact]:
    """Yield what a customer agreed to, as a trait; it changes nothing else that is known of them."""
    if consent.state is None:
        return
    history = replace(history, email=history.email or consent.email)
    person = person_of_ref(consent.customer_ref, history, tenant, rules)
    at = consent.at or _heard(history.heard_at, "consent")
    group = f"consent:{consent.channel}:{consent.customer_ref}"
    yield identify(person, traits_of_consent(consent), at, group)


def _heard(heard_at: datetime | None, what: str) -> datetime:
    if heard_at is None:
        raise BodyIncomplete(f"{what}: the document tells no time, and when it came is not known")
    return heard_at
