"""Cart Abandoned: sent of a checkout that was left, once, and of no other."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from plugin.core.event import Envelope
from plugin.operations import replay
from plugin.routing.route import route_due
from plugin.storage import queries
from plugin.storage.inbox import Incoming
from plugin.storage.tables import deliveries
from tests.support.examples import examples
from tests.support.running_line import column, events, hurry, only, owed, turn, work_off
from tests.support.shop import ADDRESS, SECRET, connect, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Backend
    from tests.support.shop import Shop


LEFT = "Cart Abandoned"
HOURS = 24


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite alone: nothing here depends on the kind of database."""
    return embedded


def post(shop: Shop, topic: str, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Deliver a webhook and work it off."""
    assert shop.post(topic, sent(topic.replace("/", "_")) | changes).status_code == 200
    work_off(shop.services)


def let_hours_pass(shop: Shop) -> None:
    """Let every wait end, and send what follows from it."""
    hurry(shop.services, watched=True)
    turn(shop.services)
    work_off(shop.services)


def waits(shop: Shop, state: str | None = None) -> list[dict[str, Any]]:
    """Return the waits, oldest first."""
    return owed(shop.services, action="await", state=state)


def test_a_wait_does_not_end_before_what_came_meanwhile_is_read(shop: Shop) -> None:
    """The order was answered 200; that a dozen other webhooks are read first does not make its buyer one who left."""
    post(shop, "checkouts/update")
    for number in range(12):
        other = sent("customers_update") | {"id": 900 + number, "email": f"p{number}@example.com"}
        assert shop.post("customers/update", other).status_code == 200
    assert shop.post("orders/create", sent("orders_create")).status_code == 200
    let_hours_pass(shop)
    assert shop.tracked(LEFT) == []
    let_hours_pass(shop)
    assert [one["reason"] for one in waits(shop, "skipped")] == ["it became an order"]
    assert shop.tracked(LEFT) == []


def test_a_checkout_that_is_left_is_told_of_once(shop: Shop) -> None:
    """A day later, with its goods and its money; nothing more comes of it, replayed or sent again."""
    post(shop, "checkouts/update")
    assert shop.tracked(LEFT) == []
    let_hours_pass(shop)
    for _ in range(2):
        replay.replay_events(shop.services.database, [row["id"] for row in events(shop.services)])
        post(shop, "checkouts/update")
        let_hours_pass(shop)
    (left,) = shop.tracked(LEFT)
    (started,) = shop.tracked("Checkout Started")
    same = {name: value for name, value in started["properties"].items() if name != "occurred_at"}
    ended = datetime.fromisoformat(sent("checkouts_update")["updated_at"]) + timedelta(hours=HOURS)
    assert left["properties"] == same | {"occurred_at": ended.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")}
    assert left["id"] == started["id"]


def test_it_waits_for_as_long_as_the_setting_says_and_meanwhile_the_line_is_idle(shop: Shop) -> None:
    """A wait is no work that is left to do: it counts once it is due."""
    shop.reconnect("chrts", abandoned_hours="3")
    before = datetime.now(UTC)
    post(shop, "checkouts/update")
    due = column(shop.services, "due_at", action="await")
    assert before + timedelta(hours=3) <= due <= datetime.now(UTC) + timedelta(hours=3)
    assert queries.is_idle(shop.services.database)
    assert queries.backlogs(shop.services.database) == {}
    hurry(shop.services, watched=True)
    assert not queries.is_idle(shop.services.database)


def test_nothing_else_of_its_person_waits_for_it(shop: Shop) -> None:
    """Calls about one person go in order, but a wait is none of them."""
    post(shop, "checkouts/update")
    post(shop, "customers/update")
    assert {one["state"] for one in owed(shop.services, destination="chrts") if one["action"] != "await"} == {"done"}
    assert len(waits(shop, "waiting")) == 1


LATER = "2026-11-20T10:05:00-06:00"
ENDS: dict[str, tuple[Callable[[Shop], None], str]] = {
    "touched": (lambda shop: post(shop, "checkouts/update", updated_at=LATER, email="b@example.com"), "touched since"),
    "ordered": (lambda shop: post(shop, "orders/create"), "became an order"),
    "ordered, by cart": (lambda shop: post(shop, "orders/create", checkout_token=None), "became an order"),
    "paid": (lambda shop: post(shop, "orders/paid"), "became an order"),
    "deleted": (lambda shop: post(shop, "checkouts/delete"), "deleted"),
    "completed": (lambda shop: post(shop, "checkouts/update", updated_at=LATER, completed_at=LATER), "touched since"),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_was_touched_completed_or_deleted_was_not_left(shop: Shop, end: str) -> None:
    """The wait ends as skipped and says why; a new version has a wait of its own unless it is the last."""
    follow, words = ENDS[end]
    post(shop, "checkouts/update")
    follow(shop)
    first = waits(shop)[0]["id"]
    let_hours_pass(shop)
    (ended,) = [one for one in waits(shop) if one["id"] == first]
    assert (ended["state"], words in ended["reason"]) == ("skipped", True)
    assert len(shop.tracked(LEFT)) == (1 if end == "touched" else 0)


@pytest.mark.parametrize("end", [name for name in ENDS if name not in ("touched", "completed")])
def test_a_checkout_that_comes_after_its_end_is_not_waited_for(shop: Shop, end: str) -> None:
    """Webhooks overtake each other: what is over by then begins no wait."""
    follow, _ = ENDS[end]
    follow(shop)
    post(shop, "checkouts/update")
    assert waits(shop) == []


def test_a_late_version_is_not_waited_for(shop: Shop) -> None:
    """The newest one is waited for already."""
    post(shop, "checkouts/update")
    post(shop, "checkouts/create")
    assert len(waits(shop)) == 1


def test_a_deletion_is_of_what_was_there_before_it(shop: Shop) -> None:
    """Only the cart is named: a checkout that is touched afterwards is alive."""
    post(shop, "checkouts/delete")
    post(shop, "checkouts/update", updated_at="2027-01-05T10:00:00Z")
    let_hours_pass(shop)
    assert len(shop.tracked(LEFT)) == 1


def test_a_deletion_that_names_no_cart_changes_nothing(shop: Shop) -> None:
    """Nobody could say which checkout it was."""
    post(shop, "checkouts/update")
    post(shop, "checkouts/delete", cart_token=None)
    let_hours_pass(shop)
    assert len(shop.tracked(LEFT)) == 1


def test_each_time_it_is_left_is_told(shop: Shop) -> None:
    """Left, touched after that, and left again."""
    for updated_at in ("2026-11-20T10:01:00-06:00", "2026-11-23T09:00:00-06:00"):
        post(shop, "checkouts/update", updated_at=updated_at)
        let_hours_pass(shop)
    assert len(shop.tracked(LEFT)) == 2


def test_the_operator_may_want_none_of_it(shop: Shop) -> None:
    """With 0 nothing waits; switched off while something waits, that ends as skipped."""
    post(shop, "checkouts/update")
    shop.reconnect("chrts", abandoned_hours="0")
    let_hours_pass(shop)
    assert only(shop.services, action="await")["state"] == "skipped"
    post(shop, "checkouts/update", updated_at=LATER)
    assert len(waits(shop)) == 1
    assert shop.tracked(LEFT) == []


@pytest.mark.parametrize(("before", "after", "times"), [("3", "24", 2), ("24", "3", 1)])
def test_other_hours_hold_for_what_waits(shop: Shop, before: str, after: str, times: int) -> None:
    """More hours than it was planned for are waited for first; what waits longer than the new ones is sent then."""
    shop.reconnect("chrts", abandoned_hours=before)
    post(shop, "checkouts/update")
    shop.reconnect("chrts", abandoned_hours=after)
    for _ in range(times):
        assert shop.tracked(LEFT) == []
        let_hours_pass(shop)
    (left,) = shop.tracked(LEFT)
    ended = datetime.fromisoformat(sent("checkouts_update")["updated_at"]) + timedelta(hours=int(after))
    assert left["properties"]["occurred_at"] == ended.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_an_empty_checkout_is_no_cart(shop: Shop) -> None:
    """Nothing was left in it."""
    post(shop, "checkouts/update", line_items=[])
    assert waits(shop) == []


def test_who_takes_the_consent_back_is_told_of_no_more(shop: Shop) -> None:
    """`consent=required` is asked again when the wait ends."""
    shop.reconnect("chrts", consent="required")
    customer = sent("checkouts_update")["customer"]
    post(shop, "checkouts/update", buyer_accepts_marketing=True, customer=customer | {"email_marketing_consent": None})
    gone = {"state": "unsubscribed", "consent_updated_at": "2026-11-27T08:00:00-06:00"}
    post(shop, "customers_email_marketing_consent/update", email_marketing_consent=gone)
    let_hours_pass(shop)
    assert only(shop.services, action="await")["state"] == "skipped"
    assert shop.tracked(LEFT) == []


def test_an_erasure_ends_the_wait(shop: Shop) -> None:
    """What is known of the person is gone, and nobody has to look at what waited for it."""
    post(shop, "checkouts/update")
    post(shop, "customers/redact", shop_domain=ADDRESS)
    let_hours_pass(shop)
    ended = only(shop.services, action="await")
    assert (ended["state"], "erased" in ended["reason"]) == ("skipped", True)


def test_the_link_with_the_secret_key_goes_nowhere(shop: Shop) -> None:
    """`abandoned_checkout_url` would let anybody into the checkout."""
    shop.reconnect("segment")
    assert "https" in sent("checkouts_update")["abandoned_checkout_url"]
    post(shop, "checkouts/update")
    let_hours_pass(shop)
    with shop.services.database.read() as db:
        kept = db.execute(select(deliveries.c.data, deliveries.c.key, deliveries.c.subject)).all()
    bodies = [one["body"] for name in ("chrts", "segment") for one in shop.sandbox.emulators[name].requests()]
    secret = sent("checkouts_update")["abandoned_checkout_url"]
    assert len(bodies) > 4
    assert not [text for text in map(str, [*kept, *bodies]) if "recover" in text or secret in text]


@pytest.mark.parametrize("preset", ["segment", "rudderstack", "jitsu", "customerio"])
def test_segment_and_its_kin_are_told_the_same(shop: Shop, preset: str) -> None:
    """With the time at which the wait ended, and under one id."""
    shop.sandbox.emulators["segment"].configure(preset=preset)
    shop.reconnect("segment", preset=preset)
    post(shop, "checkouts/update")
    let_hours_pass(shop)
    state = shop.sandbox.emulators["segment"].state()
    (left,) = [one for one in state["events"] if one["event"] == LEFT]
    (counted,) = shop.tracked(LEFT)
    assert left["properties"] == counted["properties"]
    assert left["originalTimestamp"] == counted["properties"]["occurred_at"]
    assert (state["dropped"], state["repeats"]) == ([], 0)


def test_chrts_in_segment_s_format_is_told_too(shop: Shop) -> None:
    """The second mode of chrts has all that the first has."""
    connect(shop.services, shop.store, "chrts", shop.sandbox.base_url, api_key="k2", wire="segment", rate="1000/1s")
    post(shop, "checkouts/update")
    let_hours_pass(shop)
    sent = [one["event"] for one in shop.sandbox.emulators["segment"].state()["events"]]
    assert sent.count(LEFT) == 1


def test_settings_that_changed_meanwhile_hold_nothing_up(shop: Shop) -> None:
    """The event is mapped again when the call is due; it still is the same one."""
    post(shop, "checkouts/update")
    shop.sandbox.stop()
    hurry(shop.services, watched=True)
    turn(shop.services)
    shop.sandbox.start()
    shop.reconnect("chrts", email_in_properties="yes")
    work_off(shop.services)
    (left,) = shop.tracked(LEFT)
    assert left["properties"]["email"] == sent("checkouts_update")["email"]
    assert json.dumps(left["properties"]).count("occurred_at") == 1


VERSIONS = [f"2026-11-20T10:0{minute}:00-06:00" for minute in (1, 2, 3)]
ENDINGS = st.sampled_from([(), ("orders/create",), ("orders/updated",), ("checkouts/delete",), ("orders/paid",) * 2])
STORES = itertools.count(1)


@settings(
    max_examples=examples(25, few=8),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ending=ENDINGS, batch=st.integers(1, 4), data=st.data())
def test_any_order_repetition_and_delay_tells_the_same(
    shop: Shop, ending: tuple[str, ...], batch: int, data: st.DataObject
) -> None:
    """The last version is sent once if nothing ended it, and none if something did, whatever came first."""
    store = shop.services.stores.add("shopify", f"shop-{next(STORES)}.myshopify.com", {"secret": SECRET}, None)
    connect(shop.services, store, "chrts", shop.sandbox.base_url, api_key=store.id, rate="1000/1s")
    bodies = [("checkouts/update", sent("checkouts_update") | {"updated_at": at}) for at in (*VERSIONS, *VERSIONS[1:])]
    bodies += [(topic, sent(topic.replace("/", "_"))) for topic in ending]
    for place, (topic, document) in enumerate(data.draw(st.permutations(bodies))):
        sent_at = datetime.fromisoformat("2026-11-20T18:00:00Z")
        envelope = Envelope(webhook_id=str(place), platform_topic=topic, triggered_at=sent_at)
        shop.services.inbox.put([Incoming(store_id=store.id, envelope=envelope, body=json.dumps(document).encode())])
        if place % batch == 0:
            route_due(shop.services)
    route_due(shop.services)
    let_hours_pass(shop)
    planned = [one for one in owed(shop.services, store_id=store.id) if one["what"] == f"track {LEFT}"]
    assert [one["state"] for one in planned] == ([] if ending else ["done"])
    ends = [one["properties"]["occurred_at"] for one in shop.tracked(LEFT)]
    assert set(ends) <= {"2026-11-21T16:03:00.000Z"}
