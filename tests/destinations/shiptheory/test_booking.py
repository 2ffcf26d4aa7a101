"""Shiptheory: what is booked and under which reference, what a 200 really says, and what a person is told."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from plugin.storage import queries
from tests.destinations.shiptheory.connected_shop import ORDER, REFERENCE, Ship
from tests.support.running_line import hurry, owed, turn, work_off
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from tests.conftest import Backend

BOOK = "POST /v1/shipments"


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def ship(services: Services, sandbox: Sandbox, app: Flask) -> Ship:
    """Return a shop that books at Shiptheory, without a delivery service: the account's rules decide."""
    return Ship.open(services, sandbox, app)


def shipments(ship: Ship) -> list[dict[str, Any]]:
    """Shipments as `crossdock shipments` shows them, oldest first."""
    return queries.list_shipments(ship.services.database)[::-1]


def address(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    """Return the order's address, changed."""
    found: dict[str, Any] = copy.deepcopy(sent("orders_create")["shipping_address"]) | changes
    return found


def test_an_order_is_booked_labelled_and_tracked(ship: Ship) -> None:
    """One booking under the order's own number; label and tracking by a look, the history kept."""
    assert ship.order()["state"] == "done"
    (booked,) = ship.booked()
    assert (booked["reference"], booked["reference2"]) == (REFERENCE, ORDER)
    assert booked["shipment_detail"]["reference3"] == ship.store.address
    (kept,) = shipments(ship)
    assert (kept["remote_id"], kept["state"], kept["tracking_number"]) == (REFERENCE, "Complete", booked["tracking"])
    assert kept["label_formats"] == ["pdf"]
    assert any("tracking reference received" in one["text"] for one in kept["messages"])
    assert (ship.asked(BOOK), ship.asked("GET /v1/shipments/")) == (1, 1)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (sent("orders_create__digital"), "digital"),
        (sent("orders_create__pos"), "counter"),
        (sent("orders_create") | {"test": True}, "test order"),
        (sent("orders_create") | {"financial_status": "refunded"}, "refunded"),
        (sent("orders_create") | {"shipping_address": None}, "picks the order up"),
    ],
)
def test_what_needs_no_parcel_is_skipped_with_its_reason(ship: Ship, document: dict[str, Any], words: str) -> None:
    """No booking, no error: the reason is one a merchant nods at."""
    found = ship.order(**document)
    assert (found["state"], ship.booked()) == ("skipped", [])
    assert words in found["reason"]


@pytest.mark.parametrize(
    ("changes", "field", "setting"),
    [
        ({"shipping_address": address(zip=None)}, "recipient.postcode", {"missing_postcode": "0000"}),
        ({"shipping_address": address(city=None)}, "recipient.city", None),
        ({"shipping_address": address(address1="")}, "recipient.address_line_1", None),
        (
            {"shipping_address": address(name="Prince", first_name="Prince", last_name=None)},
            "recipient.lastname",
            {"missing_name": "-"},
        ),
        (
            {"line_items": [line | {"grams": None} for line in sent("orders_create")["line_items"]]},
            "shipment_detail.weight",
            {"default_weight_g": "350"},
        ),
        (
            {"line_items": [line | {"sku": None, "variant_id": None} for line in sent("orders_create")["line_items"]]},
            "products.sku",
            None,
        ),
    ],
)
def test_what_the_order_lacks_is_held_by_name_until_a_setting_says_it(
    ship: Ship, changes: dict[str, Any], field: str, setting: dict[str, str] | None
) -> None:
    """Held, nothing sent, the field in the vendor's own words; the setting that is given later releases it."""
    if field == "products.sku":
        ship.reconnect(missing_sku="hold")
    found = ship.order(**changes)
    assert (found["state"], ship.asked(BOOK)) == ("held", 0)
    assert field in found["reason"]
    if setting is not None:
        ship.reconnect(**setting)
        work_off(ship.services)
        assert ship.live() == [REFERENCE]


