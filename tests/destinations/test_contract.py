"""The contract of every destination: whatever its vendor answers or fails to answer, nothing is lost or doubled."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from plugin import destinations
from plugin.rules import rule_file
from plugin.sandbox import Fault
from plugin.storage.tables import attempts, connections
from tests.support.running_line import hurry, only, personal, tries, turn, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop

# The call of each vendor that must not be doubled, as its emulator writes it down, and the action it belongs to.
CALLS = {
    "chitchats": ("POST /api/v1/clients/1/shipments", "book"),
    "chrts": ("POST /event/track", "track"),
    "pingnetwork": ("POST /v2/customers", "record"),
    "segment": ("POST /v1/track", "track"),
    "shiptheory": ("POST /v1/shipments", "book"),
}
# Settings with which that call can be told from the vendor's others.
SETTINGS = {"segment": {"path": "single"}}
# The webhook that leads to it, where it is not that of a new order.
TOLD = {"pingnetwork": "customers/create"}
# Where what the call makes may be there already, it is looked for before the first try too.
LOOKS_FIRST = {"pingnetwork"}
SECRETS = {
    "chitchats": {"token": "tok-en-1"},
    "chrts": {"api_key": "key-en-1"},
    "pingnetwork": {"token": "tok-en-1"},
    "segment": {"write_key": "key-en-1"},
    "shiptheory": {"token": "tok-en-1"},
}
names = pytest.mark.parametrize("name", destinations.names())


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """The embedded one: nothing here depends on the kind of database."""
    return embedded


def reconnect(shop: Shop, name: str, **settings: str) -> None:
    """Give the connection that is tested other settings."""
    shop.reconnect(name, **SETTINGS.get(name, {}), **settings)


@pytest.fixture(autouse=True)
def connected(shop: Shop, name: str) -> None:
    """The shop is connected to the destination that is tested, and as it was to the others."""
    if name not in {item.destination for item in shop.services.stores.connections()}:
        reconnect(shop, name)
    # Of several that book parcels the one that is tested is asked first.
    first = rule_file.read("priority: 1\nrules: [{name: all}]", "rules.yaml")
    with shop.services.database.write() as db:
        db.execute(update(connections).where(connections.c.destination == name).values(rules=first))
    # A second between two calls would be all that is left to wait for.
    shop.sandbox.emulators[name].window.set(None)


def fault(shop: Shop, name: str, kind: Any, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
    """Let the vendor's important call go wrong once, or as often as said."""
    shop.sandbox.emulators[name].faults.add(Fault(kind, match=CALLS[name][0], **more))


