"""The customer record: looked up, then created or changed; and erased.

A record is looked up before it is sent anything, each time: nothing says that the vendor recognises a repeated POST,
and what another system changed or deleted there must not lead to a second record.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mappings.canonical.orders import Customer, ShopNotice, Topic
from mappings.destinations import pingnetwork as mapping
from mappings.schemas.schema import PayloadRejected
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.redaction import redacted_reason
from plugin.core.step import Step
from plugin.destinations.pingnetwork import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.destinations.pingnetwork import Record
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, StoreFacts, Work

_NO_CONTENT, _NOT_FOUND, _CONFLICT = 204, 404, 409
_ABSENT = frozenset({_NOT_FOUND, 410})
_REFUSED = 400


def plan(topic: Topic, document: Document, store: StoreFacts, values: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the step that keeps the record of a customer, or deletes that of one who is to be forgotten."""
    if isinstance(document, Customer):
        return (_record(document, store, values),)
    if topic is Topic.CUSTOMER_REDACTED and isinstance(document, ShopNotice) and document.customer_ref:
        return (_erase(document.customer_ref, store, values),)
    return ()


def _record(customer: Customer, store: StoreFacts, values: Mapping[str, str]) -> Step:
    ours = settings.client_id(customer.ref, store, values)
    body = mapping.customer(customer, ours, settings.pairs(values["customer_fields"]))
    return Step(
        action="record",
        key=None,
        subject=f"person:{ours}",
        group=_group(customer.ref),
        content=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
        only_if_changed=True,
        look_first=True,
    )


def _erase(customer_ref: str, store: StoreFacts, values: Mapping[str, str]) -> Step:
    return Step(
        action="erase",
        key=None,
        subject=f"person:{settings.client_id(customer_ref, store, values)}",
        # So that the same customer, should they come back, counts as changed.
        group=_group(customer_ref),
        content="erased",
        data={"customer": customer_ref},
        stands_alone=True,
    )


def _group(customer_ref: str) -> str:
    return f"customer:{customer_ref}"


def build_lookup(work: Work) -> Request:
    """Return the search for the record of the customer that a step is about."""
    ours = settings.client_id(_customer_ref(work), work.store, work.settings)
    return settings.call(work, "GET", "customer_find", repeatable=True, id=ours)


def create(work: Work) -> Request:
    """Return the call that creates the record; it is only sent when the search found none."""
    return settings.call(work, "POST", "customers_path", body=_body(work))


def change(work: Work) -> Request:
    """Return the call that changes the record that was found; repeating it changes nothing."""
    method = work.settings["update_method"]
    return settings.call(work, method, "customer_path", body=_body(work), repeatable=True, remote_id=_remote_id(work))


def delete(work: Work) -> Request:
    """Return the call that deletes a record; repeating it finds nothing."""
    return settings.call(work, "DELETE", "customer_path", repeatable=True, remote_id=_remote_id(work))


def read_lookup(work: Work, answer: Response) -> Outcome | None:
    """Return how the step goes on with the record that is there; None when there is none, so that it may be created."""
    try:
        there = _matching(work, answer)
    except PayloadRejected as error:
        return _search_failed(work, answer, str(error))
    if not there:
        return None
    change_it = Step(
        action="change", key=None, subject=_subject(work), data={"remote_id": there[0].remote_id, "fact": "change"}
    )
    return Accepted(then=(change_it,), note="it is there; changed by a step of its own")


def created(work: Work, answer: Response) -> Outcome:
    """Return the record with its id. What says less is looked up, and so is a conflict: it may be our record."""
    if answer.status == _CONFLICT:
        return Unknown(reason="409: the vendor has such a record already")
    if answer.status >= _REFUSED:
        return _refused(work, answer, hold=answer.status in _ABSENT)
    try:
        mapping.record(answer.json, work.settings["remote_id_field"], settings.our_field(work.settings))
    except PayloadRejected as error:
        return Unknown(reason=str(error))
    return Accepted()


