"""Segment at the end of the whole line: webhooks in, batches out, whatever goes wrong in between."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from plugin.core import log
from plugin.delivery.round import Worker
from plugin.sandbox import Fault
from tests.destinations.chitchats.connected_shop import BUYING
from tests.support.running_line import hurry, only, owed, turn, work_off
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Backend
    from tests.support.shop import Shop


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Return the shop, with Segment besides."""
    shop.reconnect("segment")
    return shop


def orders(shop: Shop, count: int, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """So many orders of as many people arrive."""
    document = sent("orders_create")
    for number in range(count):
        email = f"buyer{number}@example.com"
        own = {
            "id": 1000 + number,
            "cart_token": f"cart{number}",
            "checkout_token": f"checkout{number}",
            "note_attributes": [],
            "email": email,
            "contact_email": email,
            "customer": document["customer"] | {"id": 500 + number, "email": email},
        }
        assert shop.post("orders/create", document | own | changes).status_code == 200


def state(shop: Shop) -> dict[str, Any]:
    """Return what Segment knows."""
    return shop.sandbox.emulators["segment"].state()


def told(shop: Shop) -> list[dict[str, Any]]:
    """Return the deliveries to Segment."""
    return owed(shop.services, destination="segment")


def completed(shop: Shop) -> list[str]:
    """Return the orders of which Segment counted a sale."""
    found = [one for one in state(shop)["events"] if one["event"] == "Order Completed"]
    return sorted(one["properties"]["order_id"] for one in found)


def test_many_deliveries_go_out_in_few_calls(shop: Shop) -> None:
    """Sixty messages about twenty people, each person's in order, and none of it dropped."""
    orders(shop, 20)
    work_off(shop.services)
    known = state(shop)
    assert (known["dropped"], known["repeats"], len(known["messages"])) == ([], 0, 60)
    assert len(known["batches"]) < 20
    kinds: dict[str, list[str]] = {}
    for one in known["messages"]:
        kinds.setdefault(one["userId"], []).append(one["type"])
    assert set(map(tuple, kinds.values())) == {("identify", "alias", "track")}
    assert {one["state"] for one in told(shop)} == {"done"}


def test_the_visitor_and_the_customer_are_one_person(shop: Shop) -> None:
    """In the receiver's view, by the identify with both ids."""
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    (person,) = state(shop)["people"]
    assert len(person["ids"]) == 2
    assert person["events"] == ["Order Completed"]


@pytest.mark.parametrize("kind", ["reset_after", "timeout_after", "garbage", "cut"])
def test_a_lost_answer_counts_nothing_twice(shop: Shop, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """The same messages under the same ids are sent again, and recognised."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.4)
    shop.sandbox.emulators["segment"].faults.add(Fault(kind, times=2, seconds=1.0))
    orders(shop, 3)
    work_off(shop.services)
    assert completed(shop) == ["1000", "1001", "1002"]
    assert state(shop)["repeats"] > 0
    assert {one["state"] for one in told(shop)} == {"done"}


def test_redelivery_and_replay_have_the_ids_of_the_first_time(shop: Shop) -> None:
    """Created, updated and paid, all of it twice: one sale, one payment, under one id each."""
    for _ in range(2):
        for topic in ("orders/create", "orders/updated", "orders/paid"):
            shop.post(topic, sent(topic.replace("/", "_")))
            work_off(shop.services)
    names = [one["event"] for one in state(shop)["events"]]
    assert (names.count("Order Completed"), names.count("Order Paid")) == (1, 1)


def test_sent_at_is_written_anew_on_each_attempt(shop: Shop) -> None:
    """Two attempts, two times, the same messages."""
    shop.sandbox.emulators["segment"].faults.add(Fault("status", status=503))
    orders(shop, 1)
    work_off(shop.services)
    first, second = [one["body"] for one in shop.sandbox.emulators["segment"].requests()][:2]
    assert first["batch"] == second["batch"]
    assert first["sentAt"] < second["sentAt"]


def refusing(shop: Shop, preset: str, **more: Any) -> None:  # noqa: ANN401  (settings of an emulator)
    """Another kind of receiver, and a connection to it."""
    shop.sandbox.emulators["segment"].configure(preset=preset, **more)
    shop.reconnect("segment", preset=preset)


def test_one_bad_message_never_sinks_its_batch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """RudderStack refuses a whole batch for one message: it is halved until that one is alone."""
    refusing(shop, "rudderstack")
    spoil(monkeypatch, "1007")
    orders(shop, 16)
    work_off(shop.services)
    assert completed(shop) == [str(number) for number in range(1000, 1016) if number != 1007]
    (bad,) = [one for one in told(shop) if one["state"] != "done"]
    assert (bad["state"], bad["action"]) == ("failed", "track")
    assert "neither userId nor anonymousId" in bad["reason"]


@pytest.mark.parametrize("names_errors", [True, False])
def test_an_error_inside_a_200_finds_its_message(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, *, names_errors: bool
) -> None:
    """Jitsu answers 200 and counts; whether or not it names the one, only that one fails."""
    refusing(shop, "jitsu", names_errors=names_errors)
    spoil(monkeypatch, "1003")
    orders(shop, 8)
    work_off(shop.services)
    assert set(completed(shop)) == {str(number) for number in range(1000, 1008) if number != 1003}
    (bad,) = [one for one in told(shop) if one["state"] != "done"]
    assert (bad["state"], bad["action"]) == ("failed", "track")


def spoil(monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    """Have the receiver find fault with the sale of one order, as if by a rule that nobody knows of."""
    wanted = f'"order_id": "{order}"'

    def is_bad(item: Any) -> bool:  # noqa: ANN401  (any JSON value)
        return wanted in json.dumps(item)

    monkeypatch.setattr("plugin.sandbox.segment.rules.has_id", lambda item: not is_bad(item))


def test_a_wrong_key_pauses_and_the_right_one_releases(shop: Shop) -> None:
    """Segment answers 400 to it: nothing fails, all of it goes out when the key is mended."""
    shop.reconnect("segment", write_key="revoked")
    orders(shop, 3)
    work_off(shop.services)
    assert {one["state"] for one in told(shop)} == {"waiting"}
    (found,) = [one for one in shop.services.stores.connections() if one.destination == "segment"]
    assert (found.state, "write key" in (found.reason or "")) == ("paused", True)
    shop.reconnect("segment")
    work_off(shop.services)
    assert completed(shop) == ["1000", "1001", "1002"]


@pytest.mark.parametrize(
    ("preset", "trouble"), [("rudderstack", {"source_disabled": True}), ("jitsu", {"quota_used_up": True})]
)
def test_what_is_no_message_s_fault_pauses(shop: Shop, preset: str, trouble: dict[str, bool]) -> None:
    """A source that is switched off, a quota that is used up: kept until somebody mends it."""
    refusing(shop, preset, **trouble)
    orders(shop, 2)
    work_off(shop.services)
    assert {one["state"] for one in told(shop)} == {"waiting"}
    refusing(shop, preset, **dict.fromkeys(trouble, False))
    work_off(shop.services)
    assert completed(shop) == ["1000", "1001"]


def test_an_order_that_is_too_large_is_held_and_the_others_go(shop: Shop) -> None:
    """Its reason names the limit and the setting; with a receiver that takes more, it goes out too."""
    lines = [sent("orders_create")["line_items"][0] | {"id": number} for number in range(200)]
    orders(shop, 1, line_items=lines)
    orders(shop, 2, id=7)
    work_off(shop.services)
    held = only(shop.services, destination="segment", state="held")
    assert "item_bytes" in held["reason"]
    assert "32000" in held["reason"]
    assert completed(shop) == ["7"]
    assert state(shop)["dropped"] == []
    shop.sandbox.emulators["segment"].configure(preset="jitsu")
    shop.reconnect("segment", preset="jitsu")
    work_off(shop.services)
    assert completed(shop) == ["1000", "7"]


def test_bodies_stay_within_their_caps(shop: Shop) -> None:
    """However much is waiting: no call has more messages or bytes than the settings say."""
    shop.reconnect("segment", batch_items="7", batch_bytes="9000")
    orders(shop, 25)
    work_off(shop.services)
    sizes = [(one["items"], one["bytes"]) for one in state(shop)["batches"]]
    assert max(items for items, _ in sizes) <= 7
    assert max(size for _, size in sizes) <= 9_000
    assert len(completed(shop)) == 25


def test_more_than_a_vendor_takes_in_one_call_is_cut(shop: Shop) -> None:
    """With Segment's own caps: 400 large orders are more than 500 KB, and not one call is refused."""
    lines = [sent("orders_create")["line_items"][0] | {"id": number} for number in range(20)]
    orders(shop, 60, line_items=lines)
    work_off(shop.services)
    known = state(shop)
    assert len(completed(shop)) == 60
    assert max(one["bytes"] for one in known["batches"]) <= 500_000
    statuses = {one["status"] for one in shop.sandbox.emulators["segment"].requests()}
    assert (statuses, known["dropped"]) == ({200}, [])


def test_halves_are_finished_by_the_round_that_made_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that is at its end takes a refused call apart all the same; another one would begin with the whole."""
    refusing(shop, "rudderstack")
    spoil(monkeypatch, "1001")
    orders(shop, 4)
    for _ in range(8):
        hurry(shop.services)
        turn(shop.services)
    assert {one["state"] for one in told(shop)} == {"done", "failed"}


def test_what_a_stopped_round_had_halved_is_in_no_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM in between: the halves wait, as refused and not as lost, and go out with the next round."""
    refusing(shop, "rudderstack")
    spoil(monkeypatch, "1001")
    orders(shop, 4)
    for worker in stopped_when_halving(monkeypatch, shop):
        worker.round(5)
    assert "sending" not in {one["state"] for one in told(shop)}
    assert "refused together" in str([one["reason"] for one in told(shop)])
    work_off(shop.services)
    assert completed(shop) == ["1000", "1002", "1003"]


def stopped_when_halving(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> Iterator[Worker]:
    """Return a worker that is told to stop the moment a call has been halved."""
    worker = Worker(shop.services)
    tell = log.trouble

    def hear(step: str, **more: Any) -> None:  # noqa: ANN401  (what is logged)
        if step == "batch halved":
            worker.stopping.set()
        tell(step, **more)

    with monkeypatch.context() as patched:
        patched.setattr(log, "trouble", hear)
        yield worker
    worker.close()


def test_chrts_takes_segment_s_format_too(shop: Shop) -> None:
    """With `wire=segment` its messages go to the operator's address, in batches."""
    connect(shop.services, shop.store, "chrts", shop.sandbox.base_url, api_key="k2", wire="segment", rate="1000/1s")
    orders(shop, 5)
    work_off(shop.services)
    assert {one["state"] for one in owed(shop.services, destination="chrts")} == {"done"}
    assert shop.tracked() == []
    # Segment itself is connected as well, so each sale is there twice, under two accounts' ids.
    assert completed(shop) == sorted([*(str(number) for number in range(1000, 1005))] * 2)


@pytest.mark.parametrize(("choice", "state_of_track", "calls"), [("again", "done", 2), ("never", "failed", 1)])
def test_chrts_lost_count_in_segment_s_format_follows_the_choice(
    shop: Shop, choice: str, state_of_track: str, calls: int
) -> None:
    """Whether chrts knows a message again is unknown: a sale whose answer was lost goes out once more, or never."""
    shop.services.stores.pause(connection_id(shop, "segment"), "not now")
    own = {"api_key": "k2", "wire": "segment", "lost_track": choice, "rate": "1000/1s"}
    connect(shop.services, shop.store, "chrts", shop.sandbox.base_url, **own)
    shop.sandbox.emulators["segment"].faults.add(Fault("reset_after"))
    orders(shop, 1)
    work_off(shop.services)
    found = {one["action"]: one for one in owed(shop.services, destination="chrts")}
    assert [found[action]["state"] for action in ("identify", "alias", "track")] == ["done", "done", state_of_track]
    bodies = [json.dumps(one["body"]) for one in shop.sandbox.emulators["segment"].requests()]
    assert sum("Order Completed" in body for body in bodies) == calls


def connection_id(shop: Shop, destination: str) -> str:
    """Return the id of the connection to a destination."""
    (found,) = [one for one in shop.services.stores.connections() if one.destination == destination]
    return found.id


STORY = (
    "carts/create",
    "carts/update",
    "checkouts/create",
    "checkouts/update",
    "orders/create",
    "orders/paid",
    "refunds/create",
    "fulfillments/create",
    "fulfillment_events/create",
    "customers/update",
)


def test_segment_is_told_every_fact_that_chrts_is_told(shop: Shop) -> None:
    """From the cart to the parcel's arrival and the money that went back: the same events, each as often."""
    for topic in STORY:
        assert shop.post(topic, sent(topic.replace("/", "_"))).status_code == 200
        work_off(shop.services)
    known = Counter(one["event"] for one in state(shop)["events"])
    assert known == Counter(one["name"] for one in shop.tracked())
    told_of = {"Product Added", "Cart Updated", "Checkout Started", "Checkout Step Completed", "Order Completed"}
    assert told_of | {"Order Refunded", "Order Shipped", "Order Delivered"} <= set(known)
    assert state(shop)["dropped"] == []


def test_segment_is_told_of_our_own_parcels(shop: Shop) -> None:
    """A booking that gained its number is news to every receiver, not only to the one it was first written for."""
    shop.reconnect("chitchats", **BUYING)
    assert shop.post("orders/create", sent("orders_create")).status_code == 200
    work_off(shop.services)
    (shipped,) = [one for one in state(shop)["events"] if one["event"] == "Order Shipped"]
    assert shipped["properties"]["tracking_number"] == shop.booked()[0]["carrier_tracking_code"]
