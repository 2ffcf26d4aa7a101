"""Which postage is bought, and what becomes of a shipment without offers (docs/vendors/chitchats.md §5, §7 and §11)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plugin.core.errors import ConfigError
from plugin.core.redaction import redacted_reason
from plugin.core.response import Response
from plugin.core.step import Request
from plugin.storage import queries
from tests.destinations.chitchats.connected_shop import ROOT, asked, configure, fault, order, purchases, replay
from tests.support.running_line import only, owed, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop

ADDRESS = sent("orders_create")["shipping_address"]
OHIO = ADDRESS | {"country_code": "US", "country": "United States", "province_code": "OH", "zip": "45410"}
BERLIN = ADDRESS | {"country_code": "DE", "country": "Germany", "province_code": None, "province": None, "zip": "10115"}
MAKER = {
    "manufacturer_contact": "Jane Doe",
    "manufacturer_street": "1 Main St",
    "manufacturer_city": "Vancouver",
    "manufacturer_country_code": "CA",
}
CLEARED = {"hs_tariff_code": "6912.00", "origin_country": "CA", **MAKER}


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def bought(shop: Shop, rule: str, address: dict[str, Any] = ADDRESS, **settings: str) -> str | None:
    """Let the rule buy; return the postage type."""
    configure(shop, buy_seconds=0.0)
    shop.reconnect("chitchats", auto_buy="yes", postage_type=rule, **settings)
    order(shop, shipping_address=address)
    work_off(shop.services)
    (one,) = shop.booked()
    return str(one["postage_type"]) if one["carrier_tracking_code"] else None


@pytest.mark.parametrize(
    ("rule", "address", "expected"),
    [
        ("chit_chats_select", ADDRESS, "chit_chats_select"),
        ("cheapest", ADDRESS, "chit_chats_canada_tracked"),
        ("cheapest_tracked", ADDRESS, "chit_chats_canada_tracked"),
        ("fastest_under:40", ADDRESS, "chit_chats_select"),
        ("fastest_under:20", OHIO, "usps_priority"),
        ("fastest_under:90", OHIO, "usps_express"),
        ("cheapest", OHIO, "usps_ground_advantage"),
        ("CA:chit_chats_select,US:cheapest,*:usps_priority_mail_international", OHIO, "usps_ground_advantage"),
        ("CA:chit_chats_select,*:usps_priority_mail_international", BERLIN, "usps_priority_mail_international"),
    ],
)
def test_the_rule_in_the_settings_chooses_the_postage(
    shop: Shop, rule: str, address: dict[str, Any], expected: str
) -> None:
    """A fixed type, the cheapest, the cheapest tracked, the fastest under a price; any of them by country."""
    assert bought(shop, rule, address) == expected


def test_a_rule_that_nothing_fits_is_held_with_the_offers(shop: Shop) -> None:
    """Whoever reads it sees what there was, and another rule buys."""
    assert bought(shop, "fastest_under:2") is None
    found = only(shop.services, action="buy")
    assert (found["state"], "chit_chats_canada_tracked for " in found["reason"]) == ("held", True)
    shop.reconnect("chitchats", auto_buy="yes", postage_type="cheapest")
    replay(shop)
    assert purchases(shop) == 1


def test_offers_are_kept_with_the_shipment(shop: Shop) -> None:
    """What was offered can be looked at later."""
    order(shop)
    work_off(shop.services)
    (known,) = queries.list_shipments(shop.services.database)
    assert [rate["service"] for rate in known["rates"]] == ["chit_chats_canada_tracked", "chit_chats_select"]
    assert known["rates"][0]["days"] == [2, 12]
    assert known["rates"][0]["tracked"]


@pytest.mark.parametrize(
    "settings", [{"size_x": "61"}, {"size_x": "61", "auto_buy": "yes", "postage_type": "cheapest"}]
)
def test_a_shipment_without_offers_is_held_with_the_likely_causes(shop: Shop, settings: dict[str, str]) -> None:
    """201 and an empty list is how every silent problem shows; mended settings book it anew, once."""
    shop.reconnect("chitchats", **settings)
    order(shop)
    work_off(shop.services)
    found = only(shop.services, action="book")
    assert (found["state"], owed(shop.services, action="buy")) == ("held", [])
    for cause in ("ship_date", "dimensions", "duties flag", "HS code"):
        assert cause in found["reason"]
    shop.reconnect("chitchats")
    replay(shop)
    assert ([one["size_x"] for one in shop.booked()], only(shop.services, action="book")["state"]) == ([10.0], "done")


def test_duty_paid_postage_to_the_states_needs_code_origin_and_maker(shop: Shop) -> None:
    """With them it is offered and bought; without, it is held and says what is offered."""
    assert bought(shop, "chit_chats_us_edge", OHIO, **CLEARED) == "chit_chats_us_edge"


def test_duty_paid_postage_without_customs_facts_is_held(shop: Shop) -> None:
    """The vendor offers it silently to nobody; the reason names what it does offer."""
    assert bought(shop, "chit_chats_us_edge", OHIO, origin_country="CA", **MAKER) is None
    found = only(shop.services, action="buy")
    assert (found["state"], "usps_ground_advantage for " in found["reason"]) == ("held", True)


def test_prepaid_duties_go_with_their_postage_and_tax_number(shop: Shop) -> None:
    """Only to other countries, only with International Tracked; to Canada the flag would cost every rate."""
    duties = {"duties_paid": "yes", "vat_reference": "EU:IM3720000001", "origin_country": "CA"}
    rule = "CA:chit_chats_canada_tracked,*:chit_chats_international_tracked"
    assert bought(shop, rule, BERLIN, **duties) == "chit_chats_international_tracked"
    assert shop.booked()[0]["is_delivery_duties_paid_requested"]


def test_prepaid_duties_within_canada_are_not_asked_for(shop: Shop) -> None:
    """The same settings, another country."""
    duties = {"duties_paid": "yes", "vat_reference": "EU:IM3720000001"}
    assert bought(shop, "CA:chit_chats_canada_tracked", ADDRESS, **duties) == "chit_chats_canada_tracked"


def test_offers_that_were_lost_with_an_answer_are_read_by_a_refresh(shop: Shop) -> None:
    """A draft that was found by a search has no offers in it; the refresh prices it before it is bought."""
    fault(shop, "reset_after", f"POST {ROOT}")
    assert bought(shop, "cheapest") == "chit_chats_canada_tracked"
    assert [asked(shop, f"{method} {ROOT}") for method in ("POST", "PATCH")] == [1, 2]


def test_a_found_draft_without_offers_is_held_too(shop: Shop) -> None:
    """Nobody said anything about it when its answer was lost; it is looked at once."""
    shop.reconnect("chitchats", size_x="61")
    fault(shop, "reset_after", f"POST {ROOT}")
    order(shop)
    work_off(shop.services)
    found = only(shop.services, action="price")
    assert (found["state"], "ship_date" in found["reason"]) == ("held", True)


def test_a_refused_purchase_is_priced_anew_when_it_is_tried_again(shop: Shop) -> None:
    """The day to ship may have passed, and the price with it (postage expired)."""
    fault(shop, "status", "/buy", status=400)
    assert bought(shop, "cheapest") is None
    assert only(shop.services, action="buy")["state"] == "held"
    replay(shop)
    refreshes = [one for one in shop.sandbox.emulators["chitchats"].requests() if one["path"].endswith("/refresh")]
    assert (purchases(shop), len(refreshes)) == (1, 1)


@pytest.mark.parametrize(
    ("rule", "words"), [("chit_chats_us_tracked", "postage type"), ("fastest_under:x", "postage type"), ("", "postage")]
)
def test_retired_postage_and_odd_rules_are_refused_when_they_are_set(shop: Shop, rule: str, words: str) -> None:
    """They would only ever answer "Unable to fetch postage rate"."""
    with pytest.raises(ConfigError, match=words):
        shop.reconnect("chitchats", postage_type=rule)


def test_postage_that_does_not_go_there_fails_with_the_vendor_s_words(shop: Shop) -> None:
    """`Unable to fetch postage rate`: not enabled for the account, or to another country. No draft is left."""
    shop.reconnect("chitchats", postage_type="usps_priority")
    order(shop)
    work_off(shop.services)
    found = only(shop.services, action="book")
    assert (found["state"], shop.booked()) == ("failed", [])
    assert "Unable to fetch postage rate" in found["reason"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"error": {"message": "Unknown postage_type"}}, "Unknown postage_type"),
        ({"error": {"message": "Internal Server Error", "reference": "a1"}}, "Internal Server Error"),
        ({"errors": {"city": ["is missing"]}}, "city: is missing"),
        ({"errors": {"line_items": [{"quantity": "is missing"}]}}, "line_items: quantity: is missing"),
        ({"error": "No credit"}, "No credit"),
        ({"message": "No credit", "errors": {}}, "No credit"),
        ({"status": "unpaid"}, "without a reason"),
    ],
)
def test_a_refusal_is_read_in_every_form_that_clients_have_seen(document: object, words: str) -> None:
    """One form is confirmed; a person who has to act should not be told "without a reason" for any of the others."""
    answer = Response(status=400, headers={}, body=json.dumps(document).encode())
    assert words in redacted_reason(answer, Request(method="POST", path="/shipments", body={}), None)


def test_ids_stand_in_addresses_in_lower_case(shop: Shop) -> None:
    """As the vendor's documents have them, though answers have capitals."""
    assert bought(shop, "cheapest") is not None
    order(shop, "orders/cancelled")
    work_off(shop.services)
    paths = [one["path"] for one in shop.sandbox.emulators["chitchats"].requests() if one["method"] == "PATCH"]
    assert {path.rpartition("/")[2] for path in paths} == {"buy", "refund"}
    assert paths == [path.lower() for path in paths]


