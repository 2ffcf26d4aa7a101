"""What a shop's notices ask for: leaving, and the three privacy requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from mappings.canonical.orders import ShopNotice, Topic
from plugin.core.delivery import State
from plugin.core.event import EventState
from plugin.core.step import WAIT
from plugin.storage import identity, inbox, shipments
from plugin.storage.stores import ConnectionState, StoreState
from plugin.storage.tables import attempts, connections, deliveries, events, stores

if TYPE_CHECKING:
    from sqlalchemy import Connection as Sql

    from plugin.storage.stores import Store


def obey(db: Sql, topic: Topic, notice: ShopNotice, store: Store) -> tuple[EventState, str]:
    """Do what the notice asks, in the caller's transaction; return what the event comes to, with the reason."""
    if topic is Topic.APP_UNINSTALLED:
        _leave(db, store, StoreState.UNINSTALLED)
        return EventState.ROUTED, "the app was uninstalled; what was owed is still delivered"
    if topic is Topic.CUSTOMER_DATA_REQUESTED:
        return EventState.HELD, _data_request(notice, store)
    if topic is Topic.CUSTOMER_REDACTED:
        count = _erase(db, store, notice)
        _erase_messages(db, store)
        return EventState.ROUTED, f"a customer was erased: {count} stored bodies"
    _leave(db, store, StoreState.REMOVED)
    count = inbox.erase(db, store.id)
    _erase_messages(db, store)
    identity.forget_all(db, store.id)
    _erase_attempts(db, store)
    shipments.erase(db, store.id)
    gone = {"state": ConnectionState.REMOVED, "sealed": "", "updated_at": datetime.now(UTC)}
    db.execute(update(connections).where(connections.c.store_id == store.id).values(gone))
    return EventState.ROUTED, f"the shop was erased: {count} stored bodies"


def _data_request(notice: ShopNotice, store: Store) -> str:
    which = f"--customer {notice.customer_ref}" if notice.customer_ref else "for the orders it names"
    return (
        f"a customer asks for the data kept of them (request {notice.request_ref}); answer within 30 days: "
        f"`crossdock events list --store {store.id} {which}` lists it, `crossdock events show ID` prints it"
    )


def _erase(db: Sql, store: Store, notice: ShopNotice) -> int:
    """Erase every body about the customer or the orders, also those never read, and what was learned from them."""
    count = 0
    shipments.erase(db, store.id, _orders(db, store, notice))
    baskets = identity.forget(db, store.id, notice.customer_ref, notice.customer_email, notice.order_refs)
    if baskets:
        count += inbox.erase(db, store.id, events.c.document_ref.in_(baskets))
    if notice.customer_ref:
        count += inbox.erase(db, store.id, events.c.customer_ref == notice.customer_ref)
    if notice.order_refs:
        count += inbox.erase(db, store.id, events.c.document_ref.in_(notice.order_refs))
    named = [re.escape(text) for text in (notice.customer_email, notice.customer_ref, *notice.order_refs) if text]
    # As whole words: order 1 is not meant by 10.
    trace = re.compile(rf"(?<!\w)(?:{'|'.join(named)})(?!\w)".encode())
    for event in inbox.unread(db, store.id) if named else ():
        if event.body and trace.search(event.body):
            inbox.blank(db, event)
            count += 1
    return count


def _orders(db: Sql, store: Store, notice: ShopNotice) -> list[str]:
    """Return the orders that a notice names, and those that the customer is known to have placed."""
    about = (events.c.store_id == store.id, events.c.customer_ref == notice.customer_ref)
    placed = select(events.c.document_ref).where(*about, events.c.document_ref.is_not(None)).distinct()
    found = list(db.execute(placed).scalars()) if notice.customer_ref else []
    return [*notice.order_refs, *(ref for ref in found if ref)]


def _erase_messages(db: Sql, store: Store) -> None:
    """Erase the bodies of what is still owed, mapped from bodies that are gone; it is held when it falls due.

    What only waits for whether something is owed waits no longer.
    """
    erased = select(events.c.id).where(events.c.store_id == store.id, func.length(events.c.body) == 0)
    theirs = (deliveries.c.store_id == store.id, deliveries.c.event_id.in_(erased))
    db.execute(update(deliveries).where(*theirs, deliveries.c.message.is_not(None)).values(message=None))
    waits = (deliveries.c.action == WAIT, deliveries.c.state == State.WAITING)
    ended = {"state": State.SKIPPED, "reason": "what it waited for was erased", "updated_at": datetime.now(UTC)}
    db.execute(update(deliveries).where(*theirs, *waits).values(ended | {"lease": None, "leased_until": None}))


def _erase_attempts(db: Sql, store: Store) -> None:
    theirs = select(deliveries.c.id).where(deliveries.c.store_id == store.id)
    db.execute(delete(attempts).where(attempts.c.delivery_id.in_(theirs)))


def _leave(db: Sql, store: Store, state: StoreState) -> None:
    values = {"state": state, "updated_at": datetime.now(UTC)}
    db.execute(update(stores).where(stores.c.id == store.id).values(values))
