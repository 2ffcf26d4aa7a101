"""Events that are routed together come to the same as one after the other; what is wrong with one stays its own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select, update

from plugin import destinations
from plugin.routing.route import route_due
from plugin.storage import claims
from plugin.storage.tables import bookings, deliveries, links, versions
from plugin.storage.tables import events as received
from tests.support.running_line import events, owed
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from mappings.canonical.document import Document
    from plugin.core.step import Step
    from plugin.services import Services
    from tests.support.shop import Shop

# One buyer's story, with what repeats, what overtakes and what takes back.
STORY = (
    ("carts/create", "carts_create"),
    ("checkouts/create", "checkouts_create"),
    ("orders/create", "orders_create"),
    ("customers/create", "customers_create"),
    ("orders/paid", "orders_paid"),
    ("orders/create", "orders_create"),
    ("orders/updated", "orders_updated"),
    ("refunds/create", "refunds_create"),
    ("orders/cancelled", "orders_cancelled"),
    ("customers/update", "customers_update"),
)
MOMENT = datetime(2026, 11, 30, tzinfo=UTC)
_OWN = {"id", "event_id", "store_id", "connection_id", "created_at", "updated_at", "due_at", "message", "data"}


def order(number: int) -> dict[str, Any]:
    """Return an order of a buyer of its own."""
    document = sent("orders_create")
    document |= {"cart_token": f"cart{number}", "checkout_token": f"checkout{number}", "checkout_id": 6_000 + number}
    document |= {"id": 7_000 + number, "name": f"#{number}", "email": f"buyer{number}@example.com"}
    return document | {"customer": document["customer"] | {"id": 8_000 + number, "email": document["email"]}}


def written(services: Services) -> list[tuple[str, ...]]:
    """Return all that routing wrote, with events by their place in the story, but for times."""
    happened = events(services)
    first = happened[0]["id"]
    found: list[tuple[str, ...]] = [("event", one["topic"], one["state"], str(one["reason"])) for one in happened]
    with services.database.read() as db:
        for table in (deliveries, bookings, links):
            columns = [column for column in table.c if column.name not in _OWN]
            rows = [tuple(_placed(str(value), first) for value in row) for row in db.execute(select(*columns))]
            found += sorted((table.name, *row) for row in rows)
    return found


def _placed(text: str, first: int) -> str:
    return re.sub(r"(event'?: ?)(\d+)", lambda found: f"{found[1]}{int(found[2]) - first}", text)


def test_together_is_as_one_after_the_other(shop: Shop) -> None:
    """Deliveries, bookings, links and events are the same, whether each is committed before the next is looked at."""
    connect(shop.services, shop.store, "segment", shop.sandbox.base_url, write_key="k")
    runs = []
    for limit in (1, len(STORY) + 1):
        _empty(shop.services)
        for number, (topic, name) in enumerate(STORY):
            assert shop.post(topic, sent(name), f"{limit}-{number}").status_code == 200
        with shop.services.database.write() as db:
            db.execute(update(received).values(received_at=MOMENT))
        while route_due(shop.services, limit):
            pass
        runs.append(written(shop.services))
    assert len(runs[0]) > len(STORY)
    assert runs[0] == runs[1]


def _empty(services: Services) -> None:
    with services.database.write() as db:
        for table in (versions, bookings, deliveries, links, received):
            db.execute(delete(table))


def _changed(monkeypatch: pytest.MonkeyPatch, change: Callable[[Document, tuple[Step, ...]], tuple[Step, ...]]) -> None:
    """Have what chrts is owed changed."""
    vendor = type(destinations.get("chrts"))
    original = vendor.plan
    monkeypatch.setattr(
        vendor, "plan", lambda self, topic, document, *rest: change(document, original(self, topic, document, *rest))
    )


def _refuse(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    raise ZeroDivisionError(len(steps))


@pytest.mark.parametrize(
    ("breaks", "fault"),
    [
        (_refuse, "ZeroDivisionError"),
        # What no database can hold, which shows only when all of them are written.
        (lambda steps: (replace(steps[0], key="half a \ud800"), *steps), "UnicodeEncodeError"),
    ],
    ids=["while it is planned", "while it is written"],
)
def test_what_is_wrong_with_one_is_its_own_trouble(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[tuple[Step, ...]], tuple[Step, ...]], fault: str
) -> None:
    """It is held and says so, leaves nothing half done, and the nine others are routed."""
    _changed(
        monkeypatch,
        lambda document, steps: breaks(steps) if getattr(document, "number", None) == "#3" else steps,
    )
    for number in range(10):
        assert shop.post("orders/create", order(number)).status_code == 200
    while route_due(shop.services, 10):
        pass
    states = [one["state"] for one in events(shop.services)]
    assert states == ["routed"] * 3 + ["held"] + ["routed"] * 6
    held = owed(shop.services, state="held")
    assert {one["action"] for one in held} == {"map"}
    assert all(fault in one["reason"] for one in held)
    assert not [one for one in owed(shop.services) if one["event"] == held[0]["event"] and one["action"] != "map"]


@pytest.mark.parametrize("field", ["cart_token", "checkout_token", "email", "name", "id"])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "half a surrogate"])
def test_what_a_database_refuses_to_compare_stays_alone(shop: Shop, field: str, text: str) -> None:
    """Whatever comes of an order with such a text, all other orders of its set are routed."""
    odd = order(1) | {field: text}
    for document in (order(0), odd, order(2)):
        assert shop.post("orders/create", document).status_code == 200
    while route_due(shop.services, 10):
        pass
    states = [one["state"] for one in events(shop.services)]
    assert (states[0], states[2]) == ("routed", "routed")
    assert states[1] in ("routed", "held")


# Only a server has several that write.
server = pytest.mark.parametrize("backend", ["server"], indirect=True)


@server
def test_what_another_has_at_hand_waits_and_keeps_its_order(services: Services, shop: Shop) -> None:
    """While a process has an order at hand, others route what is about other orders, and nothing later about it."""
    for topic, document in (("orders/create", order(1)), ("orders/create", order(2)), ("orders/paid", order(1))):
        assert shop.post(topic, document).status_code == 200
    ours = claims.Claim(store_id=shop.store.id, names=frozenset({"order:7001"}), whole_store=False)
    with services.database.write() as db:
        assert claims.claim(services.database, db, [("theirs", ours)]) == ["theirs"]
        assert route_due(services, 10) == 1
        assert [one["state"] for one in events(services)] == ["received", "routed", "received"]
    assert route_due(services, 10) == 2


@server
def test_a_whole_store_waits_for_those_who_have_something_of_it(services: Services, shop: Shop) -> None:
    """A request to erase a customer is obeyed when nobody is just writing down what it would miss, and alone."""
    part = claims.Claim(store_id=shop.store.id, names=frozenset({"order:1"}), whole_store=False)
    whole = claims.Claim(store_id=shop.store.id, names=frozenset(), whole_store=True)
    for held, asked in ((part, whole), (whole, part)):
        with services.database.write() as db, services.database.write() as other:
            assert claims.claim(services.database, db, [("held", held)]) == ["held"]
            assert claims.claim(services.database, other, [("asked", asked)]) == []
    with services.database.write() as db, services.database.write() as other:
        another = replace(part, names=frozenset({"order:2"}))
        assert claims.claim(services.database, db, [("one", part)]) == ["one"]
        assert claims.claim(services.database, other, [("other", another)]) == ["other"]


@server
def test_what_waits_holds_back_what_follows_it(services: Services, shop: Shop) -> None:
    """An event about two people, one of whom another process has at hand: nothing later overtakes it."""
    blocked, both, later = (
        claims.Claim(store_id=shop.store.id, names=frozenset(names), whole_store=False)
        for names in ({"customer:a"}, {"customer:a", "customer:b"}, {"customer:b"})
    )
    with services.database.write() as db, services.database.write() as other:
        claims.claim(services.database, db, [("blocked", blocked)])
        assert claims.claim(services.database, other, [("both", both), ("later", later)]) == []


@server
def test_one_process_at_a_time_takes(services: Services) -> None:
    """Between taking an event and claiming its order, nobody takes a later one about the same."""
    with services.database.write() as db, services.database.write() as other:
        with claims.turn_to_take(services.database, db) as ours:
            assert ours
            with claims.turn_to_take(services.database, other) as theirs:
                assert not theirs
        with claims.turn_to_take(services.database, other) as theirs:
            assert theirs


@server
def test_whoever_fails_while_taking_gives_the_turn_back(services: Services) -> None:
    """The lock of a transaction that failed would stay with its session, which goes back to the pool."""
    database = services.database
    with pytest.raises(ZeroDivisionError), database.write() as db, claims.turn_to_take(database, db):
        raise ZeroDivisionError
    with services.database.write() as db, claims.turn_to_take(services.database, db) as ours:
        assert ours