def test_a_wrong_client_id_pauses_the_connection(shop: Shop) -> None:
    """Everything would answer 404, so nothing is failed by it; the right number releases what waits."""
    configure(shop, tokens={"7": "t"})
    order(shop)
    work_off(shop.services)
    (paused,) = [one for one in shop.services.stores.connections() if one.destination == "chitchats"]
    assert (paused.state, "client_id" in (paused.reason or "")) == ("paused", True)
    assert (only(shop.services, action="book")["state"], asked(shop, "POST")) == ("waiting", 1)
    shop.reconnect("chitchats", client_id="7")
    work_off(shop.services)
    assert only(shop.services, action="book")["state"] == "done"


def test_a_wrong_client_id_is_no_deleted_draft(shop: Shop) -> None:
    """A deletion that answers 404 is not believed before the account is known to be right."""
    order(shop)
    work_off(shop.services)
    shop.reconnect("chitchats", client_id="9")
    configure(shop, tokens={"1": "t"})
    order(shop, "orders/cancelled")
    work_off(shop.services)
    assert (only(shop.services, action="cancel")["state"], len(shop.booked())) == ("waiting", 1)
    shop.reconnect("chitchats")
    work_off(shop.services)
    assert (only(shop.services, action="cancel")["state"], shop.booked()) == ("done", [])
