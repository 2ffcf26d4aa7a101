"""Whether the operator's choices let anything be sent about a document: test orders, and people who did not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.canonical.activity import (
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
from mappings.canonical.orders import Customer, Order

if TYPE_CHECKING:
    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.customer_data.ids import IdentityRules


def may_tell(document: Document, history: History, rules: IdentityRules) -> bool:
    """Return whether `test_orders` and `consent` let a document be passed on at all.

    What a customer said about being written to goes before the box that was ticked at one order. Who said nothing did
    not agree: so with `consent` nothing is sent about carts. That two ids are one person's, or gone, is always sent.
    """
    about = order_behind(document, history) or document
    if not rules.test_orders and isinstance(about, (Order, Payment)) and about.test:
        return False
    if not rules.consent or isinstance(about, (Merge, Departure)):
        return True
    if isinstance(about, Consent):
        return about.given is True
    said = (history.order_history or history).consent
    return _agrees(about) if said is None else said


def order_behind(document: Document, history: History) -> Order | None:
    """Return the order that a refund, payment or parcel belongs to; None where it is not known."""
    if isinstance(document, Parcel):
        return document.order
    if isinstance(document, (Refund, Payment, Fulfilment, ParcelScan)):
        return history.order
    return None


def _agrees(document: Document) -> bool:
    if isinstance(document, (Order, Checkout)):
        return document.accepts_marketing is True
    return isinstance(document, Customer) and document.consent is True