def changed(work: Work, answer: Response) -> Outcome:
    """Any success; a record that went away after it was found is made again."""
    if answer.status in _ABSENT:
        again = Step(action="record", key=None, subject=_subject(work), data={"fact": "record again"}, look_first=True)
        return Accepted(then=(again,), note=f"{answer.status}: it went away after it was found; made again")
    if answer.status >= _REFUSED:
        return _refused(work, answer, hold=False)
    return Accepted() if _is_said(answer) else Deferred.retry("the answer to the change is no JSON")


def sought(work: Work, answer: Response) -> Outcome:
    """Every record of a customer who is to be forgotten is deleted."""
    try:
        there = _matching(work, answer)
    except PayloadRejected as error:
        return _search_failed(work, answer, str(error))
    steps = tuple(_deletion(work, one) for one in there)
    return Accepted(then=steps, note=None if steps else "the vendor has no record of this customer")


def deleted(work: Work, answer: Response) -> Outcome:
    """Gone is gone, by us or before; anything else is for a person, as the law wants it done."""
    if answer.status in _ABSENT:
        return Accepted(note="it was gone already")
    if answer.status >= _REFUSED:
        return _refused(work, answer, hold=True)
    return Accepted() if _is_said(answer) else Deferred.retry("the answer to the deletion is no JSON")


def _deletion(work: Work, one: Record) -> Step:
    return Step(
        action="delete",
        key=f"delete:{one.remote_id}",
        subject=_subject(work),
        data={"customer": _customer_ref(work), "remote_id": one.remote_id},
        stands_alone=True,
    )


def _matching(work: Work, answer: Response) -> tuple[Record, ...]:
    """Return the records that bear our id, the vendor's order kept.

    Raises:
        PayloadRejected: the answer can't be read, or holds others only: then the address does not filter, and ours may
            be on a page that was not shown.
    """
    if answer.status in _ABSENT:
        return ()
    if answer.status >= _REFUSED:
        raise PayloadRejected("refused")
    there = mapping.records(answer.json, work.settings["remote_id_field"], settings.our_field(work.settings))
    ours = settings.client_id(_customer_ref(work), work.store, work.settings)
    single = isinstance(answer.json, dict) and len(there) == 1
    matching = tuple(one for one in there if one.ours == ours or (one.ours is None and single))
    if there and not matching:
        raise PayloadRejected("none of the records found bears our id: does customer_find filter, by the right name?")
    return matching


def _search_failed(work: Work, answer: Response, reason: str) -> Outcome:
    if answer.status >= _REFUSED:
        return _refused(work, answer, hold=True)
    if answer.json is None:
        return Deferred.retry("the answer to the search is no JSON")
    return Rejected(reason=reason, hold=True)


def _refused(work: Work, answer: Response, *, hold: bool) -> Rejected:
    words = redacted_reason(answer, work.sent, work.document)
    advice = "; are version and the paths of the connection right?" if answer.status in _ABSENT else ""
    return Rejected(reason=words + advice, hold=hold)


def _is_said(answer: Response) -> bool:
    """Return whether an answer is a success in JSON, or one without a body."""
    return answer.status == _NO_CONTENT or answer.json is not None


def _body(work: Work) -> dict[str, object]:
    if not isinstance(work.document, Customer):
        raise PayloadRejected("the event holds no customer")
    ours = settings.client_id(work.document.ref, work.store, work.settings)
    return mapping.customer(work.document, ours, settings.pairs(work.settings["customer_fields"]))


def _subject(work: Work) -> str:
    return f"person:{settings.client_id(_customer_ref(work), work.store, work.settings)}"


def _customer_ref(work: Work) -> str:
    if isinstance(work.document, Customer):
        return work.document.ref
    if "customer" not in work.data:
        raise PayloadRejected("the event holds no customer")
    return str(work.data["customer"])


def _remote_id(work: Work) -> str:
    return str(work.data["remote_id"])
