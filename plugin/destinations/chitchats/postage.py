"""Postage: offers are read, one is bought by the rule, the purchase is waited for, and the label is there.

Buying is asynchronous and charged to the account (docs/vendors/chitchats.md §7), so each of these is a step of its own.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from mappings.canonical.orders import Money, Order
from mappings.canonical.receipt import Rate, Receipt
from mappings.destinations import chitchats as mapping
from mappings.schemas.schema import BodyIncomplete
from plugin.core.delivery import Priority
from plugin.core.outcome import Accepted, Deferred, Rejected, Skipped
from plugin.core.redaction import redacted_reason
from plugin.core.step import Booked, Request
from plugin.core.vendor_profile import PreviewStep
from plugin.destinations.chitchats import calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Step, Work

_CHANGES = frozenset({"amend", "cancel"})
# Stands in a rehearsal for what nobody can know before the vendor made its offers.
_CHOSEN = "what the rule chooses among the offers"
# So often a purchase is looked for in the lists that are read anyway, before it is looked at by itself.
_MOST_LOOKS = 5
_BOUGHT = mapping.PAID_STATUSES | mapping.REQUESTED_STATUSES


def later(values: Mapping[str, str]) -> tuple[PreviewStep, ...]:
    """Return the steps that follow a booking whose postage is bought; a rule can only choose among offers."""
    if values.get("auto_buy") != "yes":
        return (PreviewStep(action="buy", help="not by Crossdock, as auto_buy is no: somebody buys it at Chit Chats"),)
    free, dear = (Money(amount=Decimal(amount), currency="CAD") for amount in (0, 1))
    named = (Rate(service=part.rpartition(":")[2], cost=dear) for part in values["postage_type"].split(","))
    offers = (Rate(service=_CHOSEN, cost=free, tracked=True, days=(1, 1)), *named)
    draft = Booked(remote_id="SHIPMENT", status="unpaid", rates=offers)
    ready = replace(draft, status="ready")
    batch = (PreviewStep(action="batch", help="into the open batch, which is opened if there is none", booked=ready),)
    return (
        PreviewStep(action="buy", help="at once; charged to the account", booked=draft),
        PreviewStep(
            action="poll",
            help="each second until the purchase came true, one list for all that are under way",
            booked=replace(draft, status="postage_requested"),
        ),
        PreviewStep(action="label", help="unless that list said already that there is one", booked=ready),
        *(batch if values.get("batch") == "open" else ()),
        PreviewStep(action="track", help="hourly until it is delivered, one list for all on their way", booked=ready),
    )


def price(work: Work) -> Request | Outcome:
    """Read the offers of a draft that was found without them."""
    return _look(work) if calls.is_live(work.booked) else Skipped("the shipment was taken back")


def priced(work: Work, answer: Response) -> Outcome:
    """Return the refusal of a draft without offers, and name what is likely to be wrong with it."""
    receipt = mapping.receipt(answer.json)
    del work
    if not receipt.rates:
        return Rejected(reason=mapping.NO_RATES, hold=True, receipt=replace(receipt, content=""))
    return Accepted(receipt=receipt)


def buy(work: Work) -> Request | Outcome:
    """Price the draft if there is no price yet, then buy what the rule chooses."""
    booked = work.booked
    if booked is None or not calls.is_live(booked):
        return Skipped("the shipment was taken back before its postage was bought")
    if booked.status in _BOUGHT:
        return Accepted(note="its postage is bought already", then=_waits(work))
    changed = "the order changed before its postage was bought" if work.later & _CHANGES else None
    reason = changed or calls.why_not_to_buy(work.document)
    if reason:
        return Skipped(reason)
    if _rule(work) == mapping.UNCHOSEN:
        raise BodyIncomplete("postage_type: auto_buy needs the postage to buy; set postage_type on the connection")
    if not booked.rates:
        body = {"ship_date": work.settings["ship_date"]}
        return calls.call(work, "PATCH", f"{calls.path_of(booked.remote_id)}/refresh", body=body, repeatable=True)
    choice = mapping.choose(_rule(work), booked.rates)
    if choice.rate is None:
        # The offers may be others by the time that somebody tries again.
        return Rejected(reason=choice.problem, hold=True, receipt=_stale(booked))
    body = {"postage_type": choice.rate.service}
    return calls.call(work, "PATCH", f"{calls.path_of(booked.remote_id)}/buy", body=body)


def bought(work: Work, answer: Response) -> Outcome:
    """Return what pricing or buying came to. 200 to a purchase only means that it was asked for."""
    receipt = mapping.receipt(answer.json)
    if work.booked is not None and not work.booked.rates:
        if not receipt.rates:
            return Rejected(reason=mapping.NO_RATES, hold=True, receipt=receipt)
        return calls.continue_step("priced", receipt)
    if receipt.status in calls.UNPAID:
        receipt = replace(receipt, status="postage_requested")
    return Accepted(receipt=replace(receipt, watched=True, rates=None), then=_waits(work))


def build_lookup(work: Work) -> Request | None:
    """Return the call that shows the shipment, which says whether its postage was bought after all."""
    return _look(work) if calls.is_live(work.booked) else None


def read_lookup(work: Work, answer: Response) -> Outcome | None:
    """Return what became of the purchase; None when nothing was bought."""
    if answer.status == calls.NOT_FOUND:
        return Rejected(reason="the shipment is gone from Chit Chats", hold=True)
    receipt = mapping.receipt(answer.json)
    if receipt.status in calls.UNPAID:
        return None
    receipt = replace(receipt, watched=True, rates=None)
    return Accepted(receipt=receipt, then=_waits(work), note="found to be bought after the answer was lost")


def refused(work: Work, answer: Response) -> Outcome:
    """Return a refusal in the vendor's words; its offers are dropped, so that another try prices it anew."""
    words = redacted_reason(answer, work.sent, work.document)
    return Rejected(reason=words, hold=True, receipt=_stale(work.booked) if work.booked else None)


