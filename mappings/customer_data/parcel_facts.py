"""The facts of parcels: what was sent, how it is followed, that it arrived; from the shop and from our own bookings.

A parcel is sent once, whoever reports it: its key is made of the order and the tracking number, so that the
fulfilment which a shop makes of our own booking is known already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.canonical.activity import Tracking
from mappings.canonical.orders import Topic
from mappings.customer_data.fact import digest, track
from mappings.customer_data.order_facts import by_email, person_behind
from mappings.customer_data.person import person_of
from mappings.customer_data.properties import known, order_reference, products_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mappings.canonical.activity import Fulfilment, Parcel, ParcelScan
    from mappings.canonical.history import History
    from mappings.customer_data.fact import Fact
    from mappings.customer_data.ids import IdentityRules, Tenant
    from mappings.customer_data.person import Person


def of_fulfilment(
    topic: Topic, sent: Fulfilment, history: History, tenant: Tenant, rules: IdentityRules
) -> Iterator[Fact]:
    """Yield the facts of one version of a fulfilment, and of each parcel of it that can be followed."""
    order = history.order
    person = person_behind(sent, history, tenant, rules)
    properties = order_reference(sent.order_ref, order, tenant) | {
        "fulfillment_id": sent.ref,
        "fulfillment_status": sent.status,
        "carrier": sent.carrier,
        "products": products_of(sent.items) or None,
    }
    properties = known(properties)
    numbers = known({"tracking_number": ", ".join(one.number for one in sent.tracking)})
    is_new = topic is Topic.FULFILMENT_CREATED
    yield track(
        "Fulfillment Created" if is_new else "Fulfillment Updated",
        person,
        f"fulfilment:{sent.ref}",
        properties=properties | numbers | by_email(order, rules),
        content=digest(properties | numbers),
        at=sent.created_at if is_new else sent.updated_at,
        once=f"fulfilment-created:{sent.ref}" if is_new else None,
    )
    for parcel in () if sent.void else sent.tracking:
        at = sent.created_at if is_new else sent.updated_at
        yield _shipped(person, sent.order_ref, parcel, properties | by_email(order, rules), at)


def of_scan(_topic: Topic, scan: ParcelScan, history: History, tenant: Tenant, rules: IdentityRules) -> Iterator[Fact]:
    """Return the fact that a parcel arrived; what happened to it on its way is sent to nobody."""
    if not scan.delivered:
        return
    person = person_behind(scan, history, tenant, rules)
    properties = order_reference(scan.order_ref, history.order, tenant) | {"fulfillment_id": scan.fulfilment_ref}
    properties |= by_email(history.order, rules)
    yield _delivered(person, scan.order_ref, history.parcel or scan.fulfilment_ref, properties, scan.at)


def of_parcel(_topic: Topic, parcel: Parcel, history: History, tenant: Tenant, rules: IdentityRules) -> Iterator[Fact]:
    """Yield the facts of a parcel that we booked ourselves; `history` is its order's."""
    order = parcel.order
    person = person_of(order, history, tenant, rules)
    properties = order_reference(order.ref, order, tenant) | {"carrier": parcel.carrier} | by_email(order, rules)
    if parcel.delivered:
        yield _delivered(person, order.ref, parcel.tracking, properties, parcel.at)
    else:
        products = {"products": products_of([line for line in order.lines if line.requires_shipping]) or None}
        yield _shipped(person, order.ref, parcel.tracking, properties | products, parcel.at)


def _shipped(person: Person, order_ref: str, parcel: Tracking, properties: Mapping[str, object], at: datetime) -> Fact:
    return track(
        "Order Shipped",
        person,
        f"parcel:{order_ref}:{parcel.number}",
        properties=known({**properties, **_followed(parcel)}),
        at=at,
        once=f"order-shipped:{order_ref}:{parcel.number}",
    )


def _delivered(
    person: Person, order_ref: str, parcel: Tracking | str, properties: Mapping[str, object], at: datetime
) -> Fact:
    """Return the fact that a parcel arrived; `parcel` is how it is followed, or its fulfilment where nobody said."""
    name = parcel.number if isinstance(parcel, Tracking) else f"fulfilment:{parcel}"
    return track(
        "Order Delivered",
        person,
        f"parcel:{order_ref}:{name}",
        properties=known({**properties, **(_followed(parcel) if isinstance(parcel, Tracking) else {})}),
        at=at,
        once=f"order-delivered:{order_ref}:{name}",
    )


def _followed(parcel: Tracking) -> dict[str, object]:
    return {"tracking_number": parcel.number, "tracking_url": parcel.url}
