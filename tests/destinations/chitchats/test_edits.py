"""An order that changes after it was booked: drafts follow it, paid postage goes to a person.

No call changes a shipment (docs/vendors/chitchats.md §2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from plugin.storage import queries
from tests.destinations.chitchats.connected_shop import (
    BUYING,
    ORDER,
    ROOT,
    advance,
    asked,
    configure,
    fault,
    left,
    order,
    purchases,
    replay,
)
from tests.support.running_line import hurry, only, owed, turn, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop

LATER = "2026-11-20T20:00:00Z"
LATEST = "2026-11-20T21:00:00Z"


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def moved(street: str = "9 Other Street", at: str = LATER, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the order, now to another street."""
    address = sent("orders_create")["shipping_address"] | {"address1": street}
    return sent("orders_create") | {"shipping_address": address, "updated_at": at} | changes


def update(shop: Shop, document: dict[str, Any]) -> None:
    """Deliver the update and work it off."""
    assert shop.post("orders/updated", document).status_code == 200
    work_off(shop.services)


def booked(shop: Shop, **settings: str) -> str:
    """Book the order; return the shipment's id."""
    if settings:
        configure(shop, buy_seconds=0.0, refund_wait_seconds=0.0)
        shop.reconnect("chitchats", **settings)
    order(shop)
    work_off(shop.services)
    (one,) = shop.booked()
    return str(one["id"])


def streets(shop: Shop) -> list[str]:
    """Where the live shipments go."""
    return [one["to_address_1"] for one in shop.booked() if one["status"] != "voided"]


def test_a_draft_follows_the_address(shop: Shop) -> None:
    """The old draft is deleted, a new one made for the same order, and our list shows both."""
    first = booked(shop)
    update(shop, moved())
    assert streets(shop) == ["9 Other Street"]
    assert shop.booked()[0]["order_id"] == ORDER
    known = {one["remote_id"]: one["state"] for one in queries.list_shipments(shop.services.database)}
    assert known == {first: "deleted", shop.booked()[0]["id"]: "unpaid"}


def test_a_draft_follows_the_lines(shop: Shop) -> None:
    """A line that was taken out is declared no more."""
    booked(shop)
    lines = sent("orders_create")["line_items"]
    taken_out = [lines[0], *({**one, "current_quantity": 0, "fulfillable_quantity": 0} for one in lines[1:])]
    update(shop, sent("orders_create") | {"line_items": taken_out, "updated_at": LATER})
    (one,) = shop.booked()
    assert [item["description"] for item in one["line_items"]] == [lines[0]["title"]]


def test_updates_that_change_nothing_about_the_parcel_call_nobody(shop: Shop) -> None:
    """Payment, notes and fulfilment come as updates too, many times."""
    booked(shop)
    heard = shop.sandbox.emulators["chitchats"].journal.total
    for number, changes in enumerate(({"note": "Hurry"}, {"financial_status": "paid"}, {"tags": "vip"})):
        update(shop, sent("orders_create") | changes | {"updated_at": f"2026-11-20T20:00:0{number}Z"})
    fulfilled = [one | {"fulfillment_status": "fulfilled"} for one in sent("orders_create")["line_items"]]
    update(shop, sent("orders_create") | {"line_items": fulfilled, "updated_at": LATEST})
    assert shop.sandbox.emulators["chitchats"].journal.total == heard
    assert owed(shop.services, action="amend") == []


def test_an_older_version_that_comes_late_changes_nothing(shop: Shop) -> None:
    """The newest is booked; what the order was before is no edit."""
    booked(shop)
    update(shop, moved("2 Newest Street", at=LATEST))
    update(shop, moved("1 Older Street", at=LATER))
    assert streets(shop) == ["2 Newest Street"]


