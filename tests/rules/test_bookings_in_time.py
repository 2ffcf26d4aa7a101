"""Which version of an order decides who books it, when it is booked, and what ends that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from plugin.operations import replay
from plugin.storage.tables import bookings
from tests.support.carriers import ORDER, Carriers, rules
from tests.support.running_line import events, hurry, owed, turn, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services

CANADA = rules({"name": "Canada", "when": {"country": "CA"}})
RUSH = rules({"name": "rush", "when": {"tags": "rush"}})
EVEN_LATER = "2026-11-20T13:00:00-06:00"


@pytest.fixture
def carriers(services: Services, sandbox: Sandbox, app: Flask) -> Carriers:
    """Open two connections: the first takes what is tagged `rush`, the second everything."""
    return Carriers.open(services, sandbox, app, RUSH)


def test_an_order_that_no_rule_takes_is_not_booked_and_its_event_says_so(
    services: Services, sandbox: Sandbox, app: Flask
) -> None:
    """Nothing is held for it, and what it sold is still sent."""
    carriers = Carriers.open(services, sandbox, app, RUSH, RUSH)
    carriers.post()
    work_off(services)
    assert (carriers.live(), carriers.rows(carriers.one)) == ([], [])
    assert events(services)[0]["reason"] == "no rule of a shipping connection takes this order"
    assert len(carriers.shop.tracked("Order Completed")) == 1
    carriers.edit("rush")
    work_off(services)
    assert carriers.live() == ["1"]


def test_a_late_older_webhook_does_not_choose(carriers: Carriers) -> None:
    """The newest order decides, whichever webhook is last."""
    carriers.edit("rush")
    work_off(carriers.shop.services)
    carriers.post()
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 1)


def test_an_order_on_its_way_is_not_asked_about_again(carriers: Carriers) -> None:
    """What is fulfilled looks lighter than it was; no problem is made of that."""
    carriers.connect("one", rules({"name": "light", "when": {"weight_g": {"max": "600"}}}))
    carriers.post()
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]
    lines = [line | {"fulfillable_quantity": int(number == 1)} for number, line in enumerate(ORDER["line_items"])]
    carriers.edit(line_items=lines, fulfillment_status="partial")
    work_off(carriers.shop.services)
    assert (carriers.live(), owed(carriers.shop.services, state="held")) == (["2"], [])


def test_a_rule_lets_go_only_of_what_was_not_sent(services: Services, sandbox: Sandbox, app: Flask) -> None:
    """An order that no rule takes any more is not booked if it waits, and stays booked if it is."""
    held = {"tags": "rush", "updated_at": "2026-11-20T11:00:00-06:00"}
    carriers = Carriers.open(services, sandbox, app, RUSH | {"hold_minutes": "30"}, RUSH)
    carriers.post("orders/edited", **held)
    turn(services)
    carriers.edit()
    work_off(services)
    assert (carriers.live(), [row["state"] for row in carriers.rows(carriers.one)]) == ([], ["skipped"])
    carriers.edit("rush", EVEN_LATER)
    work_off(services)
    carriers.edit("", "2026-11-20T14:00:00-06:00")
    work_off(services)
    assert carriers.live() == ["1"]


def test_a_cancellation_ends_the_hold_window_and_sends_nothing(carriers: Carriers) -> None:
    """Skipped at once, though the window still runs."""
    carriers.connect("two", None, hold_minutes="600")
    carriers.post()
    turn(carriers.shop.services)
    carriers.post("orders/cancelled")
    for _ in range(4):
        turn(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == ([], 0)
    (left,) = carriers.rows(carriers.two)
    assert (left["state"], left["reason"]) == ("skipped", "the order was cancelled")


def test_a_cancellation_while_the_order_changes_hands_leaves_nothing(carriers: Carriers) -> None:
    """The draft is deleted, and the other connection does not book."""
    carriers.post()
    work_off(carriers.shop.services)
    carriers.edit("rush")
    carriers.post("orders/cancelled", updated_at=EVEN_LATER)
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == ([], 1)


def test_a_creation_that_comes_after_its_cancellation_books_nothing(
    services: Services, sandbox: Sandbox, app: Flask
) -> None:
    """Also where no rule took the cancelled order."""
    paid = rules({"when": {"financial_status": ["authorized", "paid"]}})
    carriers = Carriers.open(services, sandbox, app, paid, paid)
    carriers.post("orders/cancelled")
    work_off(services)
    carriers.post()
    work_off(services)
    assert (carriers.live(), carriers.created()) == ([], 0)


def test_the_window_is_not_started_anew_by_an_edit(carriers: Carriers) -> None:
    """It is booked when the first window ends, with the newest order."""
    carriers.connect("two", None, hold_minutes="30")
    carriers.post()
    turn(carriers.shop.services)
    (before,) = carriers.rows(carriers.two)
    address = sent("orders_create")["shipping_address"] | {"address1": "9 New Street"}
    carriers.edit(shipping_address=address)
    turn(carriers.shop.services)
    (after,) = carriers.rows(carriers.two)
    assert (before["due_at"], after["state"], carriers.created()) == (after["due_at"], "waiting", 0)
    work_off(carriers.shop.services)
    (parcel,) = carriers.shop.booked()
    assert parcel["to_address_1"] == "9 New Street"


def test_the_window_of_a_rule_that_waits_for_payment_starts_with_it(
    services: Services, sandbox: Sandbox, app: Flask
) -> None:
    """The order is the second connection's until it is paid; then the first one's, half an hour later."""
    paid = rules({"name": "paid", "when": {"financial_status": "paid"}, "hold_minutes": "30"})
    carriers = Carriers.open(services, sandbox, app, paid, RUSH)
    carriers.post()
    work_off(services)
    assert carriers.live() == []
    carriers.post("orders/paid")
    turn(services)
    (waits,) = carriers.rows(carriers.one)
    with services.database.read() as db:
        since = db.execute(select(bookings.c.since)).scalar_one()
    received = events(services)[1]["received_at"]
    assert since.isoformat() == received
    assert (waits["state"], carriers.created()) == ("waiting", 0)
    hurry(services)
    work_off(services)
    assert carriers.live() == ["1"]


def test_a_topic_counts_whenever_it_is_heard(services: Services, sandbox: Sandbox, app: Flask) -> None:
    """`order_paid` that comes after a newer update still makes its rule take the newest order."""
    paid = rules({"topics": "order_paid"})
    carriers = Carriers.open(services, sandbox, app, paid, paid)
    carriers.edit()
    work_off(services)
    assert carriers.live() == []
    carriers.post("orders/paid")
    work_off(services)
    carriers.edit("gift", EVEN_LATER)
    work_off(services)
    assert (carriers.live(), carriers.created()) == (["1"], 1)


def test_replay_books_nothing_of_a_cancelled_order(carriers: Carriers) -> None:
    """Not even a step that was planned for a version before the cancellation, and skipped then."""
    carriers.edit()
    work_off(carriers.shop.services)
    carriers.post("orders/cancelled", updated_at=EVEN_LATER)
    work_off(carriers.shop.services)
    assert carriers.live() == []
    carriers.replay("skipped")
    assert carriers.live() == []


def test_other_rules_apply_to_an_order_when_its_webhook_is_replayed(carriers: Carriers) -> None:
    """Connecting with other rules moves nothing by itself."""
    carriers.post()
    work_off(carriers.shop.services)
    carriers.connect("one", CANADA)
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]
    replay.replay_events(carriers.shop.services.database, [1])
    work_off(carriers.shop.services)
    assert carriers.live() == ["1"]
