"""What chrts documents is kept to, and what it leaves unknown is never relied upon.

Sections are those of docs/vendors/chrts.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Topic
from mappings.customer_data import Alias, Identify, IdentityRules, Track, fact_if_abandoned, facts
from mappings.customer_data.properties import timestamp
from mappings.destinations import chrts
from mappings.schemas.schema import BodyIncomplete
from plugin import destinations
from plugin.core.rates import RateLimit
from plugin.core.step import Request
from plugin.delivery.lane_limits import limits_of
from plugin.sandbox import Fault
from plugin.storefronts.shopify import topics as shopify_topics
from tests.destinations.segment.connection import Line, documents, order
from tests.support.documents import TENANT
from tests.support.running_line import hurry, owed, turn, work_off
from tests.support.scripted_vendor import Scripted, answer
from tests.support.shop import ADDRESS, SENT, connect, sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mappings.customer_data import Call
    from plugin.storage.stores import Store
    from tests.conftest import Backend
    from tests.support.shop import Shop

PATHS = {"/customer/identify", "/customer/alias", "/event/track"}
ENVELOPE = {"uid", "userId", "anonymousId", "knownUid", "previousId", "name", "traits", "attributes", "properties"}
DONE = answer(200, {"status": True, "code": 200, "message": "Done"})


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def told() -> Iterator[Call]:
    """Every call that any canonical sample leads to, at once or after a wait."""
    for topic, document, history in documents():
        for fact in facts(topic, document, TENANT, IdentityRules(email_in_properties=True), history):
            yield fact.call
        later = fact_if_abandoned(document, TENANT, IdentityRules(), history)
        if later is not None:
            yield later.call


def reply(name: str) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a documented answer."""
    return json.loads((SENT.parents[2] / "destinations" / "chrts" / "replies" / f"{name}.json").read_text())


def other_store(shop: Shop, url: str, **settings: str) -> Store:
    """Another shop, whose chrts is at this address."""
    store = shop.services.stores.add("shopify", "other.myshopify.com", {"secret": "s2"}, None)
    connect(shop.services, store, "chrts", url, **({"api_key": "k", "rate": "1000/1s"} | settings))
    return store


def place_order(shop: Shop, store: Store) -> None:
    """Its order arrives and is told of."""
    document = sent("orders_create")
    assert shop.post("orders/create", document, secret="s2", address=store.address).status_code == 200
    work_off(shop.services)


def test_where_it_goes_and_who_signs() -> None:
    """The published address without a version in any path, and the key as Bearer (§1)."""
    line = Line.to("chrts", api_key="api_chrts_1")
    assert line.vendor.base_url == "https://api.chrts.co"
    for work in line.works(Topic.ORDER_CREATED, order()):
        request = line.vendor.build_request(work)
        assert isinstance(request, Request)
        assert (request.method, request.path in PATHS) == ("POST", True)
        assert request.headers == {"Authorization": "Bearer api_chrts_1"}


def test_a_call_is_json_and_says_so(shop: Shop) -> None:
    """As every example of the documentation does (§1)."""
    assert shop.post("orders/create", sent("orders_create")).status_code == 200
    work_off(shop.services)
    asked = shop.sandbox.emulators["chrts"].requests()
    headers = [{key.lower(): text for key, text in one["headers"].items()} for one in asked]
    assert {one["content-type"].partition(";")[0] for one in headers} == {"application/json"}


def test_a_key_is_a_source_and_is_told_to_nobody() -> None:
    """Two keys are two accounts, each with a limit of its own; the name of an account does not hold the key."""
    vendor = destinations.get("chrts")
    first, second = (vendor.account({"api_key": key}) for key in ("api_chrts_1", "api_chrts_2"))
    assert first != second
    assert "chrts_1" not in first


