"""Access that is sold: one session for each paid line, its link kept with the order, paused when that is taken back."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from plugin.sandbox import Fault
from plugin.storage import queries
from tests.destinations.pingnetwork.connected_shop import Ping
from tests.support.running_line import hurry, only, owed, turn, work_off
from tests.support.scripted_vendor import Scripted, answer
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Backend
    from tests.support.shop import Shop

PERSON = "shopify:demo.myshopify.com:7313004880213"
SKUS = {"session_skus": "PDF-GLAZE=de", "customers": "no"}
OPEN = "POST /customer/v2/sessions"
TOPICS = ("orders/create", "orders/updated", "orders/paid")


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def ping(shop: Shop) -> Ping:
    """Return a shop that sells access under one SKU."""
    return Ping.open(shop, **SKUS)


def post(ping: Ping, topic: str, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Deliver a webhook of the one order: a mug, a towel, and the access."""
    assert ping.shop.post(topic, sent(topic.replace("/", "_")) | changes).status_code == 200


def kept(ping: Ping) -> list[dict[str, Any]]:
    """Return what `crossdock shipments` shows of Ping Network, oldest first."""
    return queries.list_shipments(ping.services.database, destination="pingnetwork")[::-1]


def lines_of(*skus: str, topic: str = "orders_paid") -> list[dict[str, Any]]:
    """Return a line of its own for each SKU, none of which is to be shipped."""
    line = sent(topic)["line_items"][2]
    return [line | {"id": 100 + number, "sku": sku} for number, sku in enumerate(skus)]


def test_a_paid_line_opens_a_session_whose_link_is_kept_with_the_order(ping: Ping) -> None:
    """For the buyer's id, in the zone of its SKU; the link stands where a parcel's tracking address does."""
    post(ping, "orders/paid")
    work_off(ping.services)
    (session,), (row,) = ping.sessions(), kept(ping)
    assert [session[name] for name in ("client_id", "zone", "reusable")] == [PERSON, "de", True]
    assert (row["remote_id"], row["state"], row["order_number"]) == (session["id"], "active", "#1042")
    assert row["tracking_url"] == session["configuration_link"]


def test_the_link_stands_in_no_attempt(ping: Ping) -> None:
    """It opens the access to whoever has it; the record of calls does not hold it."""
    post(ping, "orders/paid")
    work_off(ping.services)
    tried = queries.list_attempts(ping.services.database, only(ping.services, action="session")["id"])
    assert tried
    assert "vless://" not in str(tried)


@pytest.mark.parametrize("order", list(itertools.permutations((*TOPICS, "orders/paid"))), ids=" ".join)
def test_one_session_in_whatever_order_the_webhooks_come(ping: Ping, order: Sequence[str]) -> None:
    """Create, update, payment and a repetition of it under another id: access is opened once."""
    for topic in order:
        post(ping, topic)
    work_off(ping.services)
    for topic in order:
        post(ping, topic)
    work_off(ping.services)
    assert len(ping.sessions()) == 1


def test_an_order_that_is_not_paid_opens_nothing(ping: Ping) -> None:
    """It was only authorised."""
    post(ping, "orders/create")
    work_off(ping.services)
    assert (ping.lines(), owed(ping.services, destination="pingnetwork")) == ([], [])


def test_an_order_that_was_paid_at_once_opens_one(ping: Ping) -> None:
    """Whichever topic tells that it is paid."""
    post(ping, "orders/create", financial_status="paid")
    work_off(ping.services)
    assert len(ping.sessions()) == 1


def test_each_line_has_its_own_session_and_zone(ping: Ping) -> None:
    """Two SKUs of the settings and one that they do not name."""
    ping.reconnect(customers="no", session_skus="VPN-DE=de,VPN-US=us-east")
    post(ping, "orders/paid", line_items=lines_of("VPN-DE", "VPN-US", "MUG"))
    work_off(ping.services)
    assert [session["zone"] for session in ping.sessions()] == ["de", "us-east"]
    assert [row["remote_id"] for row in kept(ping)] == [session["id"] for session in ping.sessions()]


def test_a_guest_is_known_by_the_order(ping: Ping) -> None:
    """There is no account that the session could belong to."""
    post(ping, "orders/paid", customer=None)
    work_off(ping.services)
    assert [session["client_id"] for session in ping.sessions()] == ["shopify:demo.myshopify.com:order:5871004320917"]


