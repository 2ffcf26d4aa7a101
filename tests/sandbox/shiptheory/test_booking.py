"""What the Shiptheory emulator takes as a booking, and what its 200 says (docs/vendors/shiptheory.md §3 to §7)."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from pypdf import PdfReader

from plugin.sandbox import Sandbox
from plugin.sandbox.shiptheory.rules import check_booking
from tests.sandbox.shiptheory.client import BOOKING, Company

SENDER = {
    "firstname": "Julian",
    "lastname": "Bashir",
    "address_line_1": "65 Horfield Retail Park",
    "city": "Bath",
    "postcode": "BA1 2JW",
    "country": "GB",
}


@pytest.fixture
def company(sandbox: Sandbox) -> Iterator[Company]:
    """Yield an account, with the vendor's limit off."""
    sandbox.emulators["shiptheory"].window.set(None)
    made = Company(sandbox)
    yield made
    made.session.close()


def configure(company: Company, **settings: object) -> None:
    """Change the vendor's settings."""
    company.sandbox.emulators["shiptheory"].configure(**settings)


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the example with one field changed, or taken out when the value is `...`."""
    part, _, name = path.rpartition(".")
    inner = dict(BOOKING.get(part, {})) if part not in ("", "products", "packages") else None
    if inner is None and part:
        return {part: [{**one, name: value} for one in BOOKING.get(part, [{}])]}
    target = dict(BOOKING) if inner is None else inner
    target[name] = value
    if value is ...:
        del target[name]
    return target if inner is None else {part: inner}


def test_a_booking_is_complete_with_its_carrier(company: Company) -> None:
    """The documented answer, without a label; the look has it, as a PDF that opens, with the history."""
    answer = company.book().json()
    assert (answer["success"], answer["status"], answer["carrier_result"]["status"]) == (True, "Complete", "success")
    tracking = answer["carrier_result"]["tracking"]
    assert answer["message"] == f"DPD tracking reference received: {tracking}"
    shown = company.call("GET", "/shipments/S1234").json()
    assert (shown["shipment"]["channel_reference_id_2"], shown["shipment"]["tracking_number"]) == (
        "ORDER1001",
        tracking,
    )
    assert shown["label"].startswith("JVBERi0x")
    (page,) = PdfReader(io.BytesIO(base64.b64decode(shown["label"]))).pages
    assert tracking in page.extract_text()
    assert [one["type"] for one in shown["messages"]] == ["info", "success"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("reference", "S" * 26),
        ("reference", ""),
        ("reference", ...),
        ("reference2", ...),
        ("shipment_detail.weight", ...),
        ("shipment_detail.weight", 0),
        ("shipment_detail.weight", "2.5"),
        ("shipment_detail.weight", 0.0005),
        ("shipment_detail.parcels", 1.5),
        ("shipment_detail.parcels", 0),
        ("shipment_detail.value", -1),
        ("shipment_detail.value", 1.005),
        ("shipment_detail.currency_code", "gbp"),
        ("shipment_detail.ship_date", "20-04-2021"),
        ("shipment_detail.rules_metadata", "x" * 51),
        ("shipment_detail.duty_tax_number", "IM1"),
        ("shipment_detail.sales_source", "shopify"),
        ("shipment_detail.enhancement_id", 3),
        ("recipient.firstname", ...),
        ("recipient.lastname", " "),
        ("recipient.address_line_1", ...),
        ("recipient.city", ...),
        ("recipient.postcode", ...),
        ("recipient.country", "GBR"),
        ("recipient.country", "gb"),
        ("recipient.what3words", "what.three.words"),
        ("recipient.tax_numbers", [{"tax_number": "GB1"}]),
        ("recipient.tax_numbers", [{"tax_number": "GB1", "tax_number_type": "TIN"}]),
        ("recipient.name", "William Riker"),
        ("sender", {"address_line_1": "65 Horfield Retail Park"}),
        ("sender", "me"),
        ("products.sku", ""),
        ("products.sku", "x" * 101),
        ("products.name", "x" * 256),
        ("products.weight", None),
        ("products.value", "49.99"),
        ("products.mid_code", "x" * 26),
        ("packages", [{"id": 11120, "weight": 10.555}]),
        ("packages", [{"weight": 10}]),
        ("increment", 2),
        ("mark_for_approval", True),
        ("tags", ["1"]),
        ("recipients", {}),
    ],
)
def test_what_the_documents_say_is_wrong_is_refused_by_name(company: Company, path: str, value: object) -> None:
    """400 in the form of other validation errors, the field named; nothing is stored, so its reference is free."""
    refused = company.call(
        "POST",
        "/shipments",
        json={**BOOKING, **changed(path, value)} if value is not ... or "." in path else changed(path, value),
    )
    assert refused.status_code == 400
    (field,) = refused.json()["error"]
    name = path.partition(".")[2] or path
    assert field.split(".")[0] in path or name in field
    assert company.book().json()["status"] == "Complete"


@pytest.mark.parametrize(
    "more",
    [
        {"sender": SENDER},
        {"delivery_service": "39", "increment": "2"},
        {"delivery_service": 39, "increment": 2, "tags": [1, 2]},
        {"packages": [{"id": 11120, "weight": 10.39}]},
        {"products": []},
        {"shipment_detail": BOOKING["shipment_detail"] | {"duty_tax_number": "IM1", "duty_tax_number_type": "IOSS"}},
        {"recipient": BOOKING["recipient"] | {"tax_numbers": [{"tax_number": "GB1", "tax_number_type": "VAT"}]}},
    ],
)
def test_what_the_documents_offer_is_taken(company: Company, more: dict[str, Any]) -> None:
    """Every optional part in its documented form."""
    assert company.book(**more).json()["status"] == "Complete"


@pytest.mark.parametrize(("empty", "nothing"), [("null", None), ("text", "")])
def test_a_used_reference_is_answered_with_nothing(company: Company, empty: str, nothing: object) -> None:
    """Success, and empty parts; no second shipment, not even when the first was deleted."""
    configure(company, empty=empty)
    company.book()
    again = {"success": True, "carrier_result": nothing, "message": nothing}
    assert company.book(reference2="other").json() == again
    company.control("DELETE", "/shipments/S1234")
    assert company.book().json() == again


@pytest.mark.parametrize("increment", [{"increment": 7}, {}])
def test_an_unknown_increment_is_a_success_that_booked_nothing(company: Company, increment: dict[str, int]) -> None:
    """`Unable to load your … carrier settings`, also when the default, 1, is none of the account's."""
    answer = company.book(delivery_service="41", **increment).json()
    assert answer == {"success": True, "message": "Unable to load your Royal mail carrier settings"}
    assert company.call("GET", "/shipments/S1234").status_code == 404


