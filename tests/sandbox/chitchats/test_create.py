"""What the Chit Chats emulator takes for a shipment, and what it makes of it.

See docs/vendors/chitchats.md §4, §5, §11 and §12.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.conftest import MINIMAL, Api, create

ITEM = {"quantity": 1, "description": "Bracelet", "value_amount": "84.49", "currency_code": "usd"}
GERMANY = {"country_code": "DE", "province_code": "", "postal_code": "10115", "postage_type": "unknown"}
OHIO = {"country_code": "US", "province_code": "OH", "postal_code": "45410", "postage_type": "unknown"}
CLEARED = {
    **ITEM,
    "hs_tariff_code": "7113.19",
    "origin_country": "CA",
    "manufacturer_contact": "Jane Doe",
    "manufacturer_street": "1 Main St",
    "manufacturer_city": "Vancouver",
    "manufacturer_country_code": "CA",
}


def refused(api: Api, **changes: Any) -> str:  # noqa: ANN401 - any JSON value
    """Send a shipment that must be refused; return the message."""
    response = api.call("POST", "/shipments", json={**MINIMAL, **changes})
    assert response.status_code == 400, response.text
    message: str = response.json()["error"]["message"]
    return message


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"value": NaN}'])
def test_a_body_is_a_json_object(chitchats: Api, body: bytes) -> None:
    """Broken JSON, another type and NaN are 400."""
    response = chitchats.call("POST", "/shipments", data=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400


def test_created_is_201_with_the_whole_object(chitchats: Api) -> None:
    """Location, wrapper, `to_` names, upper-case currency, rates, events, no label yet."""
    response = chitchats.call("POST", "/shipments", json={**MINIMAL, "order_id": "A-1"})
    shipment = response.json()["shipment"]
    assert urlsplit(response.headers["Location"]).path == f"{chitchats.root}/shipments/{shipment['id'].lower()}"
    assert shipment["id"].isalnum()
    assert len(shipment["id"]) == 10
    assert (shipment["status"], shipment["to_name"], shipment["value_currency"]) == ("unpaid", "Jane Doe", "USD")
    assert shipment["rates"][0]["postage_type"] == shipment["postage_type"]
    assert [event["type"] for event in shipment["tracking_events"]] == ["create_shipment"]
    assert shipment["postage_label_png_url"] is shipment["carrier_tracking_code"] is None
    assert shipment["order_id"] == "A-1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("address_1", 7),
        ("city", "x" * 256),
        ("country_code", "Canada"),
        ("country_code", "UK"),
        ("province_code", "British Columbia"),
        ("postal_code", ""),
        ("postal_code", "90210"),
        ("description", None),
        ("value", "84,99"),
        ("value", -1),
        ("value", "1.234"),
        ("value_currency", "eur"),
        ("package_type", "box"),
        ("package_contents", "bracelets"),
        ("weight", 0),
        ("weight", True),
        ("weight_unit", "lbs"),
        ("size_x", "ten"),
        ("size_unit", "mm"),
        ("ship_date", "tomorrow"),
        ("ship_date", "2020-01-01"),
        ("order_store", "saleor"),
        ("insurance_requested", "yes"),
        ("cheapest_postage_type_requested", "yes"),
        ("tracking_number", "1Z999"),
        ("line_items", {}),
        ("return_province_code", "BC"),
        ("wieght", 1),
    ],
)
def test_a_wrong_field_is_400_and_named(chitchats: Api, field: str, value: object) -> None:
    """The message names the field."""
    assert field in refused(chitchats, **{field: value})


@pytest.mark.parametrize("field", ["name", "address_1", "city", "country_code", "description", "value", "package_type"])
def test_a_missing_field_is_400_and_named(chitchats: Api, field: str) -> None:
    """Required means required."""
    body = {name: value for name, value in MINIMAL.items() if name != field}
    response = chitchats.call("POST", "/shipments", json=body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, f"{field} is required")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"value_amount": 84.49}, "value_amount"),
        ({"currency_code": "CAD"}, "currency_code"),
        ({"origin_country": "Canada"}, "origin_country"),
        ({"weight_unit": "lbs"}, "weight_unit"),
        ({"price": "1"}, "price"),
    ],
)
def test_line_items_are_checked(chitchats: Api, changes: dict[str, object], field: str) -> None:
    """A wrong line item is named with its place."""
    assert f"line_items [0].{field}" in refused(chitchats, line_items=[{**ITEM, **changes}])


def test_line_items_are_required_abroad(chitchats: Api) -> None:
    """Outside CA and US there is no shipment without them."""
    assert "line_items" in refused(chitchats, **GERMANY)
    assert create(chitchats, **GERMANY, line_items=[ITEM])["rates"]


def test_known_messages_about_postage(chitchats: Api) -> None:
    """Unknown types, retired ones and ones that do not go there have the vendor's own words."""
    assert refused(chitchats, postage_type="pigeon") == "Unknown postage_type"
    assert refused(chitchats, postage_type="chit_chats_us_tracked") == "Unable to fetch postage rate"
    assert refused(chitchats, postage_type="usps_priority") == "Unable to fetch postage rate"


