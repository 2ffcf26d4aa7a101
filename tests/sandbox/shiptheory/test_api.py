"""Who may call the Shiptheory emulator, and how it lists (docs/vendors/shiptheory.md §1, §2, §8, §9 and §10)."""

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from plugin.sandbox import Sandbox
from tests.sandbox.shiptheory.client import BOOKING, HEADERS, Company


@pytest.fixture
def company(sandbox: Sandbox) -> Iterator[Company]:
    """Yield an account, with the vendor's limit off."""
    sandbox.emulators["shiptheory"].window.set(None)
    made = Company(sandbox)
    yield made
    made.session.close()


def test_logging_in_gives_a_token_for_sixty_minutes(company: Company) -> None:
    """In `data.token`; several live at once, `Bearer` in either case, and one that ended is 401."""
    again = Company(company.sandbox)
    assert {one.call("GET", "/services").status_code for one in (company, again)} == {200}
    lower = str(again.session.headers["Authorization"]).replace("Bearer", "bearer")
    assert company.call("GET", "/services", headers={"Authorization": lower}).status_code == 200
    company.control("POST", "/expire")
    refused = company.call("GET", "/services")
    assert (refused.status_code, refused.json()["code"], refused.json()["url"]) == (401, 401, "/v1/services")


@pytest.mark.parametrize("authorization", ["", "token", "Bearer ", "Basic abc", "Bearer sandbox.made-up"])
def test_anything_else_is_401(company: Company, authorization: str) -> None:
    """No scheme, no token, a token that was never made."""
    assert company.call("GET", "/services", headers={"Authorization": authorization}).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@example.com"}, {"email": 1, "password": "x"}, {"email": "", "password": ""}]
)
def test_a_login_needs_both_parts(company: Company, body: dict[str, Any]) -> None:
    """Half of the credentials is 401."""
    assert company.call("POST", "/token", json=body).status_code == 401


def test_configured_accounts_and_permanent_tokens_are_the_only_ones(company: Company) -> None:
    """With accounts set they decide; a permanent token opens the account that it was made for."""
    company.sandbox.emulators["shiptheory"].configure(
        accounts={"a@example.com": "right"}, tokens={"made-by-hand": "a@example.com"}
    )
    for password, status in (("wrong", 401), ("right", 200)):
        body = {"email": "a@example.com", "password": password}
        assert company.call("POST", "/token", json=body).status_code == status
    for token, status in (("made-by-hand", 200), ("another", 401)):
        assert company.call("GET", "/services", headers={"Authorization": f"Bearer {token}"}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "text/html"}, 406),
        ({"Accept": ""}, 406),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 400),
    ],
)
def test_json_is_asked_for_on_every_call(company: Company, headers: dict[str, str], status: int) -> None:
    """Both headers, also on a GET: 406 for another format."""
    assert company.call("GET", "/services", headers=headers).status_code == status


def test_a_partner_tag_can_be_required(company: Company) -> None:
    """On all calls, as the documentation says; leaving it out is 403 here, which is our choice."""
    company.sandbox.emulators["shiptheory"].configure(partner_tag_required=True)
    assert company.call("GET", "/services").status_code == 403
    tagged = {"Shiptheory-Partner-Tag": "ExamplePartner1"}
    assert company.call("GET", "/services", headers=tagged).status_code == 200


def test_a_resource_can_be_forbidden(company: Company) -> None:
    """403 in the documented form."""
    company.sandbox.emulators["shiptheory"].configure(forbidden=True)
    said = company.call("GET", "/services").json()
    assert said == {"message": "You do not have access to the requested resource", "url": "/v1/services", "code": 403}


def test_one_a_second(sandbox: Sandbox) -> None:
    """Beyond it 429; a login counts, another account does not."""
    began = time.monotonic()
    body = {"email": "a@example.com", "password": "p"}
    statuses = [
        requests.post(
            f"{sandbox.base_url}/v1/token", json=body | {"email": email}, headers=HEADERS, timeout=5
        ).status_code
        for email in ("a@example.com", "a@example.com", "b@example.com")
    ]
    assert time.monotonic() - began < 1
    assert statuses == [200, 429, 200]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed_or_cancelled(company: Company, method: str) -> None:
    """405 for every other method of a shipment."""
    company.book()
    assert company.call(method, "/shipments/S1234", json={}).status_code == 405
    assert company.call("GET", "/shipments/S1234").status_code == 200


def test_what_nobody_booked_is_404(company: Company) -> None:
    """A reference that was never used, whose case counts here, and another account's."""
    company.book()
    for reference in ("S9", "s1234"):
        assert company.call("GET", f"/shipments/{reference}").json()["code"] == 404
    assert Company(company.sandbox, "other@example.com").call("GET", "/shipments/S1234").status_code == 404


