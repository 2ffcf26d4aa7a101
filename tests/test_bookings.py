"""One order is booked once over all shipping connections of its store, whatever rules and orders change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from plugin.sandbox import Fault
from plugin.storage import replaying
from plugin.storage.bookings import bookings
from tests.carriers import Carriers, rules
from tests.line import events, hurry, owed, turn, work_off
from tests.shop import sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services

CANADA = rules({"name": "Canada", "when": {"country": "CA"}})
RUSH = rules({"name": "rush", "when": {"tags": "rush"}})
LATER = "2026-11-20T12:00:00-06:00"
EVEN_LATER = "2026-11-20T13:00:00-06:00"
BUYING = {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}


@pytest.fixture
def carriers(services: Services, sandbox: Sandbox, app: Flask) -> Carriers:
    """The first takes what is tagged `rush`, the second everything."""
    return Carriers.open(services, sandbox, app, RUSH)


def edit(carriers: Carriers, tags: str = "", at: str = LATER, **more: Any) -> None:  # noqa: ANN401  (any JSON value)
    """The merchant changes the order's tags."""
    carriers.post("orders/edited", tags=tags, updated_at=at, **more)


def replay(carriers: Carriers, state: str = "held") -> None:
    """`crossdock replay --state held`, and the work that follows."""
    database = carriers.shop.services.database
    found = replaying.deliveries_to_replay(database, replaying.Selection(state=state))
    replaying.replay_deliveries(database, found)
    work_off(carriers.shop.services)


def fault(carriers: Carriers, kind: Any, match: str, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
    """Let something go wrong at the vendor."""
    carriers.shop.sandbox.emulators["chitchats"].faults.add(Fault(kind, match=match, **more))


def test_the_first_rule_that_matches_books_and_nobody_else(carriers: Carriers) -> None:
    """Both connections would take it; one does, by the rule that its delivery names."""
    carriers.post(tags="Rush, gift")
    work_off(carriers.shop.services)
    assert carriers.live() == ["1"]
    (booked,) = carriers.rows(carriers.one)
    assert (booked["state"], booked["rule"]) == ("done", "rush")
    assert carriers.rows(carriers.two) == []
    assert len(carriers.shop.tracked("Order Completed")) == 1


def test_without_rules_the_oldest_connection_books(services: Services, sandbox: Sandbox, app: Flask) -> None:
    """Two connections that take everything book once, not twice."""
    carriers = Carriers.open(services, sandbox, app, None)
    carriers.post()
    work_off(services)
    assert (carriers.live(), carriers.rows(carriers.two)) == (["1"], [])


def test_an_order_that_no_rule_takes_is_not_booked_and_its_event_says_so(
    services: Services, sandbox: Sandbox, app: Flask
) -> None:
    """Nothing is held for it, and what it sold is still told."""
    carriers = Carriers.open(services, sandbox, app, RUSH, RUSH)
    carriers.post()
    work_off(services)
    assert (carriers.live(), carriers.rows(carriers.one)) == ([], [])
    assert events(services)[0]["reason"] == "no rule of a shipping connection takes this order"
    assert len(carriers.shop.tracked("Order Completed")) == 1
    edit(carriers, "rush")
    work_off(services)
    assert carriers.live() == ["1"]


def test_an_edit_before_anything_was_sent_moves_the_booking(carriers: Carriers) -> None:
    """The first connection's step is skipped with the reason, nothing was sent for it, and the other one books."""
    carriers.connect("two", None, hold_minutes="30")
    carriers.post()
    turn(carriers.shop.services)
    assert carriers.rows(carriers.two)[0]["state"] == "waiting"
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 1)
    (left,) = carriers.rows(carriers.two)
    assert (left["state"], left["reason"]) == ("skipped", "the rules gave this order to another connection")


def test_an_edit_after_the_draft_deletes_it_first(carriers: Carriers) -> None:
    """At no moment are there two."""
    carriers.post()
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 2)
    asked = [one["method"] for one in carriers.shop.sandbox.emulators["chitchats"].requests()]
    assert asked == ["POST", "DELETE", "POST"]


def test_it_goes_back_as_often_as_it_is_edited(carriers: Carriers) -> None:
    """There and back again, each time the draft is deleted before the next one is made."""
    carriers.post()
    for number, tags in enumerate(["rush", "", "rush", ""]):
        work_off(carriers.shop.services)
        edit(carriers, tags, f"2026-11-20T1{number}:30:00-06:00")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["2"], 5)