def wait(work: Work) -> Request | Outcome:
    """Return what came of the purchase, read from the lists that are read for all purchases together."""
    booked = work.booked
    looks = int(work.data.get("looks", 0))
    if booked is None or not calls.is_live(booked):
        return Rejected(reason=f"the shipment is {booked.status if booked else 'unknown'}", hold=True)
    if booked.status in mapping.REQUESTED_STATUSES and looks < _MOST_LOOKS:
        return _busy(work, "the purchase is under way")
    if booked.status in mapping.REQUESTED_STATUSES:
        return _look(work)
    if booked.status in mapping.FAILED_STATUSES and not booked.watched:
        # It was held for that, and somebody wants it tried again.
        return Accepted(note="the purchase failed; it is made again", then=(_once_more(work),))
    return _came_to(work, Receipt(remote_id=booked.remote_id, status=booked.status))


def waited(work: Work, answer: Response) -> Outcome:
    """Return what a purchase came to, from the shipment itself."""
    return _came_to(work, mapping.receipt(answer.json))


def label(work: Work) -> Request | Outcome:
    """Return that the label is there, as the lists mostly said already, or the call that looks for it."""
    booked = work.booked
    return Accepted() if booked is not None and booked.label_formats else _look(work)


def labelled(work: Work, answer: Response) -> Outcome:
    """Return the formats of the label; their addresses are read again whenever somebody wants one."""
    receipt = mapping.receipt(answer.json)
    return Accepted(receipt=receipt) if receipt.label_formats else _busy(work, "the label is not there yet", receipt)


def _came_to(work: Work, receipt: Receipt) -> Outcome:
    if receipt.status in mapping.FAILED_STATUSES:
        reason = "the purchase failed at Chit Chats: check the account's credits and the postage, then replay"
        return Rejected(reason=reason, hold=True, receipt=replace(receipt, rates=(), watched=False))
    if receipt.status in mapping.PAID_STATUSES:
        return Accepted(receipt=replace(receipt, watched=True), then=_bought_steps(work))
    if receipt.status in mapping.DEAD_STATUSES:
        return Rejected(reason=f"the shipment is {receipt.status}", hold=True, receipt=receipt)
    return _busy(work, f"the purchase is under way ({receipt.status})")


def _busy(work: Work, reason: str, *receipts: Receipt) -> Deferred:
    looks = int(work.data.get("looks", 0)) + 1
    data = {**work.data, "looks": looks}
    return calls.continue_step(reason, *receipts, after=calls.POLL, patience=calls.BUYING, **data)


def _waits(work: Work) -> tuple[Step, ...]:
    """One step waits for this purchase, and one for the whole connection looks at all that are under way."""
    turn = int(work.data.get("turn", 1))
    key = f"wait:{calls.remote_id_of(work)}" + (f":{turn}" if turn > 1 else "")
    waits = calls.follow_up(work, calls.remote_id_of(work), "wait", key=key, delay=calls.POLL, data={"turn": turn})
    return waits, calls.step_for_all_shipments("poll", calls.POLL)


def _once_more(work: Work) -> Step:
    turn = int(work.data.get("turn", 1)) + 1
    remote_id = calls.remote_id_of(work)
    return calls.follow_up(work, remote_id, "buy", key=f"buy:{remote_id}:{turn}", newest=True, data={"turn": turn})


def _bought_steps(work: Work) -> tuple[Step, ...]:
    remote_id = calls.remote_id_of(work)
    batched = work.settings.get("batch", "no") == "open"
    # One after the other for the whole connection, so that not everybody opens a batch.
    batch = (calls.follow_up(work, remote_id, "batch", subject="batches"),) if batched else ()
    track = calls.step_for_all_shipments("track", calls.WATCH, Priority.WATCH)
    return (calls.follow_up(work, remote_id, "label"), *batch, track)


def _look(work: Work) -> Request:
    return calls.call(work, "GET", calls.path_of(calls.remote_id_of(work)), repeatable=True)


def _rule(work: Work) -> str:
    address = work.document.shipping_address if isinstance(work.document, Order) else None
    return mapping.rule_for(work.settings["postage_type"], address.country_code if address else None)


def _stale(booked: Booked) -> Receipt:
    return Receipt(remote_id=booked.remote_id, status=booked.status, rates=())
