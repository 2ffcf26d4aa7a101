"""What was known before a document came, which facts about people, carts and refunds need.

`plugin/routing/enrich.py` looks it up and gives it beside the document, so that mappings stay pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mappings.canonical.activity import Cart, Checkout, Tracking
    from mappings.canonical.orders import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The names under which one document knew its person, apart from e-mail addresses.

    `attributes` are those that hold a visitor's anonymous id, by the names that the connections of a store ask for.
    """

    attributes: tuple[tuple[str, str], ...] = ()
    cart_ref: str | None = None
    checkout_ref: str | None = None
    order_ref: str | None = None
    customer_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Another customer, as far as it is known: how it was known first, and the addresses it had, newest last."""

    ref: str
    first: Visit | None = None
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of the person, the order and the earlier versions of one document.

    `heard_at`: when its webhook came, for facts whose document has no time. `visits`: of the same cart, checkout or
    order. `first`: how its customer was known first, `email` and `former_emails`: the addresses that this customer has
    and had, `consent`: what the customer said last about being written to. `guests`: visits of whoever ordered with the
    same address without an account. `merged`: customers who were merged into this one; `successor`: the one that this
    one was merged into, or the account that has a guest's address.

    `before` is the newest earlier version of a cart or checkout; `stale` says that a newer one, or this very one, was
    handled already. `over` says what came of a checkout since this version of it, so that it is not abandoned. `order`
    is the one that a refund or parcel belongs to and `order_history` what is known of that; `parcel` is how that parcel
    was followed when it was first reported.
    """

    heard_at: datetime | None = None
    visits: tuple[Visit, ...] = ()
    guests: tuple[Visit, ...] = ()
    first: Visit | None = None
    email: str | None = None
    former_emails: tuple[str, ...] = ()
    merged: tuple[Account, ...] = ()
    successor: Account | None = None
    consent: bool | None = None
    before: Cart | Checkout | None = None
    stale: bool = False
    over: str | None = None
    order: Order | None = None
    order_history: History | None = None
    parcel: Tracking | None = None


NOTHING_KNOWN = History()
