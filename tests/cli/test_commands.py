"""The commands: documents of fixed shape on standard output, what is wrong in words on standard error."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from plugin import destinations
from tests.support.console import Ran, crossdock
from tests.support.running_line import work_off
from tests.support.shop import PACKAGE, SECRET, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conftest import Backend
    from tests.support.shop import Shop


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Choose the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def run(environment: Mapping[str, str]) -> Callable[..., Ran]:
    """Return a function that runs a command on this test's database."""
    return functools.partial(crossdock, environment)


def pairs(settings: Mapping[str, str]) -> list[str]:
    """Return settings as `--set` takes them."""
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def test_a_shop_is_added_and_connected_with_documents_of_fixed_shape(run: Callable[..., Ran]) -> None:
    """`store add` and `connect` print what scripts read, and `--json` is alone on standard output."""
    added = run("store", "add", "shopify", "Demo.myshopify.com", "--secret", SECRET, "--json").json
    assert {"id", "platform", "address", "webhook_url", "headers"} <= set(added)
    assert (added["platform"], added["address"], added["headers"]) == ("shopify", "demo.myshopify.com", {})
    assert added["webhook_url"].endswith(f"/webhooks/shopify/{added['id']}")
    settings = pairs({"client_id": "1", "token": "very-secret-token", **PACKAGE})
    made = run("connect", "chitchats", "--store", added["id"], *settings, "--json")
    assert {"id": made.json["id"], "destination": "chitchats", "store": added["id"]}.items() <= made.json.items()
    assert [row["id"] for row in run("connections", "--json").json] == [made.json["id"]]
    assert [row["id"] for row in run("store", "list", "--json").json] == [added["id"]]


def test_what_was_done_is_listed_in_documents_of_fixed_shape(shop: Shop, run: Callable[..., Ran]) -> None:
    """`events`, `deliveries`, `shipments` and `status`, as the contract names their keys."""
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    (event,) = run("events", "--json").json
    assert {"id", "store", "topic", "state", "received_at"} <= set(event)
    rows = run("deliveries", "--json").json
    keys = {"id", "event", "store", "connection", "destination", "action", "subject", "state", "attempts", "due_at"}
    assert all(keys | {"reason"} <= set(row) for row in rows)
    (parcel,) = run("shipments", "--json").json
    assert {"id", "store", "connection", "destination", "order", "remote_id", "state"} <= set(parcel)
    assert {"tracking_number", "cost"} <= set(parcel)
    status = run("status", "--wait-idle", "5", "--json").json
    assert {"idle", "events", "deliveries", "oldest_due", "lanes"} <= set(status)
    assert (status["idle"], status["oldest_due"], status["events"]["routed"]) == (True, None, 1)
    assert set(status["deliveries"]) == {"waiting", "sending", "done", "skipped", "held", "failed", "unknown"}
    lane = {"destination", "account", "limit", "in_use", "backlog", "clears_at"}
    assert all(lane <= set(row) for row in status["lanes"])


def test_one_delivery_is_shown_with_its_tries(shop: Shop, run: Callable[..., Ran]) -> None:
    """`deliveries show ID` is where a person looks for what happened."""
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    (row,) = run("deliveries", "--destination", "chitchats", "--json").json
    (tried,) = run("deliveries", "show", str(row["id"]), "--json").json["tries"]
    assert (tried["status"], tried["purpose"], tried["outcome"]) == (201, "send", "accepted")


@pytest.mark.parametrize("name", destinations.names())
def test_the_help_of_connect_lists_every_setting(run: Callable[..., Ran], name: str) -> None:
    """With what is required and what is assumed, so that nobody has to read the code."""
    shown = run("connect", name, "--help").out
    for setting in destinations.get(name).needs:
        assert setting.key in shown
        assert not setting.default or len(setting.default) > 20 or setting.default in shown
    assert "rate" in shown


