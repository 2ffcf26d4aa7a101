"""What happened, in the vocabulary that customer-data receivers share: identify, alias, track.

Which document leads to what is in the modules beside this one that are named after documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mappings.canonical.activity import (
    Cart,
    Checkout,
    Consent,
    Departure,
    Fulfilment,
    Merge,
    Parcel,
    ParcelScan,
    Payment,
    Refund,
)
from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Customer, Order
from mappings.customer_data import basket_facts, customer_facts, order_facts, parcel_facts
from mappings.customer_data.consent import may_tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from mappings.customer_data.fact import Fact
    from mappings.customer_data.ids import IdentityRules, Tenant

_FACTS_OF: Final[dict[type, Callable[..., Iterator[Fact]]]] = {
    Order: order_facts.of_order,
    Refund: order_facts.of_refund,
    Payment: order_facts.of_payment,
    Customer: customer_facts.of_customer,
    Merge: customer_facts.of_merge,
    Departure: customer_facts.of_departure,
    Consent: customer_facts.of_consent,
    Cart: basket_facts.of_cart,
    Checkout: basket_facts.of_checkout,
    Fulfilment: parcel_facts.of_fulfilment,
    ParcelScan: parcel_facts.of_scan,
    Parcel: parcel_facts.of_parcel,
}


def fact_if_abandoned(
    document: Document, tenant: Tenant, identity: IdentityRules, history: History = NOTHING_KNOWN
) -> Fact | None:
    """Return the fact to send once nothing came after a document for as long as the operator waits; None for most.

    Whether something came is in `History.over`, and is for whoever waited to ask.
    """
    if not isinstance(document, Checkout) or not may_tell(document, history, identity):
        return None
    return basket_facts.of_abandoned(document, history, tenant, identity)


def facts(
    topic: Topic, document: Document, tenant: Tenant, identity: IdentityRules, history: History = NOTHING_KNOWN
) -> tuple[Fact, ...]:
    """Return what to send about a document, in this order: who it is, that they are known, what they did.

    Nothing is sent for topics without a place in the vocabulary, nor of what the operator's choices leave out.

    Raises:
        BodyIncomplete: the document has no time, or no currency, that the fact could have.
    """
    facts_of = _FACTS_OF.get(type(document))
    if facts_of is None or not may_tell(document, history, identity):
        return ()
    return tuple(facts_of(topic, document, history, tenant, identity))
