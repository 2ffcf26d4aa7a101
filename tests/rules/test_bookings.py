"""One order is booked once over all shipping connections of its store, and changes hands with nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plugin.routing.route import route_due
from tests.support.carriers import Carriers, rules
from tests.support.deliveries import begin
from tests.support.running_line import owed, turn, work_off

if TYPE_CHECKING:
    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services

RUSH = rules({"name": "rush", "when": {"tags": "rush"}})
EVEN_LATER = "2026-11-20T13:00:00-06:00"
BUYING = {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}


@pytest.fixture
def carriers(services: Services, sandbox: Sandbox, app: Flask) -> Carriers:
    """Open two connections: the first takes what is tagged `rush`, the second everything."""
    return Carriers.open(services, sandbox, app, RUSH)


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


def test_an_edit_before_anything_was_sent_moves_the_booking(carriers: Carriers) -> None:
    """The first connection's step is skipped with the reason, nothing was sent for it, and the other one books."""
    carriers.connect("two", None, hold_minutes="30")
    carriers.post()
    turn(carriers.shop.services)
    assert carriers.rows(carriers.two)[0]["state"] == "waiting"
    carriers.edit("rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 1)
    (left,) = carriers.rows(carriers.two)
    assert (left["state"], left["reason"]) == ("skipped", "the rules gave this order to another connection")


def test_an_edit_after_the_draft_deletes_it_first(carriers: Carriers) -> None:
    """At no moment are there two."""
    carriers.post()
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]
    carriers.edit("rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 2)
    asked = [one["method"] for one in carriers.shop.sandbox.emulators["chitchats"].requests()]
    assert asked == ["POST", "DELETE", "POST"]


def test_it_goes_back_as_often_as_it_is_edited(carriers: Carriers) -> None:
    """There and back again, each time the draft is deleted before the next one is made."""
    carriers.post()
    for number, tags in enumerate(["rush", "", "rush", ""]):
        work_off(carriers.shop.services)
        carriers.edit(tags, f"2026-11-20T1{number}:30:00-06:00")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["2"], 5)


def test_it_stays_when_the_edit_is_taken_back_in_time(carriers: Carriers) -> None:
    """Whether or not the draft was deleted by then, one booking is left, where the rules want it."""
    carriers.post()
    work_off(carriers.shop.services)
    carriers.fault("status", "DELETE", times=2)
    carriers.edit("rush")
    for _ in range(3):
        turn(carriers.shop.services)
    carriers.edit("", EVEN_LATER)
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]


def test_after_the_purchase_it_is_a_problem_for_a_person(carriers: Carriers) -> None:
    """Postage is paid: it stays booked where it is, once, and the held delivery says what to do."""
    carriers.connect("two", None, **BUYING)
    carriers.post()
    work_off(carriers.shop.services)
    carriers.edit("rush")
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
    carriers.edit("rush")
    work_off(carriers.shop.services)
    carriers.edit("", EVEN_LATER)
    work_off(carriers.shop.services)
    assert (carriers.live(), owed(carriers.shop.services, state="held")) == (["2"], [])


def test_a_lost_answer_is_found_before_the_order_changes_hands(carriers: Carriers) -> None:
    """The booking whose answer was lost is looked up and deleted; only then does the other connection book."""
    carriers.fault("reset_after", "POST /api/v1/clients/2/shipments")
    carriers.post()
    while not carriers.created():
        turn(carriers.shop.services)
    carriers.edit("rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 2)


def test_what_never_arrived_is_not_sent_again_where_it_is_not_wanted(carriers: Carriers) -> None:
    """A call that failed before the edit is looked up and then left alone."""
    carriers.fault("status", "POST /api/v1/clients/2/shipments", times=1)
    carriers.post()
    while not carriers.created():
        turn(carriers.shop.services)
    carriers.edit("rush")
    work_off(carriers.shop.services)
    assert (carriers.live(), carriers.created()) == (["1"], 2)


def test_replay_never_books_where_the_order_is_not(carriers: Carriers) -> None:
    """Whoever replays the skipped step of the connection that lost the order finds it skipped again."""
    carriers.connect("two", None, hold_minutes="30")
    carriers.post()
    turn(carriers.shop.services)
    carriers.edit("rush")
    work_off(carriers.shop.services)
    carriers.replay("skipped")
    assert (carriers.live(), carriers.created()) == (["1"], 1)


def test_what_a_worker_has_in_hand_when_the_order_moves_is_not_sent(carriers: Carriers) -> None:
    """It was leased and prepared, but not begun: the connection that lost the order can't begin it any more."""
    services = carriers.shop.services
    carriers.post()
    route_due(services)
    (leased,) = services.ledger.lease(carriers.two.lane, 5)
    carriers.edit("rush")
    route_due(services)
    assert begin(services, [(leased, True)]) == set()
    work_off(services)
    assert (carriers.live(), carriers.created()) == (["1"], 1)


@pytest.mark.parametrize("created", [1, 2])
def test_a_booking_of_several_parcels_moves_whole(carriers: Carriers, created: int) -> None:
    """All of them, or those that were made by then, are deleted before the other connection books."""
    carriers.connect("two", None, parcel_g="500")
    carriers.post()
    while carriers.created() < created:
        turn(carriers.shop.services)
    carriers.edit("rush")
    work_off(carriers.shop.services)
    assert carriers.live() == ["1"]


def test_a_move_that_was_held_is_made_by_whoever_settled_it(carriers: Carriers) -> None:
    """The replayed step takes the booking back as far as the vendor lets, and then the other connection books."""
    carriers.shop.sandbox.emulators["chitchats"].configure(refund_wait_seconds=0)
    carriers.connect("two", None, **BUYING)
    carriers.post()
    work_off(carriers.shop.services)
    carriers.edit("rush")
    work_off(carriers.shop.services)
    assert carriers.live() == ["2"]
    carriers.replay()
    assert carriers.live() == ["1"]
    assert owed(carriers.shop.services, state="held") == []