WRONG = {
    "no such platform": (("store", "add", "myspace", "a"), ("myspace", "shopify")),
    "no such destination": (("connect", "fedex", "--store", "x"), ("fedex", "chitchats")),
    "no address of a shop": (("store", "add", "shopify", "example.com", "--secret", "s"), ("NAME.myshopify.com",)),
    "no secret": (("store", "add", "shopify", "a.myshopify.com"), ("--secret", "SHOPIFY_API_SECRET")),
    "no such store": (("connect", "chrts", "--store", "nope", "--set", "api_key=k"), ("nope", "store list")),
    "no such delivery": (("deliveries", "show", "999"), ("delivery",)),
    "no such event": (("events", "show", "999"), ("event",)),
    "show without an id": (("events", "show"), ("id",)),
    "replay of nothing named": (("replay",), ("--state",)),
    "no such sample": (("send-sample", "shopify", "orders/none", "--store", "x"), ("x",)),
    "no such emulator": (("sandbox", "fedex", "--port", "0"), ("fedex", "chitchats")),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_words(run: Callable[..., Ran], arguments: list[str], words: list[str]) -> None:
    """Status 1, nothing on standard output, no trace: the thing that is wrong and what there is instead."""
    complaint = run(*arguments).complaint
    assert [word for word in words if word not in complaint] == []


SETTINGS = {
    "missing": ({}, "api_key"),
    "unknown": ({"api_key": "k", "colour": "red"}, "colour"),
    "out of its words": ({"api_key": "k", "lost_track": "maybe"}, "lost_track"),
    "no header": ({"api_key": "a\nb"}, "api_key"),
    "no rate": ({"api_key": "k", "rate": "fast"}, "rate"),
    "no timeout": ({"api_key": "k", "timeout": "soon"}, "timeout"),
    "a timeout that leases don't outlast": ({"api_key": "k", "timeout": "15.1"}, "timeout"),
    "a timeout of nothing": ({"api_key": "k", "timeout": "0"}, "timeout"),
    "a rate of nothing": ({"api_key": "k", "rate": "0/1s"}, "rate"),
}


@pytest.mark.parametrize(("settings", "named"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_that_is_wrong_is_named(
    shop: Shop, run: Callable[..., Ran], settings: dict[str, str], named: str
) -> None:
    """Nothing is half connected."""
    before = shop.services.stores.connections()
    assert named in run("connect", "chrts", "--store", shop.store.id, *pairs(settings)).complaint
    assert shop.services.stores.connections() == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"PORT": "http"}, "PORT"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY"),
        ({"BASE_URL": "https://example.com", "SECRET_KEY": ""}, "SECRET_KEY"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "database"),
    ],
)
def test_a_wrong_environment_is_named(environment: Mapping[str, str], changes: dict[str, str], named: str) -> None:
    """Every command names the variable, before it touches anything."""
    assert named in crossdock({**environment, **changes}, "status").complaint


@pytest.mark.parametrize("role", ["web", "worker", "clock", "up"])
def test_a_server_without_a_secret_key_does_not_start(environment: Mapping[str, str], role: str) -> None:
    """Behind https a key of its own making would be lost with the machine, and every stored secret with it."""
    complaint = crossdock({**environment, "BASE_URL": "https://example.com", "SECRET_KEY": ""}, role).complaint
    assert "SECRET_KEY" in complaint


def test_a_lost_secret_key_is_named(shop: Shop, environment: Mapping[str, str]) -> None:
    """With the former key after a comma everything opens again; without it the message says just that."""
    assert shop.store.id
    lost = {**environment, "SECRET_KEY": "new"}
    assert "SECRET_KEY" in crossdock(lost, "store", "list").complaint
    assert all("SECRET_KEY" in item["reason"] for item in crossdock(lost, "connections", "--json").json)
    rotated = {**environment, "SECRET_KEY": f"new,{environment['SECRET_KEY']}"}
    assert len(crossdock(rotated, "connections", "--json").json) == 2


def test_a_replay_counts_before_it_acts(shop: Shop, run: Callable[..., Ran]) -> None:
    """It says how many and asks; no changes nothing, yes and `--yes` do it."""
    shop.post_raw("orders/create", b"[]")
    work_off(shop.services)
    asked = run("replay", "--state", "held", answer="n\n")
    assert asked.status == 1
    assert "2 deliveries" in asked.err
    assert len(run("deliveries", "--state", "held", "--json").json) == 2
    assert len(run("replay", "--state", "held", "--yes", "--json").json["replayed"]) == 2
    work_off(shop.services)
    assert run("replay", "--state", "held", answer="y\n").status == 0


def test_waiting_for_idleness_that_does_not_come_is_status_1(shop: Shop, run: Callable[..., Ran]) -> None:
    """The document is printed all the same."""
    shop.post("orders/create", sent("orders_create"))
    waited = run("status", "--wait-idle", "0.1", "--json")
    assert (waited.status, '"idle": false' in waited.out) == (1, True)


def test_a_sample_to_a_server_that_is_not_there_is_said_in_words(shop: Shop, environment: Mapping[str, str]) -> None:
    """The commonest mistake of the first hour: nothing runs yet."""
    nowhere = {**environment, "BASE_URL": "http://127.0.0.1:9"}
    ran = crossdock(nowhere, "send-sample", "shopify", "orders/create", "--store", shop.store.id)
    assert (ran.status, "Traceback" in ran.err) == (1, False)
    assert "crossdock up" in ran.err


def test_no_command_prints_a_secret(shop: Shop, run: Callable[..., Ran]) -> None:
    """Neither lists nor notes nor refusals show what signs or pays."""
    store = shop.store.id
    commands = [
        ("store", "add", "shopify", "b.myshopify.com", "--secret", "s3cr3t-a", "--token", "s3cr3t-b", "--json"),
        ("connect", "chrts", "--store", store, "--set", "api_key=s3cr3t-c"),
        ("connect", "chitchats", "--store", store, *pairs({"client_id": "x", "token": "s3cr3t-d"})),
        ("connect", "chrts", "--store", store, "--set", "api_key=s3cr3t-e\nf"),
        *(("store", "list", "--json"), ("connections", "--json"), ("status", "--json"), ("doctor", "--json")),
    ]
    for command in commands:
        ran = run(*command)
        assert [word for word in ("s3cr3t", SECRET) if word in ran.out + ran.err] == []