def test_an_older_address_that_comes_late_is_old_news_however_often_the_newer_one_was_told(shop: Shop) -> None:
    """What says the same as before owes nothing, and counts all the same: nothing older is an edit after it."""
    booked(shop)
    update(shop, moved("2 Newest Street", at="2026-11-20T19:00:00Z"))
    update(shop, moved("2 Newest Street", at=LATEST, note="Hurry"))
    update(shop, moved("1 Older Street", at=LATER))
    assert streets(shop) == ["2 Newest Street"]


def test_there_and_back_again(shop: Shop) -> None:
    """The same content as before is still a change from what is booked."""
    booked(shop)
    for street, at in (("A", LATER), ("B", LATEST), ("A", "2026-11-20T22:00:00Z")):
        update(shop, moved(street, at))
        assert streets(shop) == [street]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "garbage", "status"])
@pytest.mark.parametrize("match", ["DELETE", f"POST {ROOT}"])
def test_an_edit_leaves_one_draft_whatever_becomes_of_the_answers(shop: Shop, kind: str, match: str) -> None:
    """Deleting and booking anew are looked up before they are done again."""
    booked(shop)
    fault(shop, kind, match)
    update(shop, moved())
    assert streets(shop) == ["9 Other Street"]


def test_an_edit_while_the_booking_is_in_the_air_is_not_lost(shop: Shop) -> None:
    """The answer to the first version arrives after the second version did."""
    order(shop)
    fault(shop, "reset_after", f"POST {ROOT}")
    turn(shop.services)
    assert shop.post("orders/updated", moved()).status_code == 200
    work_off(shop.services)
    assert streets(shop) == ["9 Other Street"]


def test_an_edit_before_the_purchase_is_bought_for_the_new_address(shop: Shop) -> None:
    """What is about to change is not paid for."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    while not owed(shop.services, action="buy"):
        hurry(shop.services)
        turn(shop.services)
    assert shop.post("orders/updated", moved()).status_code == 200
    work_off(shop.services)
    assert (streets(shop), purchases(shop)) == (["9 Other Street"], 1)


def test_an_edit_after_the_purchase_is_told_at_once(shop: Shop) -> None:
    """Held with the shipment's id; nothing is bought, refunded or booked on a guess."""
    first = booked(shop, **BUYING)
    update(shop, moved())
    found = only(shop.services, action="amend")
    assert (found["state"], purchases(shop), len(shop.booked())) == ("held", 1, 1)
    assert "address or lines" in found["reason"]
    assert first in found["reason"]


def test_a_refunded_order_s_draft_is_taken_back(shop: Shop) -> None:
    """Nobody waits for it any more."""
    booked(shop)
    update(shop, sent("orders_create") | {"financial_status": "refunded", "updated_at": LATER})
    assert shop.booked() == []


def test_a_refunded_order_s_postage_is_a_person_s_decision(shop: Shop) -> None:
    """A refund of goodwill leaves the parcel on its way; who knows which it is?"""
    booked(shop, **BUYING)
    update(shop, sent("orders_create") | {"financial_status": "refunded", "updated_at": LATER})
    found = only(shop.services, action="amend")
    assert found["state"] == "held"
    assert "no parcel any more" in found["reason"]


def test_an_edit_that_lacks_something_keeps_the_draft_and_names_the_field(shop: Shop) -> None:
    """A draft is not thrown away for a version that can't be booked; the mended one replaces it."""
    booked(shop)
    update(shop, moved(at=LATER) | {"shipping_address": moved()["shipping_address"] | {"zip": None}})
    held = only(shop.services, action="amend")
    assert (held["state"], "postal_code" in held["reason"]) == ("held", True)
    update(shop, moved("3 Mended Street", at=LATEST))
    assert streets(shop) == ["3 Mended Street"]