def test_nothing_but_the_three_documented_calls_is_made(shop: Shop) -> None:
    """Whatever a shop sends: no page, screen, group, batch, read or delete (§1 and §5)."""
    for path in sorted(SENT.glob("*.json")):
        topic = path.stem.partition("__")[0]
        names = [name for name in shopify_topics.TOPICS if name.replace("/", "_") == topic]
        if topic not in ("app_uninstalled", "customers_redact", "shop_redact"):
            assert shop.post(names[0], json.loads(path.read_text())).status_code == 200
    work_off(shop.services)
    hurry(shop.services, watched=True)
    turn(shop.services)
    work_off(shop.services)
    asked = shop.sandbox.emulators["chrts"].requests()
    assert {(one["method"], one["path"]) for one in asked} == {("POST", path) for path in PATHS}
    assert {one["status"] for one in asked} == {200}


@pytest.mark.parametrize("wanted", [Identify, Alias, Track])
def test_no_call_says_null_or_nothing(wanted: type) -> None:
    """Whether a null clears something, nobody says: what is not known is left out (§2 and §4)."""
    bodies = [chrts.body(call)[1] for call in told() if isinstance(call, wanted)]
    assert bodies
    assert not [found for body in bodies for found in _nothings(body)]


def _nothings(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _nothings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nothings(inner)
    elif value in (None, ""):
        yield value


def test_an_account_s_traits_are_told_whole_each_time() -> None:
    """Whether a later identify merges or replaces, nobody says: in either case nothing is lost (§2)."""
    topics = (Topic.CUSTOMER_CREATED, Topic.CUSTOMER_UPDATED)
    whole = [document for topic, document, _ in documents() if topic in topics]
    for document in whole:
        (said,) = [
            fact.call.traits
            for fact in facts(Topic.CUSTOMER_UPDATED, document, TENANT, IdentityRules(alias=False))
            if isinstance(fact.call, Identify) and fact.call.traits
        ]
        assert {"email", "firstName", "lastName", "address", "createdAt"} <= set(said)


def test_an_alias_of_one_id_is_not_sent() -> None:
    """Both ids are required; the answer to a missing first one is not even documented (§3)."""
    at = order().updated_at
    with pytest.raises(BodyIncomplete, match="previousId missing"):
        chrts.body(Alias(user_id="u", previous_id="", at=at))
    with pytest.raises(BodyIncomplete, match="userId missing"):
        chrts.body(Alias(user_id="", previous_id="a", at=at))


def test_a_track_has_a_name_and_it_is_called_so() -> None:
    """`name`, not Segment's `event`; without one it is not sent (§4)."""
    for call in told():
        if isinstance(call, Track):
            body = chrts.body(call)[1]
            assert body["name"] == call.name
            assert "event" not in body
    at = order().updated_at
    with pytest.raises(BodyIncomplete, match="name missing"):
        chrts.body(Track(user_id="u", anonymous_id=None, name="", properties={}, at=at))


def test_properties_are_nested_so_that_none_is_taken_for_the_envelope() -> None:
    """Beside the id, goods' own `name` would be taken for the event's; none is called like an id (§4)."""
    tracks = [(call, chrts.body(call)[1]) for call in told() if isinstance(call, Track)]
    assert all(len(body) == 3 and body["properties"].keys() == call.properties.keys() for call, body in tracks)
    assert {name for call, _ in tracks for name in call.properties} & ENVELOPE == {"name"}
    (added, *_) = [body for call, body in tracks if call.name == "Product Added"]
    assert (added["name"], added["properties"]["name"]) == ("Product Added", "Stoneware mug")


def test_the_time_of_a_fact_is_a_property() -> None:
    """There is no field for it, so that an event counts when it arrives; the fact keeps its own time (§5)."""
    for call in told():
        if isinstance(call, Track):
            body = chrts.body(call)[1]
            assert body["properties"]["occurred_at"] == timestamp(call.at)
            assert not {"timestamp", "sentAt", "messageId", "context", "type"} & (set(body) | set(body["properties"]))


def test_no_limit_is_published_so_the_rate_is_a_setting(shop: Shop) -> None:
    """Ten calls a second unless the operator says otherwise (§5)."""
    assert destinations.get("chrts").limits == (RateLimit(10, 1),)
    assert limits_of(shop.reconnect("chrts", rate="3/1m")) == (RateLimit(3, 60),)


@pytest.mark.parametrize(
    ("name", "place", "action"),
    [("uid_required", 1, "identify"), ("known_uid_required", 2, "alias"), ("uid_required", 3, "track")],
)
def test_each_documented_refusal_fails_with_its_words(shop: Shop, name: str, place: int, action: str) -> None:
    """400 is our fault: it is not sent again unchanged, and the vendor's words say what is missing (§7)."""
    says = [DONE] * (place - 1) + [answer(400, reply(name)), DONE]
    with Scripted(*says) as vendor:
        store = other_store(shop, vendor.url)
        place_order(shop, store)
    (failed,) = [one for one in owed(shop.services, store_id=store.id) if one["state"] == "failed"]
    assert (failed["action"], failed["attempts"]) == (action, 1)
    assert reply(name)["message"].partition(".")[0] in failed["reason"]


@pytest.mark.parametrize("status", [404, 405, 409, 410, 413, 415, 422])
def test_a_refusal_that_nobody_documents_is_not_repeated(shop: Shop, status: int) -> None:
    """Read as everywhere in HTTP (§7): the same call would be refused again."""
    shop.sandbox.emulators["chrts"].faults.add(Fault("status", status=status, match="/event/track", times=None))
    place(shop, ["orders/create"])
    (failed,) = [one for one in owed(shop.services, destination="chrts") if one["state"] == "failed"]
    assert (failed["action"], failed["attempts"], str(status) in failed["reason"]) == ("track", 1, True)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_trouble_that_nobody_documents_passes(shop: Shop, status: int) -> None:
    """With or without `Retry-After`, which is obeyed where it comes and is not relied upon (§5 and §7)."""
    shop.sandbox.emulators["chrts"].faults.add(
        Fault("status", status=status, match="/event/track"),
        Fault("status", status=status, match="/event/track", every=2, retry_after=1),
    )
    place(shop, ["orders/create"])
    assert {one["state"] for one in owed(shop.services, destination="chrts")} == {"done"}
    assert len(shop.tracked("Order Completed")) == 1


def test_an_erasure_calls_nothing_that_is_not_documented(shop: Shop) -> None:
    """No deletion and no suppression is (§5); what is still owed of the person is not sent any more."""
    shop.sandbox.emulators["chrts"].faults.add(Fault("status", match="identify", status=503))
    assert shop.post("orders/create", sent("orders_create")).status_code == 200
    turn(shop.services)
    place(shop, ["customers/redact"], shop_domain=ADDRESS)
    asked = shop.sandbox.emulators["chrts"].requests()
    assert {one["path"] for one in asked} <= {"/customer/identify"}
    assert {one["status"] for one in asked} == {503}
    assert {one["state"] for one in owed(shop.services, destination="chrts")} == {"held"}


def place(shop: Shop, topics: Sequence[str], **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Webhooks come and are worked off."""
    for topic in topics:
        assert shop.post(topic, sent(topic.replace("/", "_")) | changes).status_code == 200
    work_off(shop.services)


def test_natively_nothing_is_guessed_about_segment_s_format() -> None:
    """The two modes are settings: neither address nor key of the second is derived from the first (§6)."""
    native = Line.to("chrts")
    assert native.profile.batch is None
    for work in native.works(Topic.ORDER_CREATED, order()):
        request = native.vendor.build_request(work)
        assert isinstance(request, Request)
        assert request.path in PATHS
    wired = Line.to("chrts", wire="segment")
    assert wired.vendor.warnings(wired.values)
