"""Chit Chats: which orders are booked, what is held and why, and that money is never spent twice."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from plugin.operations.replay import Selection, deliveries_to_replay, replay_deliveries
from plugin.sandbox import Fault
from tests.support.running_line import only, work_off
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop

CREATE = "POST /api/v1/clients/1/shipments"


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def order(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    """Return a shippable order, changed."""
    return sent("orders_create") | changes


def lines(**changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401  (any JSON value)
    """Return the lines of that order, each changed."""
    return [line | changes for line in sent("orders_create")["line_items"]]


def address(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    """Its shipping address, changed."""
    found: dict[str, Any] = copy.deepcopy(sent("orders_create")["shipping_address"]) | changes
    return found


def book(shop: Shop, document: object, topic: str = "orders/create") -> dict[str, Any]:
    """Post an order, work it off, and return what became of its booking."""
    assert shop.post(topic, document).status_code == 200
    work_off(shop.services)
    return only(shop.services, destination="chitchats", action="book")


def replay(shop: Shop, state: str) -> None:
    """`crossdock replay --state …`, and the work that follows."""
    found = deliveries_to_replay(shop.services.database, Selection(state=state))
    replay_deliveries(shop.services.database, found)
    work_off(shop.services)


def fault(shop: Shop, kind: Any, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
    """Let something go wrong at the vendor."""
    shop.sandbox.emulators["chitchats"].faults.add(Fault(kind, **more))


def creations(shop: Shop) -> int:
    """How often a booking was asked for."""
    asked = shop.sandbox.emulators["chitchats"].requests()
    return [f"{one['method']} {one['path']}" for one in asked].count(CREATE)


SKIPPED = {
    "digital": (sent("orders_create__digital"), "digital"),
    "sold at the counter": (sent("orders_create__pos"), "counter"),
    "cancelled before it came": (order(cancelled_at="2026-11-20T11:00:00Z", confirmed=True), "cancelled"),
    "a test": (order(test=True), "test order"),
    "refunded": (order(financial_status="refunded"), "refunded"),
    "fulfilled elsewhere": (order(line_items=lines(fulfillment_status="fulfilled")), "nothing left"),
    "all lines removed": (order(line_items=lines(current_quantity=0, fulfillable_quantity=0)), "nothing left"),
    "gift cards": (order(line_items=lines(gift_card=True)), "gift cards"),
    "no lines": (order(line_items=[]), "no lines"),
}


@pytest.mark.parametrize(("document", "words"), SKIPPED.values(), ids=SKIPPED)
def test_what_needs_no_parcel_is_skipped_with_its_reason(shop: Shop, document: object, words: str) -> None:
    """No booking, no error: the reason is one a merchant nods at."""
    found = book(shop, document)
    assert (found["state"], shop.booked()) == ("skipped", [])
    assert words in found["reason"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (order(line_items=lines(grams=None)), "weight"),
        (order(currency="EUR"), "value_currency"),
        (order(shipping_address=address(province_code=None, province=None)), "province_code"),
        (order(shipping_address=address(zip=None)), "postal_code"),
        (order(shipping_address=address(address1="")), "address_1"),
        (order(shipping_address=address(name=None, first_name=None, last_name=None, company=None)), "name"),
        (order(shipping_address=None, shipping_lines=[]), "shipping_address"),
    ],
)
def test_what_the_vendor_requires_and_the_order_lacks_is_held_by_name(shop: Shop, document: object, field: str) -> None:
    """Held, nothing sent, and the field is the vendor's own word for it."""
    found = book(shop, document)
    assert (found["state"], creations(shop)) == ("held", 0)
    assert field in found["reason"]


@pytest.mark.parametrize(
    ("lacking", "document", "setting"),
    [
        ("size_x", order(), {}),
        ("weight", order(line_items=lines(grams=None)), {"default_weight_g": "350"}),
    ],
)
def test_a_setting_given_later_releases_what_was_held(
    shop: Shop, lacking: str, document: object, setting: dict[str, str]
) -> None:
    """Held by name, and one `replay` after the setting was given books it."""
    if lacking == "size_x":
        without = {"client_id": "1", "token": "t"}
        connect(shop.services, shop.store, "chitchats", shop.sandbox.base_url, **without)
    found = book(shop, document)
    assert (found["state"], lacking in found["reason"]) == ("held", True)
    shop.reconnect("chitchats", **setting)
    replay(shop, "held")
    assert [item["order_id"] for item in shop.booked()] == [str(sent("orders_create")["id"])]


def test_a_mended_order_is_booked_without_a_replay(shop: Shop) -> None:
    """The merchant corrects the address at the shop; its update is the newer version."""
    book(shop, order(shipping_address=address(zip=None)))
    mended = order(updated_at="2026-11-20T12:00:00-06:00")
    assert book(shop, mended, "orders/updated")["state"] == "done"
    assert len(shop.booked()) == 1


def test_a_cancelled_draft_is_deleted(shop: Shop) -> None:
    """What was not paid is taken back."""
    book(shop, order())
    book(shop, sent("orders_cancelled"), "orders/cancelled")
    assert (shop.booked(), only(shop.services, action="cancel")["state"]) == ([], "done")


@pytest.mark.parametrize("kind", ["reset_after", "reset_before", "garbage", "status"])
def test_a_deletion_is_made_sure_of(shop: Shop, kind: str) -> None:
    """A lost answer to a deletion is looked up; a draft is gone in the end and nothing else is."""
    book(shop, order())
    fault(shop, kind, match="DELETE")
    book(shop, sent("orders_cancelled"), "orders/cancelled")
    assert (shop.booked(), only(shop.services, action="cancel")["state"]) == ([], "done")


def test_a_cancelled_order_that_was_not_booked_yet_never_is(shop: Shop) -> None:
    """Also when its creation arrives late, and when it is edited after that."""
    late = order(updated_at="2026-11-20T23:00:00-06:00")
    for topic, document in (("orders/cancelled", sent("orders_cancelled")), ("orders/create", order())):
        assert book(shop, document, topic)["state"] == "skipped"
    assert book(shop, late, "orders/updated")["state"] == "skipped"
    assert creations(shop) == 0
    assert only(shop.services, action="cancel")["state"] == "skipped"
