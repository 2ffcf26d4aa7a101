"""Facts become messages of Segment's wire format; its receivers' answers are read, a 200 included."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Client, Order, Topic
from mappings.customer_data import (
    Alias,
    Fact,
    Identify,
    IdentityRules,
    Tenant,
    Track,
    fact_if_abandoned,
    facts,
    message,
    response,
)
from mappings.customer_data.context import LIBRARY
from mappings.destinations.segment import PRESETS
from mappings.schemas.schema import BodyIncomplete
from tests.support.folders import TESTS
from tests.support.golden import CANONICAL, KINDS, cases, check, read, read_history

if TYPE_CHECKING:
    from pathlib import Path

    from mappings.canonical.document import Document

FOLDER = TESTS / "destinations" / "segment"
SAMPLES = [*cases(CANONICAL), *cases(CANONICAL / "activity")]
TENANT = Tenant(platform="shopify", shop="crossdock-demo.myshopify.com")
SENDER = message.Sender(tenant=TENANT, namespace="a source", integrations={})
AT = datetime(2026, 11, 20, 16, 2, 11, 123456, tzinfo=UTC)


def order(**changes: Any) -> Order:
    """Return the usual order, changed."""
    found: Order = dataclasses.replace(read(Order, CANONICAL / "order_created__web.json"), **changes)
    return found


def told(document: Document, topic: Topic, **rules: Any) -> list[Fact]:
    """Return what is told of a document."""
    return list(facts(topic, document, TENANT, IdentityRules(**rules)))


def messages(document: Document, topic: Topic, **rules: Any) -> list[dict[str, Any]]:
    """Return what is told of a document, as messages."""
    return [json.loads(message.message(fact, document, SENDER)) for fact in told(document, topic, **rules)]


def a_track(name: str = "Order Paid", **changes: Any) -> Fact:
    """Return a fact with a key."""
    said: dict[str, Any] = {"user_id": "u", "anonymous_id": None, "properties": {}, "at": AT} | changes
    return Fact(
        key="order-paid:1",
        action="track",
        subject="person:u",
        group="order:1",
        content="c",
        only_if_changed=False,
        call=Track(name=name, **said),
    )


def sample(path: Path) -> list[dict[str, Any]]:
    """Everything that Segment is told of a canonical sample."""
    topic = Topic(path.stem.partition("__")[0])
    document = read(KINDS[topic], path)
    found = facts(topic, document, TENANT, IdentityRules(), read_history(path))
    return [json.loads(message.message(fact, document, SENDER)) for fact in found]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_documents_become_messages(path: Path) -> None:
    """Every canonical sample becomes exactly the messages written down for it."""
    check(sample(path), FOLDER / "requests" / path.name)


def test_a_checkout_that_was_left_becomes_its_message() -> None:
    """What a wait leads to is written down like everything else that is told."""
    path = CANONICAL / "activity" / "checkout_updated__chosen.json"
    document = read(KINDS[Topic.CHECKOUT_UPDATED], path)
    fact = fact_if_abandoned(document, TENANT, IdentityRules(), read_history(path))
    assert fact is not None
    found = json.loads(message.message(fact, document, SENDER))
    check([found], FOLDER / "requests" / "later" / "checkout_left.json")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_times_have_milliseconds_and_utc(path: Path) -> None:
    """Longer fractions break receivers (docs/vendors/segment.md §6)."""
    for one in sample(path):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["timestamp"])
        assert "sentAt" not in one


def test_amounts_are_numbers_and_ids_are_text() -> None:
    """Money leaves as JSON numbers, ids beyond 2^53 whole and as text (§10)."""
    completed = messages(order(ref="9223372036854775807"), Topic.ORDER_CREATED)[-1]["properties"]
    assert completed["order_id"] == "9223372036854775807"
    assert {type(completed[name]) for name in ("total", "revenue", "shipping", "tax", "discount")} <= {int, float}
    assert {type(one["price"]) for one in completed["products"]} <= {int, float}
    assert {type(one["product_id"]) for one in completed["products"]} == {str}


def test_a_known_visitor_has_both_ids_and_an_alias_says_which_one_stays() -> None:
    """Receivers join people by an identify with both; an alias keeps `userId` (§9)."""
    identify, alias, track = messages(order(), Topic.ORDER_CREATED)
    assert [one["type"] for one in (identify, alias, track)] == ["identify", "alias", "track"]
    assert identify["userId"] == alias["userId"] == track["userId"]
    assert identify["anonymousId"] == alias["previousId"] == track["anonymousId"]


def test_a_guest_has_an_anonymous_id_only() -> None:
    """An absent id is left out, not sent as null."""
    for one in sample(CANONICAL / "order_created__guest_gb.json"):
        assert "userId" not in one
        assert one["anonymousId"]


def test_a_message_about_nobody_is_held() -> None:
    """Segment answers 200 and drops it (§7)."""
    for call in (
        Track(user_id=None, anonymous_id=None, name="x", properties={}, at=AT),
        Identify(user_id="", anonymous_id=None, traits={}, at=AT),
    ):
        fact = dataclasses.replace(a_track(), call=call)
        with pytest.raises(BodyIncomplete, match="userId missing"):
            message.message(fact, order(), SENDER)


def test_an_alias_without_a_previous_id_is_held() -> None:
    """Both ids of an alias are required (§9)."""
    fact = dataclasses.replace(a_track(), action="alias", call=Alias(user_id="u", previous_id="", at=AT))
    with pytest.raises(BodyIncomplete, match="previousId missing"):
        message.message(fact, order(), SENDER)


@pytest.mark.parametrize(("length", "fits"), [(1, True), (128, True), (129, False), (0, False)])
def test_an_event_name_is_as_long_as_every_receiver_takes(length: int, fits: bool) -> None:  # noqa: FBT001
    """Jitsu takes 128 characters (§11); without a name Segment drops the event (§7)."""
    fact = a_track("n" * length)
    if fits:
        assert json.loads(message.message(fact, order(), SENDER))["event"] == "n" * length
        return
    with pytest.raises(BodyIncomplete, match="event"):
        message.message(fact, order(), SENDER)


def test_properties_that_would_be_dropped_are_held() -> None:
    """Segment keeps 10,000 of an event and drops the rest (§3)."""
    most = {str(number): 1 for number in range(10_000)}
    assert message.message(a_track(properties=most), order(), SENDER)
    with pytest.raises(BodyIncomplete, match="properties: there are 10001"):
        message.message(a_track(properties=most | {"more": 1}), order(), SENDER)


def ids(document: Document, topic: Topic, sender: message.Sender = SENDER) -> dict[str, str]:
    """Return the id of each message by what it tells."""
    return {
        fact.call.name if isinstance(fact.call, Track) else fact.action: message.message_id(fact, sender)
        for fact in told(document, topic)
    }


def test_message_ids_are_safe_everywhere() -> None:
    """At most 64 characters that Jitsu would not replace (§11), and under Segment's 100 (§3)."""
    for path in SAMPLES:
        for one in sample(path):
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", one["messageId"])