NONE = {
    "a line that is shipped": ({"session_skus": "MUG-LB=de"}, {}, "to be shipped"),
    "a test order": (SKUS, {"test": True}, "test order"),
}


@pytest.mark.parametrize(("settings", "changes", "words"), NONE.values(), ids=NONE)
def test_what_is_no_sold_access_is_skipped_with_its_reason(
    ping: Ping, settings: dict[str, str], changes: dict[str, Any], words: str
) -> None:
    """It is shown, so that a wrong SKU or a product that ships by mistake is noticed."""
    ping.reconnect(**settings)
    post(ping, "orders/paid", **changes)
    work_off(ping.services)
    found = only(ping.services, action="session")
    assert (found["state"], words in found["reason"], ping.sessions()) == ("skipped", True, [])


TAKEN_BACK = {
    "cancelled": ("orders/cancelled", {}),
    "refunded": ("orders/updated", {"financial_status": "refunded", "updated_at": "2026-11-22T10:00:00Z"}),
}


@pytest.mark.parametrize(("topic", "changes"), TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_the_session_of_an_order_that_is_taken_back_is_paused(ping: Ping, topic: str, changes: dict[str, Any]) -> None:
    """By PATCH, once, and it is shown; a repetition does nothing more."""
    post(ping, "orders/paid")
    work_off(ping.services)
    for _ in range(2):
        post(ping, topic, **changes)
        work_off(ping.services)
    (session,), (row,) = ping.sessions(), kept(ping)
    assert ping.lines() == [OPEN, f"PATCH /customer/v2/sessions/{session['id']}/pause"]
    assert (session["paused"], row["state"]) == (True, "paused")
    assert row["tracking_url"]


def test_every_session_of_the_order_is_paused(ping: Ping) -> None:
    """Three lines, each paused by a step of its own."""
    skus = ("VPN-1", "VPN-2", "VPN-3")
    ping.reconnect(customers="no", session_skus=",".join(f"{sku}=de" for sku in skus))
    post(ping, "orders/paid", line_items=lines_of(*skus))
    work_off(ping.services)
    ping.emulator.faults.add(Fault("reset_after", match="PATCH", every=2), Fault("status", match="PATCH"))
    post(ping, "orders/cancelled", line_items=lines_of(*skus, topic="orders_cancelled"))
    work_off(ping.services)
    assert [session["paused"] for session in ping.sessions()] == [True] * 3
    assert [row["state"] for row in kept(ping)] == ["paused"] * 3


def test_a_part_that_was_refunded_pauses_nothing(ping: Ping) -> None:
    """It may have been the mug; which line it was the order does not tell."""
    post(ping, "orders/paid")
    post(ping, "orders/updated", financial_status="partially_refunded", updated_at="2026-11-22T10:00:00Z")
    work_off(ping.services)
    assert [session["paused"] for session in ping.sessions()] == [False]


def test_a_payment_that_is_told_after_the_cancellation_opens_nothing(ping: Ping) -> None:
    """Webhooks overtake each other."""
    post(ping, "orders/cancelled")
    work_off(ping.services)
    post(ping, "orders/paid")
    work_off(ping.services)
    assert ping.lines() == []


def test_an_order_cancelled_while_its_session_failed_opens_none_later(ping: Ping) -> None:
    """What waits for a vendor that is down is settled by the cancellation."""
    ping.emulator.faults.add(Fault("status", match=OPEN, times=2))
    post(ping, "orders/paid")
    turn(ping.services)
    turn(ping.services)
    post(ping, "orders/cancelled")
    work_off(ping.services)
    assert ping.sessions() == []
    assert {one["state"] for one in owed(ping.services, destination="pingnetwork")} == {"skipped"}


@pytest.mark.parametrize(("choice", "calls"), [("never", 1), ("again", 2)])
def test_a_lost_session_follows_the_operator_s_choice(ping: Ping, choice: str, calls: int) -> None:
    """No list of sessions exists, so it is opened once more or not at all; neither goes on for ever."""
    ping.reconnect(**SKUS, lost_session=choice)
    ping.emulator.faults.add(Fault("reset_after", match=OPEN, times=None))
    post(ping, "orders/paid")
    work_off(ping.services)
    found = only(ping.services, action="session")
    assert (ping.lines(), found["state"]) == ([OPEN] * calls, "failed")
    assert "a session may be open" in found["reason"]


def test_a_lost_session_is_not_opened_by_later_webhooks_or_settings(ping: Ping) -> None:
    """Only a person who replays it does that."""
    ping.emulator.faults.add(Fault("reset_after", match=OPEN))
    post(ping, "orders/paid")
    work_off(ping.services)
    post(ping, "orders/updated")
    ping.reconnect(**SKUS)
    work_off(ping.services)
    assert len(ping.sessions()) == 1


def test_a_lost_answer_to_a_pause_is_repeated(ping: Ping) -> None:
    """Pausing twice does no harm."""
    ping.emulator.faults.add(Fault("reset_after", match="PATCH"), Fault("garbage", match="PATCH"))
    post(ping, "orders/paid")
    work_off(ping.services)
    post(ping, "orders/cancelled")
    work_off(ping.services)
    assert [line.split()[0] for line in ping.lines()] == ["POST", "PATCH", "PATCH", "PATCH"]
    assert only(ping.services, action="pause")["state"] == "done"


def test_a_zone_that_is_not_there_is_held_until_the_settings_name_another(ping: Ping) -> None:
    """The documented 404 of the creation, in the vendor's words."""
    ping.reconnect(customers="no", session_skus="PDF-GLAZE=mars")
    post(ping, "orders/paid")
    work_off(ping.services)
    held = only(ping.services, action="session")
    assert (held["state"], "Zone not found" in held["reason"]) == ("held", True)
    ping.reconnect(**SKUS)
    work_off(ping.services)
    assert [session["zone"] for session in ping.sessions()] == ["de"]


def test_a_session_that_is_gone_needs_no_pause(ping: Ping) -> None:
    """404 to a pause: nothing is left to be paused."""
    post(ping, "orders/paid")
    work_off(ping.services)
    ping.emulator.vendor.reset()
    post(ping, "orders/cancelled")
    work_off(ping.services)
    assert (only(ping.services, action="pause")["state"], kept(ping)[0]["state"]) == ("done", "gone")


@pytest.mark.parametrize("settings", [{"version": "v1"}, {"session_reusable": "no"}], ids=str)
def test_a_session_that_cannot_be_paused_is_left_to_a_person(ping: Ping, settings: dict[str, str]) -> None:
    """Version 1 shows no pause, and version 2 only one of reusable sessions; neither is asked for what it lacks."""
    ping.reconnect(**SKUS, **settings)
    post(ping, "orders/paid")
    work_off(ping.services)
    post(ping, "orders/cancelled")
    work_off(ping.services)
    (session,), held = ping.sessions(), only(ping.services, action="pause")
    assert not session.get("reusable")
    assert (held["state"], session["id"] in held["reason"]) == ("held", True)
    assert [line.split()[0] for line in ping.lines()] == ["POST"]


def test_a_vendor_that_says_it_did_not_pause_is_not_believed_to_have(ping: Ping) -> None:
    """A 200 whose `paused` is false is no pause."""
    session = {"id": "s1", "connection_type": "vless", "zone": "de", "configuration": {}}
    with Scripted(answer(201, session), answer(200, {"session_id": "s1", "paused": False})) as vendor:
        connect(ping.services, ping.shop.store, "pingnetwork", vendor.url, token="t", **SKUS)
        post(ping, "orders/paid")
        work_off(ping.services)
        post(ping, "orders/cancelled")
        work_off(ping.services)
    assert only(ping.services, action="pause")["state"] == "held"


def test_a_session_waits_for_the_record_of_its_buyer(ping: Ping) -> None:
    """All calls about one person go in order, whatever they are about."""
    ping.reconnect(session_skus=SKUS["session_skus"])
    ping.emulator.faults.add(Fault("status", match="POST /v2/customers", times=2))
    ping.tell("create")
    post(ping, "orders/paid")
    for _ in range(4):
        turn(ping.services)
        hurry(ping.services)
    work_off(ping.services)
    assert [line for line in ping.lines() if line.startswith("POST")] == ["POST /v2/customers"] * 3 + [OPEN]
