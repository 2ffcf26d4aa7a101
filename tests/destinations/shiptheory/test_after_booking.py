"""Shiptheory after a booking: cancellations, new addresses, returns, labels, refusals, and what an account offers."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from freezegun import freeze_time
from pypdf import PdfReader

from plugin import destinations
from plugin.destinations.shiptheory import destination
from plugin.operations import replay
from plugin.operations.vendor_query import ask
from plugin.storage import queries, shipment_files
from tests.destinations.shiptheory.connected_shop import ORDER, REFERENCE, Ship
from tests.support.console import crossdock
from tests.support.running_line import events, hurry, owed, work_off
from tests.support.shop import ADDRESS, sent

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from tests.conftest import Backend

REFUNDED = {"financial_status": "refunded", "updated_at": "2026-11-24T20:00:00-06:00", "cancelled_at": None}


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def ship(services: Services, sandbox: Sandbox, app: Flask) -> Ship:
    """Return a shop that books at Shiptheory, and has return labels made."""
    return Ship.open(services, sandbox, app, return_service="200")


def cancel(ship: Ship) -> dict[str, Any]:
    """Cancel the order; return what became of that."""
    ship.order("orders/cancelled")
    return ship.owed("cancel")


def refund(ship: Ship) -> dict[str, Any]:
    """Refund the order; return what became of its return label."""
    ship.order("orders/updated", **REFUNDED)
    return ship.owed("return")


def test_a_cancelled_order_that_is_booked_is_a_problem_for_a_person(ship: Ship) -> None:
    """No cancel exists: held at once, with what to do; a replay looks again, and nothing is ever deleted by us."""
    ship.order()
    found = cancel(ship)
    assert found["state"] == "held"
    assert REFERENCE in found["reason"]
    assert "cancel it with Shiptheory" in found["reason"]
    ship.replay()
    assert (ship.owed("cancel")["state"], ship.live()) == ("held", [REFERENCE])
    assert {one["method"] for one in ship.vendor.requests()} == {"GET", "POST"}


def test_a_problem_ends_when_the_shipment_is_gone(ship: Ship) -> None:
    """Somebody deleted it at Shiptheory: 404, and a replay finds it settled."""
    ship.order()
    cancel(ship)
    ship.control("DELETE", f"/shipments/{REFERENCE}")
    ship.replay()
    assert ship.owed("cancel")["state"] == "done"


def test_a_cancellation_of_what_failed_calls_nothing_off(ship: Ship) -> None:
    """Nothing is booked, so there is no problem; nor is it booked any more."""
    ship.vendor.configure(result="Failed")
    ship.order()
    assert cancel(ship)["state"] == "skipped"
    assert (ship.owed("book")["state"], ship.live()) == ("skipped", [])


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
def test_a_cancellation_while_the_answer_is_lost_is_told(ship: Ship, kind: str) -> None:
    """What may have been booked is found out first: a problem if it was, and never booked if it was not."""
    ship.fault(kind, "POST /v1/shipments")
    ship.post("orders/create", sent("orders_create"))
    ship.until("unknown")
    found = cancel(ship)
    assert (found["state"], ship.live()) == (("held", [REFERENCE]) if kind == "reset_after" else ("skipped", []))


def test_a_cancellation_while_it_waits_for_approval_is_told(ship: Ship) -> None:
    """It could still be approved there by somebody who does not know."""
    ship.vendor.configure(result="Waiting")
    ship.order()
    found = cancel(ship)
    assert found["state"] == "held"
    assert "Waiting" in found["reason"]


def test_a_new_address_after_the_booking_is_a_problem_for_a_person(ship: Ship) -> None:
    """No edit exists: held at once, by name; news of anything else are no problem."""
    ship.order()
    ship.mend(31, note="please hurry")
    assert ship.owed("check")["state"] == "skipped"
    ship.mend(32, shipping_address=sent("orders_create")["shipping_address"] | {"address1": "2 Other Street"})
    held = ship.owed("check")
    assert held["state"] == "held"
    assert f"changed after it was booked as {REFERENCE}" in held["reason"]
    assert ship.live() == [REFERENCE]


def test_other_lines_after_the_booking_are_a_problem_for_a_person(ship: Ship) -> None:
    """What is packed would not be what was bought; gone again with the version that takes the change back."""
    ship.order()
    lines = sent("orders_create")["line_items"]
    ship.mend(31, line_items=[lines[0] | {"quantity": 9, "current_quantity": 9, "fulfillable_quantity": 9}, *lines[1:]])
    found = ship.owed("check")
    assert (found["state"], "the order's lines changed" in found["reason"]) == ("held", True)
    ship.mend(32)
    assert (ship.owed("check")["state"], ship.live()) == ("skipped", [REFERENCE])


@pytest.mark.parametrize(("fulfilled", "state"), [(None, "held"), ("fulfilled", "skipped")])
def test_a_refund_without_a_return_service_is_told_before_it_is_sent(
    ship: Ship, fulfilled: str | None, state: str
) -> None:
    """Nobody waits for the parcel any more, and only a person can stop it; one on its way is nobody's problem."""
    ship.reconnect()
    ship.order()
    ship.order("orders/updated", **REFUNDED, fulfillment_status=fulfilled)
    found = ship.owed("check")
    assert (found["state"], "refunded" in found["reason"]) == (state, state == "held")


