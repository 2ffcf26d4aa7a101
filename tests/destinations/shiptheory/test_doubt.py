"""Shiptheory in doubt: lost answers, used references, what failed before. One live booking, whatever happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from plugin.destinations.shiptheory import destination
from tests.destinations.shiptheory.connected_shop import EMAIL, LOGIN, ORDER, REFERENCE, Ship
from tests.sandbox.shiptheory.client import BOOKING
from tests.support.running_line import only, work_off
from tests.support.shop import SECRET, connect, headers, sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from tests.conftest import Backend

BOOK = "POST /v1/shipments"
HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def ship(services: Services, sandbox: Sandbox, app: Flask) -> Ship:
    """Return a shop that books at Shiptheory."""
    return Ship.open(services, sandbox, app)


def foreign(ship: Ship, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Somebody else books in the same account."""
    root = ship.sandbox.base_url
    token = requests.post(f"{root}/v1/token", json=LOGIN, headers=HEADERS, timeout=5).json()["data"]["token"]
    body = BOOKING | {"reference": REFERENCE} | changes
    headers = HEADERS | {"Authorization": f"Bearer {token}"}
    made = requests.post(f"{root}/v1/shipments", json=body, headers=headers, timeout=5)
    assert made.json()["status"], made.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "reset_after"},
        {"kind": "timeout_after", "seconds": 1.0},
        {"kind": "garbage"},
        {"kind": "cut"},
        {"kind": "empty"},
    ],
    ids=lambda wrong: wrong["kind"],
)
def test_a_lost_answer_is_found_by_its_reference(
    ship: Ship, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The booking exists: it is looked up, never sent again, and its label follows."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.4)
    ship.fault(match=BOOK, **wrong)
    assert ship.order()["state"] == "done"
    assert (ship.asked(BOOK), ship.live(), ship.owed("label")["state"]) == (1, [REFERENCE], "done")


def test_a_call_that_never_arrived_is_sent_again_under_the_same_reference(ship: Ship) -> None:
    """The look-up answers 404, so the reference is still free."""
    ship.fault("reset_before", BOOK)
    assert ship.order()["state"] == "done"
    bodies = [one["body"]["reference"] for one in ship.vendor.requests() if one["path"] == "/v1/shipments"]
    assert (bodies, ship.live()) == ([REFERENCE, REFERENCE], [REFERENCE])


@pytest.mark.parametrize("empty", ["null", "text"])
def test_an_empty_answer_is_looked_at(ship: Ship, empty: str) -> None:
    """200, success and nothing in it, whether null or blank: our own earlier booking of this order is found."""
    ship.vendor.configure(empty=empty)
    foreign(ship, reference2=ORDER)
    assert ship.order()["state"] == "done"
    assert (ship.asked(BOOK), ship.live(), len(ship.booked())) == (2, [REFERENCE], 1)


def test_a_reference_of_somebody_else_is_never_taken_for_ours(ship: Ship) -> None:
    """Another shop's order of the same number is not this one: held, and booked once a prefix tells them apart."""
    foreign(ship, reference2="another order")
    found = ship.order()
    assert found["state"] == "held"
    assert "reference_prefix" in found["reason"]
    ship.reconnect(reference_prefix="B")
    work_off(ship.services)
    assert ship.owed("book")["state"] == "done"
    assert ship.live() == [REFERENCE, f"B{REFERENCE}"]


def test_two_stores_that_share_an_account_never_share_a_booking(ship: Ship) -> None:
    """Same order number, same order id, one account: told apart by the store, which is the third reference."""
    ship.order()
    other = ship.services.stores.add("shopify", "other.myshopify.com", {"secret": SECRET}, None)
    connect(ship.services, other, "shiptheory", ship.sandbox.base_url, **LOGIN, rate="1000/1s")
    raw = json.dumps(sent("orders_create")).encode()
    signed = headers(raw, "orders/create", "other-1", address="other.myshopify.com")
    assert ship.app.test_client().post("/webhooks/shopify", data=raw, headers=signed).status_code == 200
    work_off(ship.services)
    found = only(ship.services, action="book", store_id=other.id)
    assert (found["state"], ship.live()) == ("held", [REFERENCE])


def test_a_used_reference_that_can_t_be_seen_is_held(ship: Ship) -> None:
    """References are for ever: what was deleted at Shiptheory still has its own, and is not guessed around."""
    foreign(ship, reference2=ORDER)
    ship.control("DELETE", f"/shipments/{REFERENCE}")
    found = ship.order()
    assert found["state"] == "held"
    assert "can't be seen" in found["reason"]
    ship.replay()
    assert (ship.owed("book")["state"], ship.live(), ship.asked(BOOK)) == ("held", [], 2)


def test_a_replay_of_what_failed_books_anew_under_the_next_reference(ship: Ship) -> None:
    """Deliberate: `1001` stays what it is, `1001-2` is booked, and however often its answer is lost it stays that."""
    ship.vendor.configure(result="Failed")
    assert ship.order()["state"] == "held"
    ship.replay()
    assert ship.owed("book")["state"] == "held"
    ship.vendor.configure(result="Complete")
    ship.fault("reset_after", BOOK)
    ship.replay()
    assert [(one["reference"], one["status"]) for one in ship.booked()] == [
        (REFERENCE, "Failed"),
        (f"{REFERENCE}-2", "Failed"),
        (f"{REFERENCE}-3", "Complete"),
    ]
    assert (ship.owed("book")["state"], ship.asked(BOOK)) == ("done", 3)


def test_a_mended_order_is_booked_anew_without_a_replay(ship: Ship) -> None:
    """Its newer version says something else about the parcel."""
    ship.vendor.configure(result="Failed")
    ship.order()
    ship.vendor.configure(result="Complete")
    mended = sent("orders_create")["shipping_address"] | {"address1": "2 Mended Street"}
    assert ship.mend(shipping_address=mended)["state"] == "done"
    assert ship.live() == [f"{REFERENCE}-2"]


def test_news_that_change_nothing_about_the_parcel_book_nothing_anew(ship: Ship) -> None:
    """Platforms send many versions of an order; a failed booking is not made once more for each of them."""
    ship.vendor.configure(result="Failed")
    ship.order()
    for minute in (31, 32):
        found = ship.mend(minute, note="a new note")
        assert found["state"] == "held"
    assert "changes nothing" in found["reason"]
    assert (ship.asked(BOOK), len(ship.booked())) == (1, 1)
    ship.replay()
    assert len(ship.booked()) == 2


def test_what_somebody_mended_at_shiptheory_is_not_booked_again(ship: Ship) -> None:
    """A failed shipment that was booked there by hand is found before another one is made."""
    ship.vendor.configure(result="Failed")
    ship.order()
    ship.control("POST", f"/shipments/{REFERENCE}", {"status": "Complete"})
    ship.replay()
    assert (ship.owed("book")["state"], ship.live(), ship.asked(BOOK)) == ("done", [REFERENCE], 1)
    assert ship.owed("label")["state"] == "done"


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
def test_a_prefix_that_changes_in_doubt_doubles_nothing(ship: Ship, kind: str) -> None:
    """The lost booking has the former prefix, so it is searched by its order."""
    ship.fault(kind, BOOK)
    ship.post("orders/create", sent("orders_create"))
    ship.until("unknown")
    ship.reconnect(reference_prefix="B")
    work_off(ship.services)
    assert ship.owed("book")["state"] == "done"
    assert ship.live() == ([REFERENCE] if kind == "reset_after" else [f"B{REFERENCE}"])


def test_a_shipment_that_vanishes_while_it_moves_is_told(ship: Ship) -> None:
    """Deleted by somebody there: held, booked again only if somebody asks for it."""
    ship.vendor.configure(result="Queued")
    ship.post("orders/create", sent("orders_create"))
    ship.until("waiting")
    ship.control("DELETE", f"/shipments/{REFERENCE}")
    work_off(ship.services)
    assert (ship.owed("book")["state"], ship.live()) == ("held", [])
    assert ship.mend()["state"] == "held"
    ship.vendor.configure(result="Complete")
    ship.replay()
    assert ship.live() == [f"{REFERENCE}-2"]


def test_the_account_is_shared_by_address_not_by_case() -> None:
    """One e-mail is one lane, however it is written."""
    values = [{"email": email, "password": "p"} for email in (EMAIL, EMAIL.upper())]
    assert len({destination.account(one) for one in values}) == 1
