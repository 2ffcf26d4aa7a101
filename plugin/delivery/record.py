"""The results of calls: the next state, the attempt, the shipment and the further steps that follow from an outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mappings.canonical.orders import Order
from plugin.core import log
from plugin.core.delivery import State
from plugin.core.errors import Unavailable
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.rates import RetryPolicy
from plugin.core.redaction import request_line
from plugin.core.response import Failure, Response
from plugin.delivery.classify import SETTLE
from plugin.delivery.prepare import Prepared, Settled
from plugin.delivery.transitions import of_finding, of_sending
from plugin.destinations.base import lookup_of, loss_outcome
from plugin.routing import parcel_events
from plugin.rules import handover
from plugin.storage import ledger, plans, shipments
from plugin.storage.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection as Sql

    from plugin.core.delivery import Delivery
    from plugin.core.outcome import Outcome
    from plugin.services import Services


_USUAL = RetryPolicy()


@dataclass(slots=True, kw_only=True)
class Returned:
    """A delivery that was called, or one that needed no call (then there is no result).

    `outcome` is None when a look-up found nothing. `crowd` is how many deliveries the call carried, `number` which of
    them this was, `kept_response` the redacted text of the answer.
    """

    item: Prepared | Settled
    outcome: Outcome | None
    result: Response | Failure | None = None
    at: datetime | None = None
    milliseconds: int = 0
    crowd: int = 1
    number: int = 1
    kept_response: str | None = None

    @property
    def lane(self) -> str:
        """The lane that the delivery belongs to."""
        return self.item.delivery.lane


class Recorder:
    """Turns what came back into states, shipments and further steps, in transactions of the round."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def settle(self, db: Sql, returned: Sequence[Returned], results: Sequence[ledger.Result]) -> set[int]:
        """Write down `results`, one for each of `returned`, with what follows; return the ids whose lease still held.

        The others changed nothing: somebody else has them by now.
        """
        kept = self._services.ledger.settle_all(db, results) if results else set()
        unit = UnitOfWork(self._services.database, db)
        for one, result in zip(returned, results, strict=True):
            if one.item.delivery.id in kept:
                self._keep_shipment(unit, one, one.outcome)
                self._plan_next(unit, one, one.outcome)
                handover.settled(unit, one.item.delivery, result.state)
        unit.flush()
        return kept

    def settle_apart(self, returned: Sequence[Returned]) -> None:
        """Write down each in a transaction of its own, and hold those that can't be written.

        Raises:
            Unavailable: the database is away; some may be written by then, and writing these again changes nothing.
        """
        for one in returned:
            try:
                results = [result_of(one)]
                with self._services.database.write() as db:
                    kept = self.settle(db, [one], results)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  (whatever it was must not spoil the others)
                log.fault("recording failed", deliveries=[one.item.delivery.id])
                self._hold(one, error)
            else:
                report([one], results, kept)

    def pause_refused(self, returned: Sequence[Returned]) -> None:
        """Pause the connections whose credentials were refused, once that is committed.

        A database that is away is only logged: the next refusal pauses them.
        """
        for one in returned:
            if isinstance(one.outcome, Deferred) and one.outcome.pause:
                delivery = one.item.delivery
                log.trouble("connection paused", connection=delivery.connection_id, reason=one.outcome.reason)
                seen = one.item.connection.updated_at if isinstance(one.item, Prepared) else None
                try:
                    self._services.stores.pause(delivery.connection_id, one.outcome.reason, seen)
                except Unavailable as error:
                    # What was begun in this turn is committed, and has to be sent.
                    log.trouble("connection not paused", connection=delivery.connection_id, reason=str(error))

    def _hold(self, one: Returned, error: Exception) -> None:
        reason = f"a fault of Crossdock's own ({type(error).__name__}); please report it"
        held = ledger.Result(delivery=one.item.delivery, state=State.HELD, reason=reason, doubtful=True)
        with self._services.database.write() as db:
            self._services.ledger.settle_all(db, [held])

    def _keep_shipment(self, unit: UnitOfWork, one: Returned, outcome: Outcome | None) -> None:
        order = one.item.work.document if one.item.work else None
        receipt = outcome.receipt if isinstance(outcome, (Accepted, Deferred, Rejected)) else None
        if receipt is not None and isinstance(order, Order):
            parcel_events.plan_parcel_events(self._services, unit, one.item.delivery, order, receipt)
            shipments.keep(self._services.database, unit.sql(), one.item.delivery, order, receipt)
        for learned in outcome.receipts if isinstance(outcome, Deferred) else ():
            parcel_events.plan_listed_parcel_events(self._services, unit, one.item.delivery.connection_id, learned)
            shipments.learn(unit.sql(), one.item.delivery.connection_id, learned)

    def _plan_next(self, unit: UnitOfWork, one: Returned, outcome: Outcome | None) -> None:
        then = outcome.then if isinstance(outcome, Accepted) else ()
        if not then:
            return
        delivery = one.item.delivery
        owner = plans.Owner(
            event_id=delivery.event_id,
            store_id=delivery.store_id,
            connection_id=delivery.connection_id,
            destination=delivery.destination,
            lane=delivery.lane,
        )
        for step in then:
            plans.plan(unit, owner, step)