def test_one_fact_has_one_id_whatever_tells_of_it() -> None:
    """Creation, a later version, and payment tell of one sale."""
    later = order(updated_at=order().updated_at + timedelta(days=400), note="changed", payment_status="paid")
    found = [
        ids(order(), Topic.ORDER_CREATED),
        ids(later, Topic.ORDER_UPDATED),
        ids(later, Topic.ORDER_PAID),
    ]
    assert len({one["Order Completed"] for one in found}) == 1
    assert len({one["alias"] for one in found}) == 1


def test_what_has_no_key_is_told_apart_by_content_and_version() -> None:
    """The same update has one id for ever; another content, or the old one come back, has another."""
    first = order(payment_status="pending")
    changed = order(payment_status="paid", updated_at=first.updated_at + timedelta(hours=1))
    back = order(payment_status="pending", updated_at=first.updated_at + timedelta(hours=2))
    updates = [ids(one, Topic.ORDER_UPDATED)["Order Updated"] for one in (first, changed, back)]
    assert len(set(updates)) == 3
    assert ids(first, Topic.ORDER_UPDATED)["Order Updated"] == updates[0]
    identifies = {ids(one, Topic.ORDER_UPDATED)["identify"] for one in (first, first)}
    assert len(identifies) == 1


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SENDER, namespace="another source"),
        dataclasses.replace(SENDER, tenant=Tenant(platform="shopify", shop="other.myshopify.com")),
        dataclasses.replace(SENDER, tenant=Tenant(platform="saleor", shop=TENANT.shop)),
    ],
    ids=["source", "shop", "platform"],
)
def test_ids_of_others_are_others(other: message.Sender) -> None:
    """Segment looks for repeats among the messages of all its customers (§5)."""
    mine, theirs = ids(order(), Topic.ORDER_PAID), ids(order(), Topic.ORDER_PAID, other)
    assert not set(mine.values()) & set(theirs.values())


def test_ids_of_one_document_differ() -> None:
    """No two facts of one document are taken for each other."""
    for path in SAMPLES:
        found = [one["messageId"] for one in sample(path)]
        assert len(set(found)) == len(found)


def test_a_message_id_never_changes() -> None:
    """Written down once: a release that changed it would count everything twice that is replayed after it."""
    assert message.message_id(a_track(), SENDER) == "crossdock-5e1378bc92c7bbcf3309f710ad8a7425349e8c143c9bc772"


def context(**client: Any) -> dict[str, Any]:
    """Return the context of an order's sale, as its buyer's browser was."""
    found: dict[str, Any] = messages(order(client=Client(**client)), Topic.ORDER_CREATED)[-1]["context"]
    return found


