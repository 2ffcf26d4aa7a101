"""Chit Chats where money is spent: postage is bought once, step by step, and problems go to a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from plugin.routing.route import route_due
from plugin.storage import queries
from plugin.storage.tables import deliveries, shipments
from tests.destinations.chitchats.connected_shop import (
    BUYING,
    advance,
    configure,
    fault,
    left,
    order,
    purchases,
    replay,
)
from tests.support.deliveries import begin
from tests.support.running_line import hurry, only, owed, turn, work_off

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def test_each_step_of_a_purchase_survives_a_restart(shop: Shop) -> None:
    """Book, buy, wait and label, each by a worker that was started for it: one postage, one label, one number."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    seen: list[tuple[str, ...]] = []
    while not [one for one in owed(shop.services, action="label") if one["state"] == "done"]:
        hurry(shop.services)
        turn(shop.services)
        seen.append(tuple(one["action"] for one in owed(shop.services, destination="chitchats")))
    steps = ("book", "buy", "wait", "poll", "label", "track")
    assert list(dict.fromkeys(seen)) == [steps[:2], steps[:4], steps]
    assert (len(shop.booked()), purchases(shop)) == (1, 1)
    (known,) = queries.list_shipments(shop.services.database)
    assert (known["state"], known["label_formats"]) == ("ready", ["pdf", "png", "zpl"])
    assert known["tracking_number"] == shop.booked()[0]["carrier_tracking_code"]
    assert known["cost"].endswith(" CAD")


@pytest.mark.parametrize("action", ["book", "buy", "wait", "label"])
def test_a_worker_that_dies_with_a_step_in_hand_doubles_nothing(shop: Shop, action: str) -> None:
    """The intent was committed and nobody knows whether it was sent: the next worker finds out."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    route_due(shop.services)
    while not [one for one in owed(shop.services, action=action) if one["state"] == "waiting"]:
        hurry(shop.services)
        turn(shop.services)
    hurry(shop.services)
    lane = shop.chitchats.lane
    (leased,) = [one for one in shop.services.ledger.lease(lane, 9) if one.action == action]
    assert (leased.action, begin(shop.services, [(leased, True)])) == (action, {leased.id})
    with shop.services.database.write() as db:
        db.execute(update(deliveries).values(leased_until=datetime.now(UTC) - timedelta(seconds=1)))
    work_off(shop.services)
    assert (len(shop.booked()), purchases(shop), only(shop.services, action="label")["state"]) == (1, 1, "done")


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "timeout_after", "garbage", "cut", "empty", "status"])
def test_postage_is_paid_once_whatever_becomes_of_the_answer(
    shop: Shop, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost answer to a purchase is looked up on the shipment before anything is bought."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.4)
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    fault(shop, kind, "/buy", seconds=1.0)
    order(shop)
    work_off(shop.services)
    assert (purchases(shop), only(shop.services, action="label")["state"]) == (1, "done")


@pytest.mark.parametrize("low_credit", ["failed", "refused"])
def test_a_purchase_that_fails_is_held_for_a_person(shop: Shop, low_credit: str) -> None:
    """Too few credits: the booking stands, nothing was paid, and the reason says what to look at."""
    configure(shop, buy_seconds=0.0, credits="0.01", low_credit=low_credit)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    (held,) = owed(shop.services, state="held")
    assert held["action"] == ("wait" if low_credit == "failed" else "buy")
    assert "credit" in held["reason"].lower()
    assert (len(shop.booked()), purchases(shop)) == (1, 0)


@pytest.mark.parametrize("low_credit", ["failed", "refused"])
def test_a_failed_purchase_is_made_again_by_a_replay(shop: Shop, low_credit: str) -> None:
    """Once the account has credits, one `replay` of what was held buys the postage."""
    configure(shop, buy_seconds=0.0, credits="0.01", low_credit=low_credit)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    configure(shop, credits="1000.00")
    replay(shop)
    assert (purchases(shop), only(shop.services, action="label")["state"]) == (1, "done")


@pytest.mark.parametrize("low_credit", ["failed", "refused"])
def test_a_draft_whose_purchase_failed_is_deleted_when_the_order_is_cancelled(shop: Shop, low_credit: str) -> None:
    """Nothing was paid, so there is nothing to refund."""
    configure(shop, buy_seconds=0.0, credits="0.01", low_credit=low_credit)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert (shop.booked(), only(shop.services, action="cancel")["state"]) == ([], "done")


def test_a_cancellation_after_the_purchase_is_refunded(shop: Shop) -> None:
    """The vendor is still busy with the purchase ("try again"), so it is asked again: one refund, nothing left."""
    configure(shop, buy_seconds=0.0, refund_wait_seconds=0.1)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert only(shop.services, action="cancel")["state"] == "done"
    assert ([one["status"] for one in shop.booked()], left(shop)) == (["voided"], "1000.00")


def test_a_cancellation_of_a_parcel_on_its_way_is_held_for_a_person(shop: Shop) -> None:
    """It can't be taken back any more; the reason names the shipment."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    advance(shop, "received")
    order(shop, "orders/cancelled")
    work_off(shop.services)
    found = only(shop.services, action="cancel")
    assert (found["state"], len(shop.booked())) == ("held", 1)
    assert shop.booked()[0]["id"] in found["reason"]


def test_a_parcel_is_watched_until_it_is_delivered(shop: Shop) -> None:
    """Its state is read now and then, and no longer once it has arrived."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    for status in ("received", "delivered"):
        advance(shop, status)
        hurry(shop.services, watched=True)
        turn(shop.services)
        assert queries.list_shipments(shop.services.database)[0]["state"] == status
    hurry(shop.services, watched=True)
    turn(shop.services)
    assert only(shop.services, destination="chitchats", action="track")["state"] == "skipped"


@pytest.mark.parametrize(("days", "state"), [(59, "waiting"), (61, "skipped")])
def test_a_parcel_that_nobody_scans_is_watched_for_sixty_days(shop: Shop, days: int, state: str) -> None:
    """Chit Chats archives it then, so there is no more news to come."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", **BUYING)
    order(shop)
    work_off(shop.services)
    with shop.services.database.write() as db:
        db.execute(update(shipments).values(created_at=datetime.now(UTC) - timedelta(days=days)))
    hurry(shop.services, watched=True)
    turn(shop.services)
    assert only(shop.services, destination="chitchats", action="track")["state"] == state