def result_of(one: Returned) -> ledger.Result:
    """Return what becomes of a delivery after its outcome, with the attempt that its call was."""
    result = _transition(one)
    # What made no call spent no attempt that could be given back.
    result.refund_attempt = result.refund_attempt and not isinstance(one.item, Settled)
    result.attempt = _attempt(one, result)
    return result


def report(returned: Sequence[Returned], results: Sequence[ledger.Result], kept: set[int]) -> None:
    """Log what was committed; `kept` are the ids of the deliveries whose lease still held."""
    tells_steps = log.tells_steps()
    for one, result in zip(returned, results, strict=True):
        delivery = result.delivery
        if tells_steps and delivery.id in kept:
            log.step("recorded", **_named(delivery), state=result.state, ms=one.milliseconds)
        elif delivery.id not in kept:
            log.trouble("lease lost", **_named(delivery))


def _named(delivery: Delivery) -> dict[str, object]:
    return {"delivery": delivery.id, "destination": delivery.destination, "action": delivery.action}


def _transition(one: Returned) -> ledger.Result:
    item, outcome, work = one.item, one.outcome, one.item.work
    own = work.settings.get("retry") if work else None
    retry_policy = RetryPolicy.parse(own) if own else _USUAL
    if (isinstance(item, Prepared) and item.finds) or outcome is None:
        return of_finding(item.delivery, outcome, retry_policy)
    if (
        isinstance(outcome, Deferred)
        and outcome.doubtful
        and work is not None
        and lookup_of(item.vendor, work) is not None
    ):
        # A gateway may give up before the vendor does: to look at once would find nothing yet.
        outcome = replace(outcome, after=max(outcome.after or SETTLE, SETTLE))
    # Only a lost answer asks whether it can be looked up; a step without a shipment could not even say how.
    if work is None or not isinstance(outcome, Unknown) or lookup_of(item.vendor, work) is not None:
        return of_sending(item.delivery, outcome, retry_policy, None)
    return of_sending(item.delivery, outcome, retry_policy, lambda losses: loss_outcome(item.vendor, work, losses))


def _attempt(one: Returned, result: ledger.Result) -> ledger.Attempt | None:
    item = one.item
    late = isinstance(one.result, Failure) and one.result.late and not one.result.used
    if isinstance(item, Settled) or one.at is None or late:  # no call was made
        return None
    answer = one.result if isinstance(one.result, Response) else None
    return ledger.Attempt(
        at=one.at,
        milliseconds=one.milliseconds,
        purpose="find" if item.finds else "send",
        request=_kept_request(one, item),
        status=answer.status if answer else None,
        answer=one.kept_response,
        outcome=type(one.outcome).__name__.lower() if one.outcome else "absent",
        reason=result.reason,
    )


def _kept_request(one: Returned, item: Prepared) -> str:
    """Return what is kept of a request: its place among many, the size of an accepted planned message, else its text.

    The body of the first two follows from the event, and to redact it costs as much as to record it.
    """
    request = item.request
    if one.crowd > 1:
        return f"{request.method} {request.path}, item {one.number} of {one.crowd}"
    if item.work.message is not None and isinstance(one.outcome, Accepted):
        return f"{request.method} {request.path}, {len(item.work.message)} bytes"
    return request_line(request, item.vendor.public_keys)
