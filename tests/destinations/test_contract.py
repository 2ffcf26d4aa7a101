"""The contract of every destination: whatever its vendor answers or fails to answer, nothing is lost or doubled."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from plugin.rules import rule_file
from plugin.sandbox import Fault
from plugin.storage.tables import attempts, connections
from tests.support.contract import NAMES, contract_of
from tests.support.running_line import hurry, only, personal, tries, turn, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop

names = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def reconnect(shop: Shop, name: str, **settings: str) -> None:
    """Give the connection that is tested other settings."""
    contract_of(name).connect(shop, name, **settings)


@pytest.fixture(autouse=True)
def connected(shop: Shop, name: str) -> None:
    """Connect the shop to the destination that is tested, and leave the others as they were."""
    reconnect(shop, name)
    # Of several that book parcels the one that is tested is asked first.
    first = rule_file.read("priority: 1\nrules: [{name: all}]", "rules.yaml")
    with shop.services.database.write() as db:
        db.execute(update(connections).where(connections.c.destination == name).values(rules=first))
    # A second between two calls would be all that is left to wait for.
    shop.sandbox.emulators[name].window.set(None)


def fault(shop: Shop, name: str, kind: Any, **more: Any) -> None:  # noqa: ANN401  (fields of a fault)
    """Let the vendor's important call go wrong once, or as often as said."""
    shop.sandbox.emulators[name].faults.add(Fault(kind, match=contract_of(name).call, **more))


def tell(shop: Shop, name: str, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Deliver the webhook of the important call: about an order, or a customer."""
    topic = contract_of(name).topic
    assert shop.post(topic, sent(topic.replace("/", "_")) | changes).status_code == 200


def tell_of_others(shop: Shop, name: str, count: int) -> None:
    """Deliver the same about so many other people."""
    customer = sent("orders_create")["customer"]
    for number in range(count):
        others = {"cart_token": str(number), "customer": customer | {"id": 100 + number}}
        tell(shop, name, id=number, **(others if contract_of(name).topic.startswith("orders/") else {}))


def made(shop: Shop, name: str) -> int:
    """Return how many bookings, counted sales or records the vendor has."""
    return contract_of(name).made(shop.sandbox.emulators[name].received())


def calls(shop: Shop, name: str) -> int:
    """Return how often the important call arrived at the vendor."""
    lines = [f"{one['method']} {one['path']}" for one in shop.sandbox.emulators[name].requests()]
    return lines.count(contract_of(name).call)


def delivery(shop: Shop, name: str) -> dict[str, Any]:
    """Return the delivery of the important call."""
    return only(shop.services, destination=name, action=contract_of(name).action)


# What goes wrong once, before the call takes effect: then it is simply made again.
BEFORE: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "retry_after": 1},
    "503": {"kind": "status", "status": 503},
    "500 in HTML": {"kind": "status", "status": 500, "html": True},
    "closed before": {"kind": "refuse_before"},
    "reset before": {"kind": "reset_before"},
}
# The same after it took effect. A booking or a record is always looked up. A count can't be, so its default is "at most
# once more"; one that is known by its id is simply sent again.
AFTER: dict[str, dict[str, Any]] = {
    "reset after": {"kind": "reset_after"},
    "timeout after": {"kind": "timeout_after", "seconds": 1.0},
    "HTML": {"kind": "garbage"},
    "cut JSON": {"kind": "cut"},
    "nothing": {"kind": "empty"},
}


def expected(name: str, trouble: str) -> tuple[int, int]:
    """Return how often the call is made then, and how many bookings or counts it leads to."""
    contract = contract_of(name)
    if trouble == "nothing" and contract.after_emptiness:
        return contract.after_emptiness
    return contract.after_loss if trouble in AFTER else (2, 1)


@pytest.mark.parametrize("trouble", [*BEFORE, *AFTER])
@names
def test_trouble_that_passes_leaves_one_booking(
    shop: Shop, name: str, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done in the end: booked exactly once, counted as often as the operator chose, every try on the record."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.4)
    fault(shop, name, **(BEFORE | AFTER)[trouble])
    tell(shop, name)
    work_off(shop.services)
    assert (calls(shop, name), made(shop, name)) == expected(name, trouble)
    assert delivery(shop, name)["state"] == "done"
    sends = [
        one
        for one in tries(shop.services, destination=name, action=contract_of(name).action)
        if one["purpose"] == "send"
    ]
    assert len(sends) == calls(shop, name)


@names
def test_a_refused_connection_is_tried_again(shop: Shop, name: str) -> None:
    """A vendor that is down gets everything once it is up again; nothing was sent, so nothing is in doubt."""
    shop.sandbox.stop()
    tell(shop, name)
    turn(shop.services)
    turn(shop.services)
    found = delivery(shop, name)
    purposes = {one["purpose"] for one in tries(shop.services, destination=name, action=contract_of(name).action)}
    looks = contract_of(name).looks_first
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
    reconnect(shop, name, **contract_of(name).secrets)
    fault(shop, name, "status", status=503)
    tell(shop, name)
    work_off(shop.services)
    with shop.services.database.read() as db:
        kept = [str(row) for row in db.execute(select(attempts))]
    assert len(kept) >= 2
    words = (*contract_of(name).secrets.values(), *personal(sent("orders_create")))
    assert [word for word, row in itertools.product(words, kept) if word in row] == []