def test_service_and_increment_are_booked_as_set(ship: Ship) -> None:
    """A delivery service skips the account's rules and books its carrier, at the instance that is named."""
    ship.vendor.configure(rules="none")
    ship.reconnect(delivery_service="41", increment="2", partner_tag="tag-1")
    ship.order()
    (booked,) = ship.booked()
    assert (booked["status"], booked["carrier"], booked["increment"]) == ("Complete", "Royal Mail", 2)


@pytest.mark.parametrize("stores", [False, True])
def test_an_unknown_increment_is_no_booking(ship: Ship, stores: bool) -> None:  # noqa: FBT001  (pytest's parameter)
    """200, success and `Unable to load your … carrier settings`: held with what to check, booked once it is mended."""
    ship.vendor.configure(increment_error_stores=stores)
    ship.reconnect(delivery_service="41", increment="7")
    found = ship.order()
    assert found["state"] == "held"
    assert "carrier settings" in found["reason"]
    assert "increment" in found["reason"]
    ship.reconnect(delivery_service="41", increment="2")
    work_off(ship.services)
    assert ship.owed("book")["state"] == "done"
    assert ship.live() == [REFERENCE]


def test_an_unknown_service_is_as_none(ship: Ship) -> None:
    """The account's rules decide then, without a word about it."""
    ship.vendor.configure(rules="none")
    ship.reconnect(delivery_service="999")
    assert (ship.order()["state"], ship.booked()[0]["status"]) == ("held", "Ignored")


def test_an_ignored_shipment_is_held_with_the_reason(ship: Ship) -> None:
    """200 and `Ignored` is not booked: no rule of the account fits."""
    ship.vendor.configure(rules="none")
    found = ship.order()
    assert found["state"] == "held"
    assert "no shipping rule of the account fits" in found["reason"]
    assert [one["state"] for one in shipments(ship)] == ["Ignored"]


def test_a_failed_shipment_is_held_with_the_carrier_s_words(ship: Ship) -> None:
    """200 and `Failed` is not booked; the reason is in the history, without what it says of the buyer."""
    ship.vendor.configure(result="Failed", failure=f"DPD: no service to {address()['city']} today")
    found = ship.order()
    assert found["state"] == "held"
    assert "DPD: no service to" in found["reason"]
    assert address()["city"] not in found["reason"]
    assert ship.live() == []


@pytest.mark.parametrize("status", ["Queued", "PROCESSING", "Ready"])
def test_what_moves_by_itself_is_looked_at_until_it_is_booked(ship: Ship, status: str) -> None:
    """Neither booked again nor believed to be booked; the label comes as soon as it is."""
    ship.vendor.configure(result=status)
    ship.post("orders/create", sent("orders_create"))
    _turns(ship, 5)
    found = ship.owed("book")
    assert (found["state"], ship.asked(BOOK)) == ("waiting", 1)
    assert status in found["reason"]
    ship.control("POST", f"/shipments/{REFERENCE}", {"status": "Complete"})
    work_off(ship.services)
    assert (ship.owed("book")["state"], ship.asked(BOOK), ship.live()) == ("done", 1, [REFERENCE])
    assert shipments(ship)[0]["label_formats"] == ["pdf"]


@pytest.mark.parametrize("status", ["Waiting", "Not Ready", "Print Error"])
def test_what_waits_for_a_person_is_watched(ship: Ship, status: str) -> None:
    """The booking is made; that somebody has to approve it there is said, and once it is done the label follows."""
    ship.vendor.configure(result=status)
    found = ship.order()
    assert (found["state"], ship.asked(BOOK)) == ("done", 1)
    assert "waits for a person at Shiptheory" in found["reason"]
    assert queries.is_idle(ship.services.database)
    ship.control("POST", f"/shipments/{REFERENCE}", {"status": "Complete"})
    hurry(ship.services, watched=True)
    work_off(ship.services)
    assert (ship.owed("watch")["state"], shipments(ship)[0]["label_formats"]) == ("done", ["pdf"])
    assert ship.asked(BOOK) == 1