@freeze_time("2026-11-24T23:30:00Z", tick=True)
def test_a_refunded_order_gets_a_return_label_that_is_kept(ship: Ship) -> None:
    """It can't be fetched again: its PDF is kept, good for 30 days, once however often the news comes."""
    ship.order()
    assert refund(ship)["state"] == "done"
    ship.post("orders/updated", sent("orders_updated") | REFUNDED)
    work_off(ship.services)
    (made,) = ship.vendor.state()["returns"]
    (kept,) = shipment_files.listed(ship.services.database)
    assert (kept["tracking_number"], kept["order"], kept["remote_id"]) == (made["tracking"], ORDER, REFERENCE)
    assert made["expiry"] == kept["expires_on"] == "2026-12-24"
    (page,) = PdfReader(io.BytesIO(shipment_files.data(ship.services.database, kept["id"]) or b"")).pages
    assert made["tracking"] in page.extract_text()
    assert made["tracking"] in (ship.owed("return")["reason"] or "")


def test_no_return_label_without_a_service_or_a_booking(ship: Ship) -> None:
    """Nothing was sent, so nothing comes back; without the setting nobody asked for labels."""
    assert refund(ship)["state"] == "skipped"
    ship.reconnect()
    replay.replay_deliveries(ship.services.database, [ship.owed("return")["id"]])
    work_off(ship.services)
    assert "no return_service" in ship.owed("return")["reason"]
    assert ship.asked("POST /v1/returns") == 0


@pytest.mark.parametrize(("choice", "made", "state"), [("never", 1, "held"), ("again", 2, "done")])
def test_a_lost_return_label_is_the_operator_s_choice(ship: Ship, choice: str, made: int, state: str) -> None:
    """Every call makes another label, which the carrier may charge."""
    ship.reconnect(return_service="200", lost_return=choice)
    ship.order()
    ship.fault("reset_after", "/v1/returns")
    found = refund(ship)
    assert (len(ship.vendor.state()["returns"]), found["state"]) == (made, state)
    ship.replay()
    assert (ship.owed("return")["state"], len(shipment_files.listed(ship.services.database))) == ("done", 1)


def test_an_answer_without_a_label_is_a_lost_one(ship: Ship) -> None:
    """200 and HTML: nobody knows whether one was made."""
    ship.order()
    ship.fault("garbage", "/v1/returns")
    assert refund(ship)["state"] == "held"


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        ({"return_service": "999"}, {}, "return_service"),
        (
            {"return_service": "200"},
            {"shipping_address": sent("orders_create")["shipping_address"] | {"zip": "V5K 0A1"}},
            "Unable to find a shipment",
        ),
    ],
)
def test_a_refused_return_is_held_with_the_vendor_s_words(
    ship: Ship, settings: dict[str, str], changes: dict[str, Any], words: str
) -> None:
    """Both documented forms of an error: by field and rule, and as a text; neither shows the postcode."""
    ship.reconnect(**settings)
    ship.order()
    ship.order("orders/updated", **REFUNDED | changes)
    found = ship.owed("return")
    assert (found["state"], words in found["reason"]) == ("held", True)
    assert "V5K" not in found["reason"]


