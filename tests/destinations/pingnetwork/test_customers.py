"""Ping Network's customer records: one for each customer, found before it is made, changed in order."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from plugin.core.outcome import Deferred
from plugin.core.response import Response
from plugin.core.vendor_profile import Quota
from plugin.destinations.base import lookup_outcome
from plugin.sandbox import Fault, Limit
from tests.destinations.pingnetwork.connected_shop import FIND, Ping
from tests.support.running_line import column, hurry, only, owed, turn, work_off
from tests.support.scripted_vendor import Scripted, answer
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from plugin.sandbox.kit.faults import Kind
    from tests.conftest import Backend
    from tests.support.shop import Shop

ID = "shopify:demo.myshopify.com:7313004880213"


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def ping(shop: Shop) -> Ping:
    """Return the shop, connected to Ping Network too."""
    return Ping.open(shop)


def test_a_new_customer_is_looked_for_and_then_created(ping: Ping) -> None:
    """GET finds, POST creates, below the version of the settings."""
    ping.tell("create")
    work_off(ping.services)
    assert ping.lines() == [FIND, "POST /v2/customers"]
    (record,) = ping.customers()
    fields = ("external_id", "email", "first_name", "last_name")
    assert [record[name] for name in fields] == [ID, "marguerite.okafor-lind@example.com", "Marguerite", "Okafor-Lind"]
    assert "phone" not in record


def test_a_customer_who_changed_is_found_and_changed(ping: Ping) -> None:
    """PUT updates what GET found; there is still one record."""
    ping.tell("create")
    work_off(ping.services)
    ping.tell("update")
    work_off(ping.services)
    (record,) = ping.customers()
    assert ping.lines()[2:] == [FIND, f"PUT /v2/customers/{record['id']}"]
    assert record["phone"] == "+12045550142"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_version_stands_in_the_path(ping: Ping, version: str) -> None:
    """Of every call."""
    ping.reconnect(version=version)
    ping.tell("create")
    ping.tell("update")
    work_off(ping.services)
    assert {line.split("/")[1] for line in ping.lines()} == {version}


def test_the_token_goes_out_raw_and_json_both_ways(ping: Ping) -> None:
    """No `Bearer` before it; JSON is declared and asked for."""
    with Scripted(answer(200, []), answer(201, {"id": "c1"})) as vendor:
        connect(ping.services, ping.shop.store, "pingnetwork", vendor.url, token="raw-token")
        ping.tell("create")
        work_off(ping.services)
    get, post = (heard.decode().lower() for heard in vendor.heard)
    assert all("\r\nauthorization: raw-token\r\n" in heard for heard in (get, post))
    assert all("\r\naccept: application/json\r\n" in heard for heard in (get, post))
    assert "\r\ncontent-type: application/json" in post


def test_webhooks_that_say_nothing_new_are_not_sent(ping: Ping) -> None:
    """Shops repeat updates under new ids."""
    for _ in range(3):
        ping.tell("update")
        work_off(ping.services)
    assert ping.lines() == [FIND, "POST /v2/customers"]


def test_an_older_webhook_that_is_late_changes_nothing(ping: Ping) -> None:
    """The newest version is what the record ends up with."""
    ping.tell("update")
    ping.tell("create")
    work_off(ping.services)
    assert [record["phone"] for record in ping.customers()] == ["+12045550142"]


@pytest.mark.parametrize("turns", [0, 3])
def test_calls_about_one_customer_go_in_order(ping: Ping, turns: int) -> None:
    """Creation and nine changes, each waiting for the one before, or all at once: one record, the last name."""
    ping.emulator.faults.add(Fault("status", match="POST", times=2), Fault("status", match="PUT", every=3, times=3))
    for number in range(10):
        at = f"2026-11-21T10:00:0{number}Z"
        ping.tell("update" if number else "create", first_name=f"Name {number}", updated_at=at)
        for _ in range(turns):
            turn(ping.services)
            hurry(ping.services)
    work_off(ping.services)
    assert [record["first_name"] for record in ping.customers()] == ["Name 9"]


def test_two_shops_never_share_a_record(ping: Ping) -> None:
    """Equal customer ids of different shops are different people."""
    ping.second_shop()
    ping.tell("create")
    ping.tell("create", secret="s2", address="other.myshopify.com")
    work_off(ping.services)
    assert {record["external_id"].split(":")[1] for record in ping.customers()} == {
        "demo.myshopify.com",
        "other.myshopify.com",
    }


@pytest.mark.parametrize("kind", ["reset_after", "timeout_after", "garbage", "cut", "empty"])
def test_a_lost_answer_to_a_creation_is_looked_up(
    ping: Ping,
    kind: Kind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """POST is never repeated on a guess: GET finds the record, and it is brought up to date."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.4)
    ping.emulator.faults.add(Fault(kind, match="POST", seconds=1.0))
    ping.tell("create")
    work_off(ping.services)
    (record,) = ping.customers()
    assert ping.lines() == [FIND, "POST /v2/customers", FIND, f"PUT /v2/customers/{record['id']}"]