def tell(shop: Shop, name: str, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """What the important call is about arrives and is routed: an order, or a customer."""
    topic = TOLD.get(name, "orders/create")
    assert shop.post(topic, sent(topic.replace("/", "_")) | changes).status_code == 200


def tell_of_others(shop: Shop, name: str, count: int) -> None:
    """The same of so many other people."""
    customer = sent("orders_create")["customer"]
    for number in range(count):
        others = {"cart_token": str(number), "customer": customer | {"id": 100 + number}}
        tell(shop, name, id=number, **(others if name not in TOLD else {}))


def made(shop: Shop, name: str) -> int:
    """How many bookings, counted sales or records the vendor has."""
    if name == "pingnetwork":
        return len(shop.sandbox.emulators[name].state()["customers"])
    if name == "shiptheory":
        return sum(one["status"] == "Complete" for one in shop.sandbox.emulators[name].state()["shipments"])
    if name == "segment":
        events = shop.sandbox.emulators[name].state()["events"]
        return sum(event["event"] == "Order Completed" for event in events)
    return len(shop.booked() if name == "chitchats" else shop.tracked("Order Completed"))


def calls(shop: Shop, name: str) -> int:
    """How often the important call arrived at the vendor."""
    lines = [f"{one['method']} {one['path']}" for one in shop.sandbox.emulators[name].requests()]
    return lines.count(CALLS[name][0])


def delivery(shop: Shop, name: str) -> dict[str, Any]:
    """The delivery of the important call."""
    return only(shop.services, destination=name, action=CALLS[name][1])


# What goes wrong once; how often the call is made then, and how many bookings or counts it leads to.
# A booking or a record is always looked up. A count can't be, so its default is "at most once more"; one that is known
# by its id is simply sent again.
ONCE: dict[str, tuple[dict[str, Any], dict[str, tuple[int, int]]]] = {
    "429": (
        {"kind": "status", "status": 429, "retry_after": 1},
        {"chitchats": (2, 1), "chrts": (2, 1), "segment": (2, 1)},
    ),
    "503": ({"kind": "status", "status": 503}, {"chitchats": (2, 1), "chrts": (2, 1), "segment": (2, 1)}),
    "500 in HTML": (
        {"kind": "status", "status": 500, "html": True},
        {"chitchats": (2, 1), "chrts": (2, 1), "segment": (2, 1)},
    ),
    "closed before": ({"kind": "refuse_before"}, {"chitchats": (2, 1), "chrts": (2, 1), "segment": (2, 1)}),
    "reset before": ({"kind": "reset_before"}, {"chitchats": (2, 1), "chrts": (2, 1), "segment": (2, 1)}),
    "reset after": ({"kind": "reset_after"}, {"chitchats": (1, 1), "chrts": (2, 2), "segment": (2, 1)}),
    "timeout after": (
        {"kind": "timeout_after", "seconds": 1.0},
        {"chitchats": (1, 1), "chrts": (2, 2), "segment": (2, 1)},
    ),
    "HTML": ({"kind": "garbage"}, {"chitchats": (1, 1), "chrts": (2, 2), "segment": (2, 1)}),
    "cut JSON": ({"kind": "cut"}, {"chitchats": (1, 1), "chrts": (2, 2), "segment": (2, 1)}),
    "nothing": ({"kind": "empty"}, {"chitchats": (1, 1), "chrts": (2, 2), "segment": (1, 1)}),
}


@pytest.mark.parametrize("trouble", ONCE)
@names
def test_trouble_that_passes_leaves_one_booking(
    shop: Shop, name: str, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done in the end: booked exactly once, counted as often as the operator chose, every try on the record."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.4)
    wrong, expected = ONCE[trouble]
    fault(shop, name, **wrong)
    tell(shop, name)
    work_off(shop.services)
    assert (calls(shop, name), made(shop, name)) == expected.get(name, expected["chitchats"])
    assert delivery(shop, name)["state"] == "done"
    sends = [one for one in tries(shop.services, destination=name, action=CALLS[name][1]) if one["purpose"] == "send"]
    assert len(sends) == calls(shop, name)


@names
def test_a_refused_connection_is_tried_again(shop: Shop, name: str) -> None:
    """A vendor that is down gets everything once it is up again; nothing was sent, so nothing is in doubt."""
    shop.sandbox.stop()
    tell(shop, name)
    turn(shop.services)
    turn(shop.services)
    found = delivery(shop, name)
    purposes = {one["purpose"] for one in tries(shop.services, destination=name, action=CALLS[name][1])}
    looks = name in LOOKS_FIRST
    assert (found["state"], "find" in purposes) == ("unknown" if looks else "waiting", looks)
    shop.sandbox.start()
    work_off(shop.services)
    assert (calls(shop, name), made(shop, name)) == (1, 1)


@names
def test_trouble_that_stays_ends_in_a_state_that_says_so(shop: Shop, name: str) -> None:
    """After as many tries as the setting allows it is `failed` and says so, for every vendor."""
    reconnect(shop, name, retry="2s/1h/7/4d")
    fault(shop, name, "status", times=None, status=503)
    tell(shop, name)
    work_off(shop.services)
    found = delivery(shop, name)
    assert (found["state"], calls(shop, name), made(shop, name)) == ("failed", 7, 0)
    assert "attempts" in found["reason"]


@pytest.mark.parametrize("status", [401, 403])
@names
def test_refused_credentials_pause_and_new_ones_release(shop: Shop, name: str, status: int) -> None:
    """One refusal, no hammering; what is owed waits, and goes out when the credentials are given again."""
    fault(shop, name, "status", times=None, status=status)
    tell(shop, name)
    work_off(shop.services)
    assert (calls(shop, name), made(shop, name), delivery(shop, name)["state"]) == (1, 0, "waiting")
    paused = {item.destination: item for item in shop.services.stores.connections()}[name]
    assert (paused.state, str(status) in (paused.reason or "")) == ("paused", True)
    shop.sandbox.emulators[name].faults.clear()
    reconnect(shop, name)
    work_off(shop.services)
    assert (calls(shop, name), made(shop, name)) == (2, 1)


@pytest.mark.parametrize(("status", "words"), [(400, "Injected 400"), (422, "Injected 422"), (302, "--base-url")])
@names
def test_a_refusal_for_good_is_failed_with_its_reason(shop: Shop, name: str, status: int, words: str) -> None:
    """It is not repeated, and says why in the vendor's own words."""
    fault(shop, name, "status", times=None, status=status)
    tell(shop, name)
    work_off(shop.services)
    found = delivery(shop, name)
    assert (calls(shop, name), made(shop, name), found["state"]) == (1, 0, "failed")
    assert words in found["reason"]


@names
def test_a_429_closes_the_lane_for_every_call(shop: Shop, name: str) -> None:
    """While `Retry-After` runs nothing else of that account goes out, from whichever worker."""
    fault(shop, name, "status", status=429, retry_after=60)
    tell(shop, name)
    while not calls(shop, name):
        turn(shop.services)
    heard = shop.sandbox.emulators[name].journal.total
    tell_of_others(shop, name, 4)
    for _ in range(5):
        hurry(shop.services)
        turn(shop.services)
    assert (shop.sandbox.emulators[name].journal.total, calls(shop, name)) == (heard, 1)


@names
def test_attempts_hold_nobody_s_name_address_or_secret(shop: Shop, name: str) -> None:
    """What is kept of requests and answers, in success and in refusal, tells nothing about a person."""
    reconnect(shop, name, **SECRETS[name])
    fault(shop, name, "status", status=503)
    tell(shop, name)
    work_off(shop.services)
    with shop.services.database.read() as db:
        kept = [str(row) for row in db.execute(select(attempts))]
    assert len(kept) >= 2
    words = ("tok-en", "key-en", *personal(sent("orders_create")))
    assert [word for word, row in itertools.product(words, kept) if word in row] == []