def test_approval_can_be_asked_for(ship: Ship) -> None:
    """`mark_for_approval` puts a booking with a service into `Waiting`; one that fails afterwards is held."""
    ship.reconnect(delivery_service="39", mark_for_approval="yes")
    ship.order()
    assert ship.booked()[0]["status"] == "Waiting"
    ship.control("POST", f"/shipments/{REFERENCE}", {"status": "Failed"})
    hurry(ship.services, watched=True)
    work_off(ship.services)
    assert ship.owed("watch")["state"] == "held"


@pytest.mark.parametrize("where", ["message", "field"])
def test_tracking_is_read_wherever_it_is_told(ship: Ship, where: str) -> None:
    """In its field, or only as free text of the history, as `DPD tracking reference received: …`."""
    ship.vendor.configure(tracking=where)
    ship.order()
    assert shipments(ship)[0]["tracking_number"] == ship.booked()[0]["tracking"]


def test_a_carrier_result_without_tracking_is_a_booking(ship: Ship) -> None:
    """Code that reads the tracking number directly breaks on it."""
    ship.vendor.configure(tracking="none")
    assert ship.order()["state"] == "done"
    assert (shipments(ship)[0]["tracking_number"], shipments(ship)[0]["label_formats"]) == (None, ["pdf"])


def test_a_label_that_comes_later_is_waited_for(ship: Ship) -> None:
    """The answer to a booking never holds it, and the first looks may not either."""
    ship.vendor.configure(label_looks=3)
    ship.order()
    assert (ship.owed("label")["state"], shipments(ship)[0]["label_formats"]) == ("done", ["pdf"])
    assert ship.asked(f"GET /v1/shipments/{REFERENCE}") == 4


def test_several_parcels_are_one_booking(ship: Ship) -> None:
    """One shipment with as many boxes as the weight asks for, each in the size of the settings."""
    ship.reconnect(parcel_g="900", package_size="11120")
    ship.order()
    (booked,) = ship.booked()
    assert booked["shipment_detail"]["parcels"] == len(booked["packages"]) == 2
    assert {one["id"] for one in booked["packages"]} == {11120}


def test_a_booking_overwrites_the_catalogue(ship: Ship) -> None:
    """The vendor's side effect, told in the documentation: its entry of the same SKU becomes what the order says."""
    ship.order()
    catalogue = ship.vendor.state()["catalogue"]
    shipped = {line["sku"] for line in sent("orders_create")["line_items"] if line["requires_shipping"]}
    assert shipped == set(catalogue)


def test_one_a_second_by_default(ship: Ship) -> None:
    """The published limit is kept without a setting; the login counts against it too, and nothing is ever refused."""
    ship.vendor.window.set(ship.vendor.vendor.limit)
    given = {"email": "slow@example.com", "password": "p"}
    connect(ship.services, ship.store, "shiptheory", ship.sandbox.base_url, **given)
    ship.order()
    asked = ship.vendor.requests()
    assert [one["status"] for one in asked] == [200, 200, 200]
    assert [one["path"] for one in asked] == ["/v1/token", "/v1/shipments", f"/v1/shipments/{REFERENCE}"]


def test_the_partner_tag_is_on_every_call(ship: Ship) -> None:
    """Also when logging in: the emulated vendor refuses every call without it."""
    ship.vendor.configure(partner_tag_required=True)
    ship.reconnect(partner_tag="CrossdockPartner1")
    assert ship.order()["state"] == "done"


def _turns(ship: Ship, count: int) -> None:
    for _ in range(count):
        hurry(ship.services)
        turn(ship.services)


def test_one_order_is_one_booking_whatever_comes(ship: Ship) -> None:
    """Created, paid, updated, twice each: one booking, one label."""
    for topic in ("orders/paid", "orders/create", "orders/updated", "orders/create"):
        ship.post(topic, sent(topic.replace("/", "_")) | {"cancelled_at": None})
    work_off(ship.services)
    assert ship.live() == [REFERENCE]
    assert len(owed(ship.services, action="label")) == 1