@pytest.mark.parametrize("days", ["0", "31", "x", ""])
def test_a_return_label_never_lives_longer_than_the_vendor_allows(days: str) -> None:
    """30 days ahead at most: a setting beyond them is refused when it is given."""
    (setting,) = [one for one in destinations.get("shiptheory").needs if one.key == "return_days"]
    with pytest.raises(ValueError, match="from 1 to 30"):
        setting.check(days)


def test_a_label_is_a_file_that_opens(ship: Ship, environment: dict[str, str], tmp_path: Path) -> None:
    """`crossdock shipments label ID -o x.pdf`, read again from the vendor; another form is told not to exist."""
    ship.order()
    (known,) = queries.list_shipments(ship.services.database)
    path = tmp_path / "x.pdf"
    ran = crossdock(environment, "shipments", "label", str(known["id"]), "-o", str(path))
    assert ran.status == 0, ran.err
    (page,) = PdfReader(path).pages
    assert REFERENCE in page.extract_text()
    wrong = crossdock(environment, "shipments", "label", str(known["id"]), "--format", "zpl", "-o", str(path))
    assert "pdf only" in wrong.complaint


def test_a_paper_is_listed_and_saved(ship: Ship, environment: dict[str, str], tmp_path: Path) -> None:
    """`crossdock papers`, and `crossdock papers ID -o x.pdf`; an id that is not there is told."""
    ship.order()
    refund(ship)
    (row,) = crossdock(environment, "papers", "--json").json
    path = tmp_path / "return.pdf"
    assert crossdock(environment, "papers", str(row["id"]), "-o", str(path)).status == 0
    assert len(PdfReader(path).pages) == 1
    assert "crossdock papers" in crossdock(environment, "papers", "77", "-o", str(path)).complaint


def test_services_and_sizes_are_listed_for_choosing(ship: Ship, environment: dict[str, str]) -> None:
    """Ids of services, with the increments of each, of return services and of package sizes."""
    found = crossdock(environment, "services", "shiptheory", "--store", ship.store.id, "--json").json
    assert {"carrier": "DPD", "service": "Parcel - Next Day", "id": "39", "increments": "1, 2"} in found[
        "delivery_services"
    ]
    assert {"carrier": "Royal Mail", "service": "Tracked 24 Returns", "id": "200"} in found["return_services"]
    assert [one["id"] for one in found["package_sizes"]] == [11110, 11120, 11130]
    shown = crossdock(environment, "services", "shiptheory", "--store", ship.store.id)
    assert "Parcel - Next Day" in shown.out
    other = crossdock(environment, "services", "chrts", "--store", ship.store.id)
    assert "nothing to choose from" in other.complaint
    unknown = ship.services.stores.add("shopify", "other.myshopify.com", {"secret": "s"}, None).id
    assert "not connected" in crossdock(environment, "services", "shiptheory", "--store", unknown).complaint