def test_context_holds_what_is_known_of_the_visit() -> None:
    """The buyer's address and browser, not ours; campaign and referrer (docs/vendors/storefront-to-segment.md §6.3)."""
    found = context(
        ip="203.0.113.9",
        user_agent="Browser/1",
        landing_url="/?utm_source=mail&utm_medium=email&utm_campaign=autumn&utm_term=mug&utm_content=top&key=secret",
        referrer="https://www.example.com/",
    )
    campaign = {"source": "mail", "medium": "email", "name": "autumn", "term": "mug", "content": "top"}
    assert found["campaign"] == campaign
    assert (found["ip"], found["userAgent"]) == ("203.0.113.9", "Browser/1")
    assert found["page"] == {"referrer": "https://www.example.com/"}
    assert found["channel"] == "server"
    assert found["locale"] == order().locale
    assert "secret" not in json.dumps(found)


def test_context_leaves_out_what_nobody_said() -> None:
    """No key without a value, and a landing page that is no address has no campaign."""
    assert context(landing_url="http://[bad").keys() == {"library", "channel", "locale", "externalIds"}


def test_a_customer_s_number_is_an_external_id_no_other_shop_s_can_be() -> None:
    """Receivers join people by it, so it goes only with a call that names the person."""
    identify = messages(order(), Topic.ORDER_CREATED)[0]
    (external,) = identify["context"]["externalIds"]
    assert (external["type"], external["collection"]) == ("shopify_customer_id", "users")
    assert external["id"].startswith(f"shopify:{TENANT.shop}:")
    for one in messages(order(), Topic.ORDER_CREATED, user_id="none"):
        assert "externalIds" not in one["context"]


def test_the_library_is_this_one() -> None:
    """Its version is the package's."""
    assert {"name": "crossdock", "version": importlib.metadata.version("crossdock")} == LIBRARY


def test_presets_are_no_wider_than_what_is_documented() -> None:
    """Section 3 and 11; a kilobyte is a thousand bytes where nobody says which."""
    for one in PRESETS.values():
        assert one.batch_items <= 2_500
    assert {PRESETS[name].item_bytes for name in ("segment", "rudderstack", "customerio")} == {32_000}
    assert {PRESETS[name].batch_bytes for name in ("segment", "customerio")} == {500_000}
    assert PRESETS["jitsu"].item_bytes == PRESETS["jitsu"].batch_bytes == 1_000_000


MINE = "crossdock-" + "0" * 47 + "1"
OTHER = "crossdock-" + "0" * 47 + "2"


def reply(text: str) -> response.Reply:
    """Return a body, parsed as far as it can be."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    return response.Reply(document=document, text=text)


def sample_reply(name: str) -> response.Reply:
    """Return a sample."""
    return reply((FOLDER / "replies" / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("style", "text", "taken"),
    [
        ("status", '{"success": true}', True),
        ("status", "", True),
        ("status", "ok", True),
        ("status", '{"success": false, "message": "no"}', False),
        ("status", "<html>Welcome</html>", None),
        ("ok", "OK", True),
        ("ok", '"OK"', True),
        ("ok", "ok\n", True),
        ("ok", "", None),
        ("ok", "<html>OK</html>", None),
        ("ok", '{"status": false}', False),
        ("true", '{"status": true, "code": 200}', True),
        ("true", '{"success": true}', True),
        ("true", '{"status": false, "code": 400}', False),
        ("true", '{"status": "true"}', None),
        ("true", "[]", None),
        ("true", "", None),
        ("counted", '{"ok": true}', None),
        ("counted", '{"ok": false, "error": "no"}', False),
        ("counted", "OK", None),
        ("counted", "[1]", None),
        ("counted", '{"receivedEvents": 1, "okEvents": 1}', True),
        ("counted", '{"receivedEvents": 1, "okEvents": 0, "errors": ["no"]}', False),
    ],
)
def test_a_200_is_read(style: str, text: str, taken: bool | None) -> None:  # noqa: FBT001
    """True is taken, false is refused, None is neither (§7 and §11)."""
    assert response.read(style, reply(text), MINE).taken is taken


def test_counts_that_name_the_failed_say_that_the_others_were_taken() -> None:
    """Jitsu's batch is always 200: its body says which of them failed (§11)."""
    assert response.read("counted", sample_reply("counted_all"), MINE).taken is True
    one = sample_reply("counted_one_named")
    assert response.read("counted", one, MINE).taken is False
    assert response.read("counted", one, OTHER).taken is True


@pytest.mark.parametrize("name", ["counted_one_unnamed", "counted_none"])
def test_counts_that_name_nobody_refuse_everybody(name: str) -> None:
    """Any of them may be the one, so the call is halved until it is alone."""
    for message_id in (MINE, OTHER):
        assert response.read("counted", sample_reply(name), message_id).taken is False


def test_a_wrong_key_is_known_by_its_words() -> None:
    """Segment answers it with 400, or with a 200 that says no (§2)."""
    refusal = sample_reply("wrong_key")
    assert response.blames_key(refusal.document)
    assert response.read("status", refusal, MINE).taken is False
    others: list[object] = [None, [], {}, {"message": "too large"}, {"message": 5}]
    for other in others:
        assert not response.blames_key(other)