def test_a_lost_answer_to_a_change_is_repeated(ping: Ping) -> None:
    """PUT may be sent twice."""
    ping.emulator.faults.add(Fault("reset_after", match="PUT"), Fault("garbage", match="PUT"))
    ping.tell("create")
    ping.tell("update")
    work_off(ping.services)
    assert [line.split()[0] for line in ping.lines()].count("PUT") == 3
    assert {one["state"] for one in owed(ping.services, destination="pingnetwork")} == {"done"}


def test_a_search_whose_answer_is_no_json_is_made_again(ping: Ping) -> None:
    """A proxy's page says nothing about whether the record is there."""
    ping.emulator.faults.add(Fault("garbage", match="GET", times=2))
    ping.tell("create")
    work_off(ping.services)
    assert ping.lines() == [FIND, FIND, FIND, "POST /v2/customers"]


def test_a_conflict_is_looked_up(ping: Ping) -> None:
    """Should the vendor recognise a repeat after all, the record that is there is changed."""
    says = [
        answer(200, []),
        answer(409, {"error": {"code": "conflict", "message": "exists"}}),
        answer(200, [{"id": "c1", "external_id": ID}]),
        answer(200, {"id": "c1"}),
    ]
    assert ping.scripted(*says) == ["GET", "POST", "GET", "PUT"]
    assert {one["state"] for one in owed(ping.services, destination="pingnetwork")} == {"done"}


def test_a_record_that_went_away_after_it_was_found_is_made_again(ping: Ping) -> None:
    """Somebody else may delete it between two calls."""
    found, gone = answer(200, [{"id": "c1", "external_id": ID}]), answer(404, {"error": {"message": "gone"}})
    assert ping.scripted(found, gone, answer(200, []), answer(201, {"id": "c2"})) == ["GET", "PUT", "GET", "POST"]
    assert {one["state"] for one in owed(ping.services, destination="pingnetwork")} == {"done"}


