"""chrts: who is told of, in which order, and that a sale is counted once."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest

from plugin.sandbox import Fault
from tests.support.running_line import only, owed, tries, work_off
from tests.support.scripted_vendor import Scripted, answer
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Backend
    from tests.support.shop import Shop

TOPICS = ("orders/create", "orders/updated", "orders/paid")


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def post(shop: Shop, topic: str, webhook_id: str | None = None, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Deliver a webhook of the one order."""
    document = sent(topic.replace("/", "_")) | changes
    assert shop.post(topic, document, webhook_id).status_code == 200


def paths(shop: Shop) -> list[str]:
    """Return what chrts was called for, in order."""
    return [one["path"] for one in shop.sandbox.emulators["chrts"].requests()]


def state(shop: Shop) -> dict[str, Any]:
    """Return what chrts knows."""
    return shop.sandbox.emulators["chrts"].state()


def test_a_person_is_identified_then_joined_then_tracked(shop: Shop) -> None:
    """In that order, one call after the other, so that the event finds the person it belongs to."""
    post(shop, "orders/create")
    work_off(shop.services)
    assert paths(shop) == ["/customer/identify", "/customer/alias", "/event/track"]
    known = state(shop)
    (alias,), (event,) = known["aliases"], known["events"]
    assert list(known["identified"]) == [event["id"]] == [alias["userId"]]


def test_what_is_kept_of_a_call_names_nobody(shop: Shop) -> None:
    """Of one that was accepted where it went and its size; of one that was not, its form with every text hidden."""
    shop.sandbox.emulators["chrts"].faults.add(Fault("status", match="identify", times=1))
    post(shop, "orders/create")
    work_off(shop.services)
    failed, accepted = (one["request"] for one in tries(shop.services, action="identify"))
    assert re.fullmatch(r"POST /customer/identify \{.*\}", failed)
    assert re.fullmatch(r"POST /customer/identify, \d+ bytes", accepted)
    assert "@" not in failed


def test_trouble_with_the_first_call_holds_the_others_back(shop: Shop) -> None:
    """An event never overtakes the identify that says whose it is."""
    shop.sandbox.emulators["chrts"].faults.add(Fault("status", match="identify", times=3))
    post(shop, "orders/create")
    work_off(shop.services)
    assert paths(shop) == ["/customer/identify"] * 4 + ["/customer/alias", "/event/track"]


@pytest.mark.parametrize("order", list(itertools.permutations((*TOPICS, "again"))), ids=" ".join)
def test_a_sale_is_counted_once_in_whatever_order_its_webhooks_come(shop: Shop, order: Sequence[str]) -> None:
    """Create, update, payment and a redelivery of the creation: one Order Completed and one Order Paid."""
    for topic in order:
        post(shop, "orders/create" if topic == "again" else topic, "created" if topic in (TOPICS[0], "again") else None)
    work_off(shop.services)
    assert len(shop.tracked("Order Completed")) == len(shop.tracked("Order Paid")) == 1


def test_a_sale_is_counted_once_though_its_webhooks_come_one_by_one(shop: Shop) -> None:
    """Also when each was worked off before the next one came, and all of them come twice under new ids."""
    for topic in TOPICS * 2:
        post(shop, topic)
        work_off(shop.services)
    names = [event["name"] for event in shop.tracked()]
    assert (names.count("Order Completed"), names.count("Order Paid")) == (1, 1)


def test_an_update_is_told_once_though_something_older_came_between(shop: Shop) -> None:
    """Shopify repeats updates under new ids; a payment that was late must not make the repetition look new."""
    for topic in ("orders/create", "orders/updated", "orders/paid", "orders/updated"):
        post(shop, topic)
        work_off(shop.services)
    assert len(shop.tracked("Order Updated")) == 1


def test_one_person_s_traits_are_told_again_only_when_they_changed(shop: Shop) -> None:
    """Three webhooks of one order repeat the same customer."""
    for topic in TOPICS:
        post(shop, topic, line_items=sent("orders_create")["line_items"])
    work_off(shop.services)
    assert paths(shop).count("/customer/identify") == 1
    assert paths(shop).count("/customer/alias") == 1


def test_a_changed_customer_is_told_again(shop: Shop) -> None:
    """The newest traits are those that chrts ends up with."""
    for number, name in enumerate(("Ann", "Bea", "Ann")):
        customer = sent("customers_update") | {"first_name": name, "updated_at": f"2026-11-2{number + 1}T10:00:00Z"}
        shop.post("customers/update", customer)
        work_off(shop.services)
    assert paths(shop).count("/customer/identify") == 3


def test_a_guest_is_known_by_an_anonymous_id_only(shop: Shop) -> None:
    """No account, no user id, no alias; the sale still counts, and for one person."""
    assert shop.post("orders/create", sent("orders_create__guest")).status_code == 200
    work_off(shop.services)
    assert "/customer/alias" not in paths(shop)
    (event,) = shop.tracked("Order Completed")
    assert set(state(shop)["identified"]) <= {event["id"]}
    assert "@" not in event["id"]


@pytest.mark.parametrize(("choice", "calls", "words"), [("again", 2, ""), ("never", 1, "not sent again")])
def test_a_lost_count_follows_the_operator_s_choice(shop: Shop, choice: str, calls: int, words: str) -> None:
    """`again` may count twice, `never` may not count; either is shown, and neither goes on for ever."""
    shop.reconnect("chrts", lost_track=choice)
    shop.sandbox.emulators["chrts"].faults.add(Fault("reset_after", match="/event/track", times=None))
    post(shop, "orders/create")
    work_off(shop.services)
    found = only(shop.services, destination="chrts", action="track")
    assert (paths(shop).count("/event/track"), found["state"]) == (calls, "failed")
    assert "may or may not" in found["reason"]
    assert words in found["reason"]


def test_a_lost_identify_and_alias_are_simply_repeated(shop: Shop) -> None:
    """Telling the same traits twice does no harm."""
    for match in ("identify", "alias"):
        shop.sandbox.emulators["chrts"].faults.add(Fault("reset_after", match=match))
    post(shop, "orders/create")
    work_off(shop.services)
    assert [path.rpartition("/")[2] for path in paths(shop)] == ["identify"] * 2 + ["alias"] * 2 + ["track"]
    assert {one["state"] for one in owed(shop.services, destination="chrts")} == {"done"}


SAID = {
    "status false": (answer(200, {"status": False, "code": 400, "message": "Event name is required"}), "Event name"),
    "HTML": (answer(200, b"<html>Welcome</html>"), "does not say"),
    "an empty object": (answer(200, {}), "does not say"),
    "status as text": (answer(200, {"status": "true"}), "does not say"),
}


@pytest.mark.parametrize(("said", "words"), SAID.values(), ids=SAID)
def test_a_200_that_does_not_say_true_is_no_success(shop: Shop, said: bytes, words: str) -> None:
    """Only `status: true` in a 200 is; a plain false is a refusal in chrts' words, anything else is uncertain."""
    with Scripted(answer(200, {"status": True}), answer(200, {"status": True}), said) as vendor:
        other = shop.services.stores.add("shopify", "other.myshopify.com", {"secret": "s2"}, None)
        connect(shop.services, other, "chrts", vendor.url, api_key="k", lost_track="never")
        shop.post("orders/create", sent("orders_create"), secret="s2", address="other.myshopify.com")
        work_off(shop.services)
    found = only(shop.services, store_id=other.id, action="track")
    assert found["state"] == "failed"
    seen = [one["reason"] or "" for one in owed(shop.services, store_id=other.id)]
    assert any(words in reason or "answer was lost" in reason for reason in seen)