def test_without_a_service_the_rules_decide(company: Company) -> None:
    """Also with one that does not exist: `Ignored` when none fits."""
    configure(company, rules="none")
    for number, service in enumerate(({}, {"delivery_service": "999"})):
        answer = company.book(reference=f"S{number}", **service).json()
        assert (answer["success"], answer["status"], answer["carrier_result"]) == (True, "Ignored", None)
    assert company.book(delivery_service="39").json()["status"] == "Complete"


@pytest.mark.parametrize("result", ["Failed", "Waiting", "Queued", "PROCESSING", "Ready", "Not Ready", "Print Error"])
def test_other_results_are_successes_too(company: Company, result: str) -> None:
    """No carrier's answer in any of them; why it failed, the history alone says."""
    configure(company, result=result)
    answer = company.book().json()
    assert (answer["success"], answer["status"], answer["carrier_result"]) == (True, result, None)
    shown = company.call("GET", "/shipments/S1234").json()
    assert ("error" in [one["type"] for one in shown["messages"]]) == (result == "Failed")
    assert "label" not in shown


def test_approval_waits(company: Company) -> None:
    """`mark_for_approval` with a service: `Waiting`, and complete once somebody approves."""
    assert company.book(delivery_service="39", mark_for_approval=True).json()["status"] == "Waiting"
    company.control("POST", "/shipments/S1234", {"status": "Complete"})
    assert "label" in company.call("GET", "/shipments/S1234").json()


def test_the_catalogue_is_overwritten(company: Company) -> None:
    """The side effect of sending products."""
    company.book()
    company.book(reference="S2", products=[BOOKING["products"][0] | {"name": "Other"}])
    assert company.sandbox.emulators["shiptheory"].state()["catalogue"]["earlgrey"]["name"] == "Other"


def test_the_documented_example_is_right() -> None:
    """The rules take what the documentation shows."""
    assert check_booking(BOOKING) == {}