SHAPES = {
    "a list": [{"id": "c1", "external_id": ID}],
    "a list in an object": {"data": [{"id": "c1", "external_id": ID}], "total": 1},
    "one record": {"id": "c1", "external_id": ID},
    "one record in an object": {"customer": {"id": "c1", "external_id": ID}},
    "one record that does not name ours": {"id": "c1"},
    "a number as its id": [{"id": 9007199254740993, "external_id": ID}],
    "two records": [{"id": "c1", "external_id": ID}, {"id": "c2", "external_id": ID}],
    "others before it": [{"id": "c0", "external_id": "x"}, {"id": "c1", "external_id": ID}],
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_whatever_form_the_search_answers_in_the_record_is_found(ping: Ping, shape: object) -> None:
    """The vendor shows no example; each plausible form leads to a PUT to that record, and to no second one."""
    with Scripted(answer(200, shape), answer(200, {"id": "c1"})) as vendor:
        connect(ping.services, ping.shop.store, "pingnetwork", vendor.url, token="t")
        ping.tell("create")
        work_off(ping.services)
    ident = "9007199254740993" if "9007199254740993" in str(shape) else "c1"
    assert [heard.split(b" HTTP")[0].decode() for heard in vendor.heard][1:] == [f"PUT /v2/customers/{ident}"]


ABSENT = {
    "an empty list": answer(200, []),
    "an empty list in an object": answer(200, {"customers": [], "total": 0}),
    "404": answer(404, {"error": {"code": "not_found", "message": "none"}}),
}


@pytest.mark.parametrize("said", ABSENT.values(), ids=ABSENT)
def test_whatever_form_nothing_has_the_record_is_created(ping: Ping, said: bytes) -> None:
    """An empty list, or the documented 404."""
    assert ping.scripted(said, answer(201, {"customer": {"id": "c1"}})) == ["GET", "POST"]


UNSAFE = {
    "others only": ([{"id": "c0", "external_id": "x"}], "customer_find"),
    "records without our id": ([{"id": "c0"}, {"id": "c1"}], "customer_find"),
    "records without an id": ([{"external_id": ID}], "customer"),
    "an object of something else": ({"ok": True}, "no list of records"),
    "a text": ("none", "no JSON object"),
}


@pytest.mark.parametrize(("said", "words"), UNSAFE.values(), ids=UNSAFE)
def test_a_search_that_does_not_answer_the_question_is_held(ping: Ping, said: object, words: str) -> None:
    """To create on such an answer could make a second record; the setting to look at is named, and then it goes on."""
    assert ping.scripted(answer(200, said)) == ["GET"]
    held = only(ping.services, destination="pingnetwork")
    assert (held["state"], words in held["reason"]) == ("held", True)
    ping.reconnect()
    work_off(ping.services)
    assert len(ping.customers()) == 1


ERRORS = {
    "400 Bad Request": (400, "failed", "no such field"),
    "404 Not Found": (404, "held", "are version and the paths"),
    "422": (422, "failed", "no such field"),
    "500 Internal Server Error": (500, "failed", "500"),
}


@pytest.mark.parametrize(("status", "state", "words"), ERRORS.values(), ids=ERRORS)
def test_each_documented_error_of_a_creation(ping: Ping, status: int, state: str, words: str) -> None:
    """Given in the words of the error object; a wrong address is held, as a setting mends it."""
    refusal = answer(status, {"error": {"code": "some_code", "message": "no such field: Marguerite"}})
    with Scripted(*itertools.chain.from_iterable([(answer(200, []), refusal)] * 65)) as vendor:
        connect(ping.services, ping.shop.store, "pingnetwork", vendor.url, token="t")
        ping.tell("create")
        work_off(ping.services)
    found = only(ping.services, destination="pingnetwork")
    assert found["state"] == state
    assert words in found["reason"]
    assert "Marguerite" not in found["reason"]


def test_401_pauses_the_connection_until_a_token_is_given(ping: Ping) -> None:
    """The documented answer to an invalid token: one call, then nothing until it is mended."""
    ping.reconnect(token="revoked-1")
    ping.tell("create")
    work_off(ping.services)
    assert ping.lines() == [FIND]
    ping.reconnect(token="good")
    work_off(ping.services)
    assert len(ping.customers()) == 1


def test_429_closes_the_lane(ping: Ping) -> None:
    """The documented answer over the limit: it costs no attempt, and nobody calls before the lane opens again."""
    ping.emulator.faults.add(Fault("status", match="POST", status=429, retry_after=60))
    ping.tell("create")
    while "POST /v2/customers" not in ping.lines():
        turn(ping.services)
        hurry(ping.services)
    heard = len(ping.lines())
    ping.tell("create", id=1)
    for _ in range(3):
        hurry(ping.services)
        turn(ping.services)
    assert len(ping.lines()) == heard
    assert [column(ping.services, "attempts", destination="pingnetwork", subject=f"person:{ID}")] == [0]


def test_the_quota_is_read_from_the_headers_that_every_answer_carries(ping: Ping) -> None:
    """What the line learns its pace from are the vendor's own headers; the reset is in seconds, not a time of day."""
    profile = ping.vendor.profile({})
    names = {name: f"X-RateLimit-{name.capitalize()}" for name in ("remaining", "reset", "limit")}
    assert profile.quota == Quota(**names)
    assert profile.quota is not None
    said: Response = ping.ask("GET", "/v2/customers")
    assert int(said.headers[profile.quota.remaining]) == 599
    assert 0 < int(said.headers[profile.quota.reset]) <= 60


def test_orders_make_no_records(ping: Ping) -> None:
    """Only a customer that is created or changes does."""
    ping.shop.post("orders/paid", sent("orders_paid"))
    work_off(ping.services)
    assert ping.lines() == []


def test_the_record_is_a_setting(ping: Ping) -> None:
    """With `customers=no` no customer is told of."""
    ping.reconnect(customers="no")
    ping.tell("create")
    work_off(ping.services)
    assert ping.lines() == []


def test_over_a_limit_that_only_the_headers_tell_everything_arrives(ping: Ping) -> None:
    """Nobody published a number: five calls a second are kept to as the answers say, and a 429 spends no attempt."""
    ping.emulator.window.set(Limit(count=5, seconds=1))
    for number in range(1, 9):
        ping.tell("create", id=number)
    work_off(ping.services)
    assert len(ping.customers()) == 8
    assert {one["attempts"] for one in owed(ping.services, destination="pingnetwork")} == {1}


RESETS = {
    "seconds": ({"X-RateLimit-Reset": "3"}, 3),
    "Retry-After before it": ({"X-RateLimit-Reset": "3", "Retry-After": "7"}, 7),
    "nothing": ({}, 10),
    "no number": ({"X-RateLimit-Reset": "soon"}, 10),
    "no time at all": ({"X-RateLimit-Reset": "0"}, 10),
    "an epoch": ({"X-RateLimit-Reset": "1793000000"}, 10),
    "a day": ({"X-RateLimit-Reset": "86400"}, 3600),
}


@pytest.mark.parametrize(("headers", "seconds"), RESETS.values(), ids=RESETS)
@pytest.mark.parametrize("finds", [False, True])
def test_a_429_closes_the_lane_until_the_reset_it_names(
    ping: Ping, headers: dict[str, str], seconds: int, finds: int
) -> None:
    """The reset is in seconds; whatever else it may hold, the lane is closed for a while and opens again."""
    over = Response(status=429, headers=headers, body=b"{}")
    work = ping.work("record", sent("customers_create"))
    outcome = lookup_outcome(ping.vendor, work, over) if finds else ping.vendor.read_response(work, over)
    assert outcome == Deferred(
        reason="429 over the rate limit", after=timedelta(seconds=seconds), block=True, waiting=True
    )