def test_package_sizes_are_read_page_by_page(ship: Ship, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pagination block tells whether another one follows; a page past the end is a 404, and nothing."""
    monkeypatch.setattr("plugin.destinations.shiptheory.offers._LARGEST_PAGE", "2")
    (sizes,) = (one for one in destination.listings if one.name == "package sizes")
    calls = [sizes.call(ship.connection.values, page) for page in (1, 2, 3)]
    read = [sizes.read(ask(ship.services, ship.connection, call)) for call in calls]
    assert [(len(rows), more) for rows, more in read] == [(2, True), (1, False), (0, False)]


REFUSALS: dict[str, dict[str, Any]] = {
    "400": {"status": 400},
    "405": {"status": 405},
    "406": {"status": 406},
    "422": {"status": 422},
}


@pytest.mark.parametrize("wrong", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_booking_fails_with_its_words(ship: Ship, wrong: dict[str, Any]) -> None:
    """Every documented 4xx that is not about credentials: not repeated, in the vendor's words."""
    ship.fault("status", "POST /v1/shipments", times=None, **wrong)
    found = ship.order()
    assert (found["state"], ship.asked("POST /v1/shipments"), ship.live()) == ("failed", 1, [])
    assert f"Injected {wrong['status']}" in found["reason"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_validation_error_names_its_field_whatever_its_code(ship: Ship, status: int) -> None:
    """`{"error": {field: {rule: text}}}`, whose code is documented nowhere; nothing personal is kept of it."""
    ship.vendor.configure(validation_status=status)
    ship.reconnect(
        sender_country="GB",
        sender_firstname="J",
        sender_lastname="B",
        sender_city="Bath",
        sender_postcode="B",
        sender_address_line_1="x" * 300,
    )
    found = ship.order()
    assert found["state"] == "failed"
    assert "sender.address_line_1" in found["reason"]


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_at_the_vendor_is_looked_up_before_it_is_sent_again(ship: Ship, status: int) -> None:
    """It may have booked all the same."""
    ship.fault("status", "POST /v1/shipments", status=status)
    assert (ship.order()["state"], ship.asked("POST /v1/shipments"), ship.live()) == ("done", 2, [REFERENCE])


def test_a_403_pauses_the_connection(ship: Ship) -> None:
    """`You do not have access to the requested resource`: nothing else would be allowed either."""
    ship.vendor.configure(forbidden=True)
    ship.order()
    (paused,) = ship.services.stores.connections()
    assert (paused.state, ship.asked("POST /v1/shipments")) == ("paused", 1)


def test_a_429_without_a_time_closes_the_lane(ship: Ship) -> None:
    """No `Retry-After` is documented: ten seconds for everybody, no attempt spent."""
    ship.fault("status", "POST /v1/shipments", status=429)
    ship.post("orders/create", sent("orders_create"))
    ship.until("waiting")
    lane, limits = ship.connection.lane, destinations.get("shiptheory").limits
    block = ship.services.limiter.use({lane: limits})[lane].block
    assert timedelta(seconds=8) < block <= timedelta(seconds=10)
    assert ship.owed("book")["attempts"] == 0


def test_a_label_that_never_comes_is_told(ship: Ship) -> None:
    """After an hour somebody has to look; the booking itself stays done."""
    ship.vendor.configure(label_looks=10_000)
    ship.post("orders/create", sent("orders_create"))
    while not owed(ship.services, action="label"):
        ship.until("done")
        hurry(ship.services)
    with freeze_time(datetime.now(UTC) + timedelta(hours=2), tick=True):
        work_off(ship.services)
    assert (ship.owed("label")["state"], ship.owed("book")["state"]) == ("held", "done")


def test_a_privacy_request_takes_histories_and_papers(ship: Ship) -> None:
    """Both name the buyer; what was booked, its number and its tracking stay."""
    ship.order()
    refund(ship)
    ship.post("customers/redact", sent("customers_redact") | {"shop_domain": ADDRESS, "orders_to_redact": [int(ORDER)]})
    work_off(ship.services)
    assert events(ship.services)[-1]["state"] == "routed"
    assert shipment_files.listed(ship.services.database) == []
    (known,) = queries.list_shipments(ship.services.database)
    assert (known["messages"], known["remote_id"]) == ([], REFERENCE)


def test_a_connection_needs_credentials_of_one_kind(ship: Ship, environment: dict[str, str]) -> None:
    """E-mail and password, or a token; half of it is told, and what does nothing is noted."""
    refused = crossdock(environment, "connect", "shiptheory", "--store", ship.store.id, "--set", "email=a@example.com")
    assert "email and password, or token" in refused.complaint
    noted = crossdock(
        environment,
        "connect",
        "shiptheory",
        "--store",
        ship.store.id,
        "--json",
        *("--set", "token=t", "--set", "increment=2", "--set", "sender_city=Bath"),
    )
    assert noted.status == 0
    assert "only work with delivery_service" in noted.err
    assert "sender_firstname" in noted.err
    assert json.loads(noted.out)["destination"] == "shiptheory"
