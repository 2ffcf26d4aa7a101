"""The call of a leased delivery, mapped anew each time from the stored event."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Order
from mappings.schemas.schema import MappingError, PayloadRejected
from plugin import destinations
from plugin.core import log
from plugin.core.delivery import State
from plugin.core.errors import Unavailable
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.step import WAIT, Request, Work
from plugin.delivery.config_cache import ConfigCache
from plugin.destinations.base import lookup_of, tells_people
from plugin.routing.enrich import enrich
from plugin.routing.load import load_document
from plugin.rules import handover
from plugin.storage import inbox, plans, shipments
from plugin.storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from plugin.core.delivery import Delivery
    from plugin.core.outcome import Outcome, Skipped
    from plugin.core.vendor_profile import VendorProfile
    from plugin.destinations.base import Destination
    from plugin.services import Services
    from plugin.storage.stores import Connection

_MOST_DOCUMENTS = 256
_UNREAD = Deferred.pending("webhooks that came meanwhile are still to be read", timedelta(seconds=1))


@dataclass(slots=True, kw_only=True)
class Prepared:
    """A delivery with its call. `finds` says that the call only asks what became of an earlier one."""

    delivery: Delivery
    vendor: Destination
    connection: Connection
    profile: VendorProfile
    work: Work
    request: Request
    finds: bool


@dataclass(slots=True, kw_only=True)
class Settled:
    """A delivery that needs no call."""

    delivery: Delivery
    outcome: Outcome
    vendor: Destination
    work: Work | None


class Preparer:
    """Prepares deliveries; keeps the last documents, as a person's calls share them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._documents: OrderedDict[tuple[int, bool], tuple[Topic, Document, History]] = OrderedDict()
        self.config = ConfigCache(services)

    def prepare(self, delivery: Delivery) -> Prepared | Settled:
        """Return the call to make, or the outcome when there is none to make: skipped, or held with what is missing."""
        vendor = destinations.get(delivery.destination)
        work: Work | None = None
        try:
            # Before the document is read, so that whatever came until now is known of it.
            if delivery.action == WAIT and self._services.inbox.is_waiting():
                return Settled(delivery=delivery, outcome=_UNREAD, vendor=vendor, work=None)
            work = self._work(delivery)
            return self._decide(delivery, vendor, work)
        except MappingError as error:
            outcome = Rejected(reason=str(error), hold=True)
        except (Unavailable, SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001  (a bug in one mapping must not stop every other lane)
            log.fault("mapping failed", delivery=delivery.id)
            outcome = Rejected(
                reason=f"a fault of Crossdock's own ({type(error).__name__}); please report it", hold=True
            )
        return Settled(delivery=delivery, outcome=outcome, vendor=vendor, work=work)

    def with_document(self, item: Prepared) -> Prepared | None:
        """Return `item` with its document, whose words a vendor's reason must not repeat; None if it is unreadable."""
        try:
            topic, document, history = self._document(item.delivery, item.connection)
        except (MappingError, Unavailable):
            return None
        return replace(item, work=replace(item.work, topic=topic, document=document, history=history))

    def _decide(self, delivery: Delivery, vendor: Destination, work: Work) -> Prepared | Settled:
        doubt = self._doubt(delivery, vendor, work)
        finds = isinstance(doubt, Request)
        request = doubt if doubt is not None else self._refusal(delivery) or vendor.build_request(work)
        if isinstance(request, Request):
            work.sent = request
            connection = self.config.connection(delivery.connection_id)
            return Prepared(
                delivery=delivery,
                vendor=vendor,
                connection=connection,
                profile=self.config.profile(connection),
                work=work,
                request=request,
                finds=finds,
            )
        return Settled(delivery=delivery, outcome=request, vendor=vendor, work=work)

    def _doubt(self, delivery: Delivery, vendor: Destination, work: Work) -> Request | Outcome | None:
        """Return the look-up when the call may have arrived already; None when it is safe to send it."""
        if not delivery.doubtful:
            return None
        search = lookup_of(vendor, work)
        if search is not None:
            return search
        request = vendor.build_request(work) if delivery.state is State.SENDING else None
        if isinstance(request, Request) and not request.repeatable:
            return self._noted(delivery) or Unknown(reason="the process died while it was being sent")
        return None

    def _refusal(self, delivery: Delivery) -> Skipped | Rejected | None:
        """Return why not to send it, if its order was given to another connection meanwhile."""
        if not handover.concerns(delivery):
            return None
        with self._services.database.read() as db:
            return handover.refusal(UnitOfWork(self._services.database, db), delivery)

    def _noted(self, delivery: Delivery) -> Accepted | None:
        try:
            taken = self._services.limiter.was_accepted(delivery.lane, delivery.id)
        except RedisError:
            return None
        return Accepted(note="accepted just before its worker died") if taken else None

    def _work(self, delivery: Delivery) -> Work:
        connection = self.config.connection(delivery.connection_id)
        if delivery.message is not None:
            return Work(
                action=delivery.action,
                topic=None,
                document=None,
                store=self.config.facts(delivery.store_id),
                settings=connection.values,
                data=delivery.data,
                message=delivery.message,
            )
        accounts = delivery.data.get("account", False)
        alone = accounts or delivery.data.get(plans.STANDS_ALONE, False)
        topic, document, history = (None, None, NOTHING_KNOWN) if alone else self._document(delivery, connection)
        work = Work(
            action=delivery.action,
            topic=topic,
            document=document,
            history=history,
            store=self.config.facts(delivery.store_id),
            settings=connection.values,
            data=delivery.data,
        )
        if accounts or isinstance(document, Order):
            with self._services.database.read() as db:
                return shipments.complete(db, delivery, work)
        return work

    def _document(self, delivery: Delivery, connection: Connection) -> tuple[Topic, Document, History]:
        """Return the event's document, with its people's history if the destination takes identities."""
        tells = tells_people(destinations.get(connection.destination)) is not None
        # What a wait ends with is what is known by then.
        known = None if delivery.action == WAIT else self._documents.get((delivery.event_id, tells))
        if known is None:
            store = self.config.store(delivery.store_id)
            with self._services.database.read() as db:
                events = inbox.by_ids(db, [delivery.event_id])
                if not events:
                    raise PayloadRejected("the event is gone")
                topic, document = load_document(events[0], store)
                unit = UnitOfWork(self._services.database, db)
                known = topic, document, enrich(unit, events[0], store, document) if tells else NOTHING_KNOWN
            self._documents[delivery.event_id, tells] = known
            if len(self._documents) > _MOST_DOCUMENTS:
                self._documents.popitem(last=False)
        return known
