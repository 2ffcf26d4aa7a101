"""What happened, in the vocabulary that customer-data receivers share: identify, alias, track.

Which document tells what is in `mappings/calls_of_*.py`, in the words of storefront-to-segment.md section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mappings import calls_of_baskets, calls_of_orders, calls_of_parcels, calls_of_people
from mappings.activity import (
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
from mappings.canonical import Customer, Order
from mappings.consent import may_tell
from mappings.fact import Alias, Call, Fact, Identify, Track
from mappings.identity import IdentityRules, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mappings.canonical import Document, Topic

__all__ = ["Alias", "Call", "Fact", "Identify", "IdentityRules", "Tenant", "Track", "facts", "untouched"]

_TOLD: Final[dict[type, Callable[..., Iterator[Fact]]]] = {
    Order: calls_of_orders.of_order,
    Refund: calls_of_orders.of_refund,
    Payment: calls_of_orders.of_payment,
    Customer: calls_of_people.of_customer,
    Merge: calls_of_people.of_merge,
    Departure: calls_of_people.of_departure,
    Consent: calls_of_people.of_consent,
    Cart: calls_of_baskets.of_cart,
    Checkout: calls_of_baskets.of_checkout,
    Fulfilment: calls_of_parcels.of_fulfilment,
    ParcelScan: calls_of_parcels.of_scan,
    Parcel: calls_of_parcels.of_parcel,
}


def untouched(document: Document, tenant: Tenant, identity: IdentityRules) -> Fact | None:
    """Say what to tell of a document once nothing came after it for as long as the operator waits.

    Whether something came is in `Recalled.over`, and is for whoever waited to ask.
    """
    if not isinstance(document, Checkout) or not may_tell(document, identity):
        return None
    return calls_of_baskets.of_untouched(document, tenant, identity)


def facts(topic: Topic, document: Document, tenant: Tenant, identity: IdentityRules) -> tuple[Fact, ...]:
    """Say what to tell about a document, in the order to tell it: who it is, that they are known, what they did.

    Nothing is to be told of topics without a place in the vocabulary, nor of what the operator's choices leave out.

    Raises:
        BodyIncomplete: the document has no time, or no currency, that the fact could be told with.
    """
    told = _TOLD.get(type(document))
    if told is None or not may_tell(document, identity):
        return ()
    return tuple(told(topic, document, tenant, identity))