def test_lists_are_filtered_sorted_and_paged(company: Company) -> None:
    """By our references and by its own words for the rest; a page past the end is 404."""
    for number in range(3):
        company.book(reference=f"S{number}", reference2=f"O{number % 2}")
    found = company.call("GET", "/shipments/list", params={"channel_reference_id_2": "O0", "limit": 1}).json()
    assert [one["channel_reference_id"] for one in found["shipments"]] == ["S0"]
    assert found["pagination"] == {"page": 1, "pages": 2, "results": 2, "results_per_page": 1, "limit": 1}
    assert company.call("GET", "/shipments/list", params={"page": 2}).status_code == 404
    assert company.call("GET", "/shipments/list", params={"channel_reference_id_2": "none"}).status_code == 404
    for name, value in {
        "Countries.code": "GBR",
        "Couriers.couriername": "DPD",
        "DeliveryAddress.postcode": "BS2 3AP",
    }.items():
        assert len(company.call("GET", "/shipments/list", params={name: value}).json()["shipments"]) == 3


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 101},
        {"page": 0},
        {"sort": "status"},
        {"direction": "up"},
        {"status": "complete"},
        {"x": 1},
        {"created": "y"},
    ],
)
def test_a_wrong_query_is_400(company: Company, params: dict[str, Any]) -> None:
    """Out of range, of another case, unknown."""
    company.book()
    assert company.call("GET", "/shipments/list", params=params).status_code == 400


def test_a_search_needs_its_window(company: Company) -> None:
    """Both days, within the setting's number of them; products only if asked for, their numbers as text."""
    company.book()
    today = datetime.now(UTC).date()
    window = {"created_from": today.isoformat(), "created_to": today.isoformat()}
    (one,) = company.call("GET", "/shipments/search", params=window | {"include_products": 1}).json()["shipments"]
    assert (one["products"][0]["value"], one["delivery_address"]["country"]["code"]) == ("49.99", "GBR")
    assert "products" not in company.call("GET", "/shipments/search", params=window).json()["shipments"][0]
    company.sandbox.emulators["shiptheory"].configure(search_days=31)
    wide = window | {"created_from": (today - timedelta(days=40)).isoformat()}
    for wrong in (wide, {"created_from": today.isoformat()}):
        assert company.call("GET", "/shipments/search", params=wrong).status_code == 400


def test_services_and_sizes_have_their_documented_types(company: Company) -> None:
    """Ids are text for services, numbers for return services and sizes; sizes have pages."""
    services = company.call("GET", "/services").json()["delivery_services"]
    assert services["DPD"]["Parcel - Next Day"] == {"id": "39", "courier_increment_ids": ["1", "2"]}
    assert company.call("GET", "/services/incoming").json()["return_services"]["Royal Mail"][0]["id"] == 200
    sizes = company.call("GET", "/packages/sizes", params={"limit": 2, "sort": "id", "direction": "desc"}).json()
    assert ([one["id"] for one in sizes["package_sizes"]], sizes["pagination"]["pages"]) == ([11130, 11120], 2)
    assert company.call("GET", "/packages/sizes", params={"page": 9}).status_code == 404


def return_of(company: Company, **changes: Any) -> requests.Response:  # noqa: ANN401 - any JSON value
    """Ask for a return label."""
    expiry = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    usual = {"outgoing_reference": "S1234", "delivery_postcode": "BS2 3AP", "return_service": 200, "expiry": expiry}
    return company.call("POST", "/returns", json=usual | changes)


def test_every_return_is_another_label(company: Company) -> None:
    """Not stored with the shipment, whose history tells of it."""
    company.book()
    first, second = return_of(company).json(), return_of(company, anything="else").json()
    assert first["tracking"] != second["tracking"]
    assert base64.b64decode(first["label"]).startswith(b"%PDF-")
    shown = company.call("GET", "/shipments/S1234").json()
    assert shown["label"] not in (first["label"], second["label"])
    assert sum("Return label" in one["message"] for one in shown["messages"]) == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"expiry": "2099-01-01"},
            {
                "expiry": {
                    "expiry_length": "Your returns label expiry is not allowed. The label must expire within 30 days"
                }
            },
        ),
        (
            {"delivery_postcode": "bs1 x2w"},
            "Unable to find a shipment with the reference 'S1234' and postcode 'bs1 x2w'",
        ),
        ({"return_service": 1}, {"return_service": {"exists": "This return service does not exist"}}),
        ({"expiry": "tomorrow"}, {"expiry": {"invalid": "must be YYYY-MM-DD"}}),
    ],
)
def test_a_wrong_return_is_refused_in_its_documented_form(
    company: Company, changes: dict[str, Any], error: object
) -> None:
    """By field and rule, or as a text."""
    company.book()
    refused = return_of(company, **changes)
    assert refused.status_code in (400, 404)
    assert refused.json() == {"error": error}


def test_state_shows_what_happened_and_reset_forgets_it(company: Company) -> None:
    """What a test looks at, without passwords."""
    company.book()
    emulator = company.sandbox.emulators["shiptheory"]
    assert (len(emulator.state()["shipments"]), emulator.state()["logins"]) == (1, 1)
    assert "accounts" not in emulator.configure(accounts={"a": "secret"})
    emulator.reset()
    assert emulator.state() == {"shipments": [], "logins": 0, "returns": [], "catalogue": {}}


def test_only_known_statuses_are_come_to(company: Company) -> None:
    """The control that moves a shipment knows the vendor's words, and no others."""
    company.book()
    assert company.control("POST", "/shipments/S1234", {"status": "Archived"}).status_code == 200
    assert company.control("POST", "/shipments/S1234", {"status": "archived"}).status_code == 400
    assert company.control("POST", "/shipments/other", {"status": "Failed"}).status_code == 404
    assert BOOKING["reference"] == "S1234"