def test_duties_paid_needs_its_postage_and_a_tax_id(chitchats: Api) -> None:
    """Only International Tracked, only with vat_reference."""
    abroad = {**GERMANY, "line_items": [ITEM], "duties_paid_requested": True}
    assert "duties_paid_requested" in refused(chitchats, **abroad)
    abroad["postage_type"] = "chit_chats_international_tracked"
    assert "vat_reference" in refused(chitchats, **abroad)
    assert create(chitchats, **abroad, vat_reference="IM123")["rates"]


@pytest.mark.parametrize(
    "changes",
    [
        {"ship_date": ""},
        {"duties_paid_requested": True},
        {"size_x": 61},
        {**GERMANY, "line_items": [ITEM], "cheapest_postage_type_requested": "yes"},
    ],
)
def test_trouble_can_be_silent(chitchats: Api, changes: dict[str, Any]) -> None:
    """201 with no rates is how these show (§11)."""
    assert create(chitchats, **changes)["rates"] == []


@pytest.mark.parametrize("fields", [("weight", "weight_unit"), ("size_x", "size_y", "size_z", "size_unit")])
def test_no_measures_no_rates(chitchats: Api, fields: tuple[str, ...]) -> None:
    """Without weight or sizes the draft is incomplete."""
    body = {name: value for name, value in MINIMAL.items() if name not in fields}
    shipment = chitchats.call("POST", "/shipments", json=body).json()["shipment"]
    assert (shipment["status"], shipment["rates"]) == ("incomplete", [])


def test_duty_paid_postage_to_the_us_needs_customs_data(chitchats: Api) -> None:
    """Edge and Select are offered only with HS code, origin and manufacturer."""
    plain = {rate["postage_type"] for rate in create(chitchats, **OHIO)["rates"]}
    cleared = {rate["postage_type"] for rate in create(chitchats, **OHIO, line_items=[CLEARED])["rates"]}
    assert cleared - plain == {"chit_chats_us_edge", "chit_chats_us_select"}


def test_nothing_is_recognised_as_a_repeat(chitchats: Api) -> None:
    """The same order twice is two drafts, and both are found."""
    ids = {create(chitchats, order_id="A-7")["id"] for _ in range(2)}
    assert {one["id"] for one in chitchats.call("GET", "/shipments", params={"q": "A-7"}).json()} == ids


def test_own_postage_is_ready_at_once(chitchats: Api) -> None:
    """A tracking number without a ship date needs no buying, and can be deleted."""
    shipment = create(chitchats, tracking_number="1Z999", ship_date="")
    assert (shipment["status"], shipment["rates"]) == ("ready", [])
    assert chitchats.call("DELETE", f"/shipments/{shipment['id']}").status_code == 204