def test_a_parcel_for_every_so_many_grams(shop: Shop) -> None:
    """Each is a shipment of its own with its own part of the goods, and a cancellation takes back all of them."""
    shop.reconnect("chitchats", parcel_g="450")
    order(shop)
    work_off(shop.services)
    units = sum(line["quantity"] for line in sent("orders_create")["line_items"] if line["requires_shipping"])
    parcels = shop.booked()
    assert len(parcels) > 1
    assert sum(item["quantity"] for one in parcels for item in one["line_items"]) == units
    assert all(one["weight"] <= 450 for one in parcels)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert (shop.booked(), only(shop.services, action="cancel")["state"]) == ([], "done")


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_lost_answer_among_several_parcels_doubles_none(shop: Shop, kind: str) -> None:
    """The one that is missing is the one that is looked for."""
    shop.reconnect("chitchats", parcel_g="450")
    order(shop)
    turn(shop.services)
    fault(shop, kind, f"POST {ROOT}")
    work_off(shop.services)
    numbers = sorted(one["parcel"] for one in queries.list_shipments(shop.services.database))
    assert numbers == list(range(1, len(shop.booked()) + 1))


def test_a_cancellation_during_the_purchase_waits_for_it_and_refunds(shop: Shop) -> None:
    """Neither deleting nor refunding works while the postage is being bought."""
    configure(shop, buy_seconds=0.5, refund_wait_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    while not owed(shop.services, action="wait"):
        hurry(shop.services)
        turn(shop.services)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert ([one["status"] for one in shop.booked()], left(shop)) == (["voided"], "1000.00")


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "garbage"])
def test_a_refund_is_asked_for_once(shop: Shop, kind: str) -> None:
    """What a second refund does is documented nowhere, so a lost answer is looked up."""
    booked(shop, **BUYING)
    fault(shop, kind, "/refund")
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert [one["status"] for one in shop.booked()] == ["voided"]
    assert asked(shop, f"PATCH {ROOT}") <= 1 + 2
    assert only(shop.services, action="cancel")["state"] == "done"


def test_postage_that_is_not_refundable_is_held_in_the_vendor_s_words(shop: Shop) -> None:
    """Slim, cards, letters and flats are not refunded; it is asked once, then looked at, then told."""
    booked(shop, **BUYING)
    fault(shop, "status", "/refund", status=400, times=None)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    found = only(shop.services, action="cancel")
    assert (found["state"], "Injected 400" in found["reason"]) == ("held", True)
    assert asked(shop, "PATCH /api/v1/clients/1/shipments") == 2
    shop.sandbox.emulators["chitchats"].faults.clear()
    replay(shop)
    assert [one["status"] for one in shop.booked()] == ["voided"]


def test_a_draft_that_a_person_paid_for_meanwhile_is_refunded(shop: Shop) -> None:
    """Our list says unpaid, the vendor refuses to delete: the shipment is looked at before anything else is done."""
    configure(shop, buy_seconds=0.0, refund_wait_seconds=0.0)
    first = booked(shop)
    pay_by_hand(shop, first)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert [one["status"] for one in shop.booked()] == ["voided"]


def pay_by_hand(shop: Shop, remote_id: str) -> None:
    """Somebody buys in the vendor's dashboard."""
    body = {"postage_type": "chit_chats_canada_tracked"}
    url = f"{shop.sandbox.base_url}{ROOT}/{remote_id}/buy"
    assert requests.patch(url, json=body, headers={"Authorization": "t"}, timeout=5).status_code == 200


def test_a_draft_that_a_person_deleted_is_gone_and_not_a_failure(shop: Shop) -> None:
    """404 to a deletion, then a search that finds nothing."""
    first = booked(shop)
    url = f"{shop.sandbox.base_url}{ROOT}/{first}"
    assert requests.delete(url, headers={"Authorization": "t"}, timeout=5).status_code == 204
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert only(shop.services, action="cancel")["state"] == "done"


def test_a_parcel_on_its_way_is_no_refund(shop: Shop) -> None:
    """Our list learns of it first: nobody is asked for what can't be."""
    booked(shop, **BUYING)
    advance(shop, "received")
    hurry(shop.services, watched=True)
    turn(shop.services)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    found = only(shop.services, action="cancel")
    assert (found["state"], "received" in found["reason"]) == ("held", True)
    assert asked(shop, "PATCH /api/v1/clients/1/shipments") == 1