def test_it_stays_when_the_edit_is_taken_back_in_time(carriers: Carriers) -> None:
    """Whether or not the draft was deleted by then, one booking is left, where the rules want it."""
    carriers.post()
    work_off(carriers.shop.services)
    fault(carriers, "status", "DELETE", times=2)
    edit(carriers, "rush")
    for _ in range(3):
        turn(carriers.shop.services)
    edit(carriers, "", EVEN_LATER)
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]


def test_after_the_purchase_it_is_a_problem_for_a_person(carriers: Carriers) -> None:
    """Postage is paid: it stays booked where it is, once, and the held delivery says what to do."""
    carriers.connect("two", None, **BUYING)
    carriers.post()
    work_off(carriers.shop.services)
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.rows(carriers.one)) == (["2"], [])
    (held,) = owed(carriers.shop.services, state="held")
    assert "after it was booked here" in held["reason"]
    assert f"the rules chose one ({carriers.one.id})" in held["reason"]


def test_the_problem_goes_away_with_its_cause(carriers: Carriers) -> None:
    """An edit back to the connection that booked leaves nothing held."""
    carriers.connect("two", None, **BUYING)
    carriers.post()
    work_off(carriers.shop.services)
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    edit(carriers, "", EVEN_LATER)
    work_off(carriers.shop.services)
    assert (carriers.live(), owed(carriers.shop.services, state="held")) == (["2"], [])


def test_a_lost_answer_is_found_before_the_order_changes_hands(carriers: Carriers) -> None:
    """The booking whose answer was lost is looked up and deleted; only then does the other connection book."""
    fault(carriers, "reset_after", "POST /api/v1/clients/2/shipments")
    carriers.post()
    while not carriers.created():
        turn(carriers.shop.services)
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 2)


def test_what_never_arrived_is_not_sent_again_where_it_is_not_wanted(carriers: Carriers) -> None:
    """A call that failed before the edit is looked up and then left alone."""
    fault(carriers, "status", "POST /api/v1/clients/2/shipments", times=1)
    carriers.post()
    while not carriers.created():
        turn(carriers.shop.services)
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 2)


def test_replay_never_books_where_the_order_is_not(carriers: Carriers) -> None:
    """Whoever replays the skipped step of the connection that lost the order finds it skipped again."""
    carriers.connect("two", None, hold_minutes="30")
    carriers.post()
    turn(carriers.shop.services)
    edit(carriers, "rush")
    work_off(carriers.shop.services)
    replay(carriers, "skipped")
    assert (carriers.live(), carriers.created()) == (["1"], 1)


def test_a_late_older_webhook_does_not_choose(carriers: Carriers) -> None:
    """The newest order decides, whichever webhook is last."""
    edit(carriers, "rush")
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
    lines = [line | {"fulfillable_quantity": int(number == 1)} for number, line in enumerate(sent_lines())]
    edit(carriers, line_items=lines, fulfillment_status="partial")
    work_off(carriers.shop.services)
    assert (carriers.live(), owed(carriers.shop.services, state="held")) == (["2"], [])


def sent_lines() -> list[dict[str, Any]]:
    """The lines of the order."""
    lines: list[dict[str, Any]] = sent("orders_create")["line_items"]
    return lines


def test_a_rule_lets_go_only_of_what_was_not_sent(services: Services, sandbox: Sandbox, app: Flask) -> None:
    """An order that no rule takes any more is not booked if it waits, and stays booked if it is."""
    held = {"tags": "rush", "updated_at": "2026-11-20T11:00:00-06:00"}
    carriers = Carriers.open(services, sandbox, app, RUSH | {"hold_minutes": "30"}, RUSH)
    carriers.post("orders/edited", **held)
    turn(services)
    edit(carriers)
    work_off(services)
    assert (carriers.live(), [row["state"] for row in carriers.rows(carriers.one)]) == ([], ["skipped"])
    edit(carriers, "rush", EVEN_LATER)
    work_off(services)
    edit(carriers, "", "2026-11-20T14:00:00-06:00")
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
    edit(carriers, "rush")
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
    edit(carriers, shipping_address=address)
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
    edit(carriers)
    work_off(services)
    assert carriers.live() == []
    carriers.post("orders/paid")
    work_off(services)
    edit(carriers, "gift", EVEN_LATER)
    work_off(services)
    assert (carriers.live(), carriers.created()) == (["1"], 1)


def test_replay_books_nothing_of_a_cancelled_order(carriers: Carriers) -> None:
    """Not even a step that was planned for a version before the cancellation, and skipped then."""
    edit(carriers)
    work_off(carriers.shop.services)
    carriers.post("orders/cancelled", updated_at=EVEN_LATER)
    work_off(carriers.shop.services)
    assert carriers.live() == []
    replay(carriers, "skipped")
    assert carriers.live() == []
