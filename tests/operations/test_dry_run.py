"""`crossdock dry-run`: the rule, the booking and its later steps are shown; nothing is sent and nothing is written."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from plugin.storage.tables import attempts, bookings, deliveries, events
from tests.support.carriers import Carriers, rules
from tests.support.console import Ran, crossdock
from tests.support.running_line import personal, work_off
from tests.support.shop import SENT, connect, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from tests.conftest import Backend

FILE = str(SENT / "orders_create.json")
BUYING = {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}
RUSH = rules({"name": "rush", "when": {"tags": "rush"}}, {"name": "cold", "when": {"sku": "ICE-*"}}, priority="1")
CANADA = rules({"name": "Canada", "when": {"country": "CA"}, "hold_minutes": "30"})


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Choose the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def carriers(services: Services, sandbox: Sandbox, app: Flask) -> Carriers:
    """Return two connections: the first takes two kinds of orders, the second those to Canada, and buys."""
    made = Carriers.open(services, sandbox, app, RUSH, CANADA)
    made.two = made.connect("two", None, token="a-secret-token", **BUYING)
    return made


@pytest.fixture
def run(environment: Mapping[str, str]) -> Callable[..., Ran]:
    """Return a function that runs a command on this test's database."""
    return functools.partial(crossdock, environment)


def dry(carriers: Carriers, run: Callable[..., Ran], file: str = FILE, topic: str = "orders/create") -> dict[str, Any]:
    """Return what `crossdock dry-run … --json` prints."""
    options = ("--platform", "shopify", "--topic", topic, "--store", carriers.shop.store.id, "--json")
    ran = run("dry-run", file, *options)
    assert ran.status == 0, ran.err
    found: dict[str, Any] = ran.json
    return found


def write_document(folder: Path, document: object) -> str:
    """Write a document into a file; return its path."""
    file = folder / "body.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(file)


