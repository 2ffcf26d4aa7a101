"""Chit Chats' answers become receipts; whatever is answered, a shipment that exists is never lost.

Sections are those of docs/vendors/chitchats.md.
"""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonical.orders import Money
from mappings.canonical.receipt import Rate, Receipt
from mappings.destinations import chitchats
from mappings.schemas.schema import MappingError, PayloadRejected
from tests.support.folders import TESTS

FOLDER = TESTS / "destinations" / "chitchats"
REPLIES = {
    "created_draft": Receipt(
        remote_id="A1B2C3D4E5",
        status="unpaid",
        tracking_url="https://chitchats.com/tracking/a1b2c3d4e5",
        carrier="unknown",
        rates=(
            Rate(
                service="chit_chats_canada_tracked",
                name="Chit Chats Canada Tracked",
                cost=Money(amount=Decimal("13.01"), currency="CAD"),
            ),
            Rate(
                service="chit_chats_select",
                name="Chit Chats Select",
                cost=Money(amount=Decimal("15.25"), currency="CAD"),
            ),
        ),
    ),
    "ready": Receipt(
        remote_id="A1B2C3D4E5",
        status="ready",
        tracking_number="1234567890123456",
        tracking_url="https://chitchats.com/tracking/a1b2c3d4e5",
        carrier="canada_post",
        cost=Money(amount=Decimal("13.36"), currency="CAD"),
        label_formats=("pdf", "png", "zpl"),
        rates=(),
    ),
    "bare_no_fees": Receipt(
        remote_id="F6G7H8J9K0",
        status="postage_requested",
        carrier="usps",
        cost=Money(amount=Decimal("8.66"), currency="CAD"),
    ),
}


def reply(name: str) -> Any:
    """Read a recorded answer."""
    return json.loads((FOLDER / "replies" / f"{name}.json").read_text(), parse_float=Decimal)


@pytest.mark.parametrize("name", REPLIES)
def test_replies_become_receipts(name: str) -> None:
    """Wrapped or bare, drafted or paid."""
    assert chitchats.receipt(reply(name)) == REPLIES[name]


def test_a_payment_amount_is_the_cost() -> None:
    """What was paid goes before what its parts add up to."""
    document = reply("ready")["shipment"] | {"payment_amount": "12.00"}
    assert chitchats.receipt(document).cost == Money(amount=Decimal(12), currency="CAD")


def test_odd_figures_never_lose_a_shipment() -> None:
    """Only the id is needed; a shipment that exists must be known."""
    document = reply("ready")["shipment"] | {"purchase_amount": "free", "rates": 3, "status": None, "tracking_url": []}
    found = chitchats.receipt({"shipment": document})
    assert (found.remote_id, found.status, found.cost, found.rates) == ("A1B2C3D4E5", "unknown", None, None)


@pytest.mark.parametrize(
    "document", [None, [], {}, {"shipment": {"status": "unpaid"}}, {"shipment": 3}, "A1B2"], ids=repr
)
def test_a_reply_without_an_id_is_rejected(document: object) -> None:
    """Then nobody knows what was made."""
    with pytest.raises(PayloadRejected, match=r"^chitchats shipment: "):
        chitchats.receipt(document)


def test_search_results_are_listed() -> None:
    """What is needed to tell the very order among what the full-text search found."""
    found = [
        (one.receipt.remote_id, one.order_id, one.order_store, one.receipt.status)
        for one in chitchats.listed(reply("search"))
    ]
    assert found == [
        ("A1B2C3D4E5", "5871004320917", "shopify", "unpaid"),
        ("F6G7H8J9K0", None, None, "voided"),
    ]
    assert chitchats.listed([]) == ()


@pytest.mark.parametrize(
    "document", [None, {}, {"error": {"message": "x"}}, [3], [{"id": "A"}], [{"status": "a"}]], ids=repr
)
def test_a_search_result_that_cannot_be_read_is_rejected(document: object) -> None:
    """An entry that is passed over might be the shipment that is looked for."""
    with pytest.raises(PayloadRejected, match=r"^chitchats search: "):
        chitchats.listed(document)


def test_no_status_means_two_things() -> None:
    """Every known status is in one set."""
    sets = (
        chitchats.DRAFT_STATUSES,
        chitchats.REQUESTED_STATUSES,
        chitchats.FAILED_STATUSES,
        chitchats.PAID_STATUSES,
        chitchats.DEAD_STATUSES,
    )
    assert len(frozenset().union(*sets)) == sum(map(len, sets))


@pytest.mark.parametrize(
    ("known", "states"),
    [
        (chitchats.DRAFT_STATUSES, "incomplete unpaid postage_unpaid pending"),
        (chitchats.REQUESTED_STATUSES, "postage_requested"),
        (chitchats.FAILED_STATUSES, "postage_purchase_failed"),
        (chitchats.PAID_STATUSES, "ready received released inducted delivered exception archived"),
        (chitchats.PAID_STATUSES, "release_shipment_via_batch"),
        (chitchats.DEAD_STATUSES, "canceled voided refund_requested refund_approved"),
    ],
)
def test_every_state_is_known_by_what_may_be_done_about_it(known: frozenset[str], states: str) -> None:
    """Those of the documents, those that employees told, and those that only a client knows (§6)."""
    assert known >= set(states.split())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SHIPMENT = st.dictionaries(st.sampled_from(sorted(reply("ready")["shipment"])), JSON)


@given(document=JSON | SHIPMENT | st.builds(lambda inner: {"shipment": inner}, SHIPMENT) | st.lists(SHIPMENT))
def test_any_reply_is_read_or_rejected(document: object) -> None:
    """Nothing but a mapping error escapes, whatever is answered."""
    for outcome_of in (chitchats.receipt, chitchats.listed):
        with suppress(MappingError):
            outcome_of(document)


def test_every_reply_sample_is_used() -> None:
    """No recorded answer lies about untested."""
    stems = {Path(path).stem for path in (FOLDER / "replies").glob("*.json")}
    assert stems == {*REPLIES, "search"}