def rows(services: Services) -> list[int]:
    """Return the number of rows in each table."""
    with services.database.read() as db:
        tables = (events, deliveries, attempts, bookings)
        return [db.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def vendor_calls(carriers: Carriers) -> int:
    """Return how often any emulated vendor was called."""
    return sum(emulator.journal.total for emulator in carriers.shop.sandbox.emulators.values())


def test_it_says_which_rule_chose_what(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """Every rule that was asked, in their order, and why each of them passes the order on."""
    shown = dry(carriers, run)
    assert [(row["name"], row["rule"], row["takes"]) for row in shown["rules"]] == [
        ("one", "rush", False),
        ("one", "cold", False),
        ("two", "Canada", True),
    ]
    assert shown["rules"][0]["because"] == "tags is unknown, wanted rush"
    assert "MUG-LB" in shown["rules"][1]["because"]
    chosen = shown["chosen"]
    assert (chosen["connection"], chosen["rule"], chosen["hold_minutes"]) == (carriers.two.id, "Canada", 30)


def test_it_shows_the_booking_and_its_later_steps(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """Method, address and body of the booking, when it goes out, and what follows from it."""
    shown = dry(carriers, run)
    parcels = [row for row in shown["requests"] if row["destination"] == "chitchats"]
    book, *later = parcels
    assert book["action"] == "book"
    assert (book["method"], book["after_minutes"]) == ("POST", 30)
    assert book["url"] == f"{carriers.shop.sandbox.base_url}/api/v1/clients/2/shipments"
    assert book["body"]["order_id"] == str(sent("orders_create")["id"])
    assert [row["action"] for row in later] == ["buy", "poll", "label", "track"]
    assert all(row["later"] and row["note"] and row["method"] for row in later)
    assert (later[0]["method"], later[0]["body"]) == ("PATCH", {"postage_type": "chit_chats_canada_tracked"})


def test_it_shows_what_a_rule_and_a_batch_lead_to(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """What `cheapest` chooses is known once there are offers; everything else is shown as it goes out."""
    carriers.connect("two", None, auto_buy="yes", postage_type="US:usps_priority,*:cheapest", batch="open")
    _, buy, *others = [row for row in dry(carriers, run)["requests"] if row["destination"] == "chitchats"]
    assert (buy["method"], buy["body"]) == ("PATCH", {"postage_type": "what the rule chooses among the offers"})
    assert [(row["action"], row["method"]) for row in others] == [
        *(("poll", "GET"), ("label", "GET"), ("batch", "GET"), ("track", "GET")),
    ]


def test_it_says_that_no_postage_is_bought_for_the_documented_order(
    carriers: Carriers, run: Callable[..., Ran], tmp_path: Path
) -> None:
    """The booking is shown, as it is made; its first later step says why it ends there, the others are named."""
    made = sent("orders_create")["created_at"]
    document = sent("orders_create") | {"test": True, "confirmed": False, "cancelled_at": made}
    found = dry(carriers, run, write_document(tmp_path, document))["requests"]
    book, buy, *others = [row for row in found if row["destination"] == "chitchats"]
    assert (book["method"], buy["action"], buy["method"]) == ("POST", "buy", None)
    assert "no postage is ever bought" in buy["reason"]
    assert [(row["action"], row["method"], row["reason"]) for row in others] == [
        (action, None, "not without buy") for action in ("poll", "label", "track")
    ]


def test_it_shows_what_is_told_as_well(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """The calls of customer-data receivers, with their bodies."""
    told = [row for row in dry(carriers, run)["requests"] if row["destination"] == "chrts"]
    assert {"identify", "track"} <= {row["action"] for row in told}
    assert all(row["method"] == "POST" and row["body"] for row in told)


def test_the_request_is_the_one_that_goes_out(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """Shown before, and then received by the vendor, to the letter."""
    (shown,) = [row for row in dry(carriers, run)["requests"] if row["action"] == "book"]
    carriers.post()
    work_off(carriers.shop.services)
    asked = carriers.shop.sandbox.emulators["chitchats"].requests()
    (received,) = (one for one in asked if one["method"] == "POST")
    assert shown["body"] == received["body"]


def test_nothing_is_sent_and_nothing_is_written(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """The sandbox received nothing, and the tables hold what they held."""
    before = rows(carriers.shop.services)
    dry(carriers, run)
    assert vendor_calls(carriers) == 0
    assert rows(carriers.shop.services) == before == [0, 0, 0, 0]


def test_no_secret_is_shown(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """Neither in the headers nor anywhere else; the address is, as the body has it."""
    options = ("--platform", "shopify", "--topic", "orders/create", "--store", carriers.shop.store.id)
    for more in ((), ("--json",)):
        ran = run("dry-run", FILE, *options, *more)
        assert "a-secret-token" not in ran.out
        assert "Authorization" in ran.out
        assert any(word in ran.out for word in personal(sent("orders_create")))


def test_a_login_is_shown_without_its_password(
    services: Services, carriers: Carriers, run: Callable[..., Ran], tmp_path: Path
) -> None:
    """A vendor that wants a token first: its login is part of what goes out."""
    url = carriers.shop.sandbox.base_url
    connect(services, carriers.shop.store, "shiptheory", url, email="me@example.com", password="pass word 9")
    address = sent("orders_create")["shipping_address"] | {"country_code": "GB", "country": "United Kingdom"}
    shown = dry(carriers, run, write_document(tmp_path, sent("orders_create") | {"shipping_address": address}))
    assert shown["chosen"]["destination"] == "shiptheory"
    assert "pass word 9" not in json.dumps(shown)
    login, *others = [row for row in shown["requests"] if row["destination"] == "shiptheory"]
    assert (login["action"], login["method"]) == ("login", "POST")
    assert others[0]["action"] == "book"


def test_what_would_be_held_says_so(carriers: Carriers, run: Callable[..., Ran], tmp_path: Path) -> None:
    """An order that lacks something that the vendor requires; nothing follows from such a booking."""
    document = sent("orders_create")
    lines = [line | {"grams": 0} for line in document["line_items"]]
    file = write_document(tmp_path, document | {"line_items": lines, "total_weight": 0})
    (held,) = [row for row in dry(carriers, run, file)["requests"] if row["destination"] == "chitchats"]
    assert (held["action"], held["method"]) == ("book", None)
    assert held["reason"].startswith("held: ")
    assert "weight" in held["reason"]


def test_an_order_that_no_rule_takes(carriers: Carriers, run: Callable[..., Ran], tmp_path: Path) -> None:
    """Said in words; nothing is booked."""
    shown = dry(carriers, run, write_document(tmp_path, sent("orders_create") | {"shipping_address": None}))
    assert (shown["chosen"], shown["reason"]) == (None, "no rule of a shipping connection takes this order")
    assert {row["destination"] for row in shown["requests"]} == {"chrts"}


NOTHING = {"ignored": ("products/update", "{}"), "unknown": ("orders/teleported", "{}"), "held": ("orders/create", "{")}


@pytest.mark.parametrize("state", NOTHING)
def test_topics_and_bodies_that_lead_to_nothing(
    carriers: Carriers, run: Callable[..., Ran], tmp_path: Path, state: str
) -> None:
    """As an event would rest, with the reason."""
    topic, body = NOTHING[state]
    shown = dry(carriers, run, write_document(tmp_path, body), topic)
    assert (shown["state"], shown["requests"]) == (state, [])
    assert shown["reason"]


def test_an_order_that_is_somebody_s_already(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """Who has it is said, as the rules alone do not decide then."""
    carriers.post()
    work_off(carriers.shop.services)
    assert dry(carriers, run)["given_to"] == carriers.two.id


def test_a_store_of_another_platform_is_an_error(carriers: Carriers, run: Callable[..., Ran]) -> None:
    """Its payloads could not be read."""
    ran = run("dry-run", FILE, "--platform", "nowhere", "--topic", "x", "--store", carriers.shop.store.id)
    assert ran.status == 1
    assert "nowhere" in ran.err


def test_it_shows_what_a_wait_leads_to(carriers: Carriers, run: Callable[..., Ran], tmp_path: Path) -> None:
    """Cart Abandoned, with its body, after the hours of the setting and only if nothing comes meanwhile."""
    shown = dry(carriers, run, write_document(tmp_path, sent("checkouts_update")), topic="checkouts/update")
    (left,) = [row for row in shown["requests"] if (row["body"] or {}).get("name") == "Cart Abandoned"]
    assert (left["after_minutes"], left["later"]) == (24 * 60, True)
    assert "only if nothing comes meanwhile" in left["note"]
    assert "recover" not in str(left)
