"""The Segment emulator keeps to docs/vendors/segment.md, as each kind of receiver."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from plugin.sandbox import Limit, Sandbox
from plugin.sandbox.segment import emulator
from tests.sandbox.conftest import Api, wait_until

NOW = "2026-11-20T16:02:12.000Z"
TRACK: dict[str, Any] = {"type": "track", "userId": "7", "event": "Seen", "properties": {}, "timestamp": NOW}


def basic(text: str) -> str:
    """HTTP Basic of these very characters."""
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def segment(sandbox: Sandbox) -> Iterator[Api]:
    """Yield a source of Segment."""
    api = Api(sandbox, "", basic("key:"))
    yield api
    api.session.close()


def state(segment: Api) -> dict[str, Any]:
    """Ask what Segment knows."""
    known: dict[str, Any] = segment.control("GET", "/segment/state").json()
    return known


def become(segment: Api, preset: str, **more: Any) -> None:  # noqa: ANN401 - settings are of any type
    """Be another receiver, or the same on another day."""
    assert segment.control("POST", "/segment/settings", {"preset": preset, **more}).status_code == 200


def send(segment: Api, *items: object, **around: Any) -> requests.Response:  # noqa: ANN401 - any JSON value
    """Send messages in one call."""
    return segment.call("POST", "/v1/batch", json={"batch": list(items), "sentAt": NOW, **around})


def dropped(segment: Api) -> list[str]:
    """Why messages were dropped."""
    return [one["reason"] for one in state(segment)["dropped"]]


def test_a_batch_is_taken(segment: Api) -> None:
    """200, and each message is kept by its kind."""
    identify = {"type": "identify", "userId": "7", "traits": {"city": "Ulm"}, "timestamp": NOW}
    alias = {"type": "alias", "userId": "7", "previousId": "a", "timestamp": NOW}
    assert send(segment, identify, alias, TRACK).status_code == 200
    known = state(segment)
    assert [len(known[name]) for name in ("identifies", "aliases", "events", "dropped")] == [1, 1, 1, 0]
    assert known["batches"] == [{"items": 3, "bytes": known["batches"][0]["bytes"], "sentAt": NOW}]


@pytest.mark.parametrize("kind", ["identify", "alias", "track", "page", "screen", "group"])
def test_each_kind_has_its_own_address(segment: Api, kind: str) -> None:
    """The message says nothing of its type there; the time it was sent at is inside."""
    body: dict[str, Any] = {"userId": "7", "sentAt": NOW, "timestamp": NOW}
    body |= {"alias": {"previousId": "a"}, "track": {"event": "Seen"}, "group": {"groupId": "g"}}.get(kind, {})
    assert segment.call("POST", f"/v1/{kind}", json=body).status_code == 200
    assert [one["type"] for one in state(segment)["messages"]] == [kind]


@pytest.mark.parametrize(
    "authorization", ["", "key", basic("key"), basic(":"), "Bearer key", "Basic key", basic("revoked_1:")]
)
def test_a_wrong_key_is_told_with_400(segment: Api, authorization: str) -> None:
    """As a third party saw it; the colon is required."""
    response = segment.call("POST", "/v1/batch", json={"batch": [TRACK]}, headers={"Authorization": authorization})
    assert response.status_code == 400
    assert response.json()["success"] is False
    assert response.json()["message"] == "An invalid write key was provided"
    assert state(segment)["messages"] == []


def test_a_wrong_key_may_be_told_nobody(segment: Api) -> None:
    """As the documentation has it: 200, and nothing arrives."""
    become(segment, "segment", tells_wrong_key=False)
    wrong = {"Authorization": basic("revoked:")}
    assert segment.call("POST", "/v1/batch", json={"batch": [TRACK]}, headers=wrong).status_code == 200
    assert segment.call("POST", "/v1/track", json=TRACK, headers=wrong).status_code == 200
    assert state(segment)["messages"] == []


def test_the_key_may_be_in_the_body(segment: Api) -> None:
    """At its top level, with no header."""
    assert send(segment, TRACK, writeKey="key").status_code == 200
    body = {"batch": [TRACK], "sentAt": NOW, "writeKey": "key"}
    assert segment.call("POST", "/v1/batch", json=body, headers={"Authorization": ""}).status_code == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": None}, "type"),
        ({"type": "purchase"}, "type"),
        ({"userId": None}, "userId or anonymousId"),
        ({"userId": ""}, "userId or anonymousId"),
        ({"event": None}, "event"),
        ({"event": ""}, "event"),
        ({"messageId": "m" * 100}, "under 100"),
        ({"type": "alias"}, "previousId"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_documented_to_be_dropped(segment: Api, changes: dict[str, Any], reason: str, *, strict: bool) -> None:
    """200 all the same, strict or not; the good one beside it is kept."""
    become(segment, "segment", strict=strict)
    assert send(segment, {**TRACK, **changes}, TRACK).status_code == 200
    (why,) = dropped(segment)
    assert reason in why
    assert len(state(segment)["events"]) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"userId": 7}, "userId must be a string"),
        ({"name": "Seen"}, "name is not a field of track"),
        ({"traits": {}}, "traits is not a field of track"),
        ({"timestamp": "2026-11-20T16:02:12"}, "timestamp must have a time zone"),
        ({"timestamp": 1_700_000_000}, "timestamp must be an ISO 8601 time"),
        ({"properties": []}, "properties must be an object"),
        ({"properties": {"total": "9.99"}}, "total must be a number"),
        ({"properties": {"currency": "dollars"}}, "currency must be an ISO 4217 code"),
        ({"properties": {"order_id": 7}}, "order_id must be a string"),
        ({"properties": {"products": {}}}, "products must be a list"),
        ({"properties": {"products": [{"product_id": 7}]}}, "product_id must be a string"),
        ({"properties": {"products": [{"price": "1"}]}}, "price must be a number"),
        ({"properties": {"products": [{"quantity": 1.5}]}}, "quantity must be a whole number"),
        ({"context": {"browser": "x"}}, "context has an unknown browser"),
        ({"context": {"ip": 1}}, "ip must be a string"),
        ({"context": {"active": "yes"}}, "active must be true or false"),
        ({"context": {"page": {"host": "x"}}}, "page has an unknown host"),
        ({"context": {"externalIds": [{"id": 1}]}}, "externalIds id must be a string"),
        ({"integrations": {"All": "no"}}, "integrations must switch"),
        ({"messageId": 5}, "messageId must be a string"),
    ],
)
def test_what_is_of_a_wrong_type_is_dropped_in_strict_mode(segment: Api, changes: dict[str, Any], reason: str) -> None:
    """Strictness is ours: Segment would keep it, and its reports be wrong."""
    send(segment, {**TRACK, **changes})
    assert [reason in why for why in dropped(segment)] == [True]
    become(segment, "segment", strict=False)
    send(segment, {**TRACK, **changes})
    assert len(state(segment)["events"]) == 1


@pytest.mark.parametrize(
    ("traits", "reason"),
    [
        ({"email": None}, "email must be a string"),
        ({"createdAt": "2026-11-20"}, "createdAt must have a time zone"),
        ({"address": {"zip": "89073"}}, "address has an unknown zip"),
    ],
)
def test_reserved_traits_have_types(segment: Api, traits: dict[str, Any], reason: str) -> None:
    """Engage does not store a time without a zone."""
    send(segment, {"type": "identify", "userId": "7", "traits": traits})
    assert [reason in why for why in dropped(segment)] == [True]


def test_null_ids_are_absent_ones(segment: Api) -> None:
    """Segment's own Python client sends them."""
    send(segment, {**TRACK, "anonymousId": None})
    assert (dropped(segment), len(state(segment)["events"])) == ([], 1)


def test_a_message_that_is_no_object_is_dropped(segment: Api) -> None:
    """Beside good ones."""
    assert send(segment, "track", TRACK).status_code == 200
    assert len(dropped(segment)) == len(state(segment)["events"]) == 1


def test_without_sent_at_the_time_is_not_corrected(segment: Api) -> None:
    """What happens then is not documented, so strict mode drops the message; otherwise it counts when it arrives."""
    assert segment.call("POST", "/v1/batch", json={"batch": [TRACK]}).status_code == 200
    assert "sentAt" in dropped(segment)[0]
    become(segment, "segment", strict=False)
    segment.call("POST", "/v1/batch", json={"batch": [TRACK]})
    (event,) = state(segment)["events"]
    assert (event["timestamp"], event["originalTimestamp"]) == (event["receivedAt"], NOW)


def test_outer_context_and_integrations_are_merged_into_each(segment: Api) -> None:
    """What a message says itself wins."""
    one = {**TRACK, "context": {"ip": "203.0.113.9"}, "integrations": {"Mixpanel": True}}
    send(segment, one, context={"ip": "203.0.113.1", "locale": "de-DE"}, integrations={"All": False})
    (event,) = state(segment)["events"]
    assert event["context"] == {"ip": "203.0.113.9", "locale": "de-DE"}
    assert event["integrations"] == {"All": False, "Mixpanel": True}


def test_properties_beyond_10000_are_dropped(segment: Api) -> None:
    """The event is kept (at a receiver that takes one so large)."""
    become(segment, "jitsu")
    send(segment, {**TRACK, "properties": {str(number): 1 for number in range(10_001)}})
    assert len(state(segment)["events"][0]["properties"]) == 10_000


def test_a_repeat_is_known_by_its_id_alone(segment: Api) -> None:
    """Whatever else it says, whichever key it comes with; after the window it counts again."""
    send(segment, {**TRACK, "messageId": "m"}, {**TRACK, "messageId": "m", "event": "Other"})
    other = {"Authorization": basic("another:")}
    body = {"batch": [{**TRACK, "messageId": "m"}], "sentAt": NOW}
    segment.call("POST", "/v1/batch", json=body, headers=other)
    assert (len(state(segment)["events"]), state(segment)["repeats"]) == (1, 2)
    become(segment, "segment", repeat_seconds=0.0)
    send(segment, {**TRACK, "messageId": "m"})
    assert len(state(segment)["events"]) == 2


def test_an_absent_id_is_filled_in(segment: Api) -> None:
    """So that two messages without one are two."""
    send(segment, TRACK, TRACK)
    assert len({one["messageId"] for one in state(segment)["events"]}) == 2


def test_who_is_who(segment: Api) -> None:
    """An identify with both ids, or an alias, joins; a track does not."""
    send(
        segment,
        {**TRACK, "anonymousId": "visitor", "userId": None},
        {**TRACK, "userId": "other", "anonymousId": "stranger"},
        {"type": "identify", "userId": "7", "anonymousId": "visitor", "traits": {"city": "Ulm"}},
        {"type": "identify", "userId": "7", "traits": {"city": "Bonn", "plan": "a"}},
        {"type": "alias", "userId": "8", "previousId": "7"},
    )
    people = {tuple(sorted(one["ids"])): one for one in state(segment)["people"]}
    assert set(people) == {("7", "8", "visitor"), ("other",)}
    assert people["7", "8", "visitor"]["traits"] == {"city": "Bonn", "plan": "a"}
    assert people["7", "8", "visitor"]["events"] == ["Seen"]


@pytest.mark.parametrize(
    ("preset", "size", "status"),
    [
        ("segment", 500_000, 400),
        ("customerio", 500_000, 400),
        ("rudderstack", 4_000_000, 413),
        ("jitsu", 1_000_000, 400),
    ],
)
def test_a_body_that_is_too_large(segment: Api, preset: str, size: int, status: int) -> None:
    """Refused whole, one byte over the limit."""
    become(segment, preset)
    small = '{"batch":[' + ",".join(['{"type":"track","userId":"7","event":"Seen"}'] * 10) + f'],"sentAt":"{NOW}"}}'
    headers = {"Content-Type": "application/json"}
    for more, expected in ((0, 200), (1, status)):
        text = small + " " * (size - len(small) + more)
        assert segment.call("POST", "/v1/batch", data=text, headers=headers).status_code == expected


@pytest.mark.parametrize(("preset", "status"), [("segment", 400), ("customerio", 400), ("rudderstack", 413)])
def test_a_message_of_32_kb_is_refused(segment: Api, preset: str, status: int) -> None:
    """Alone or in a batch: none of it is kept."""
    become(segment, preset)
    large = {**TRACK, "properties": {"text": "x" * 32_000}}
    assert send(segment, TRACK, large).status_code == status
    assert segment.call("POST", "/v1/track", json=large).status_code == status
    assert state(segment)["messages"] == []


def test_more_than_2500_messages_are_answered_200_and_dropped(segment: Api) -> None:
    """All of them."""
    assert send(segment, *[TRACK] * 2_501).status_code == 200
    assert len(dropped(segment)) == 2_501
    assert state(segment)["events"] == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"batch": []}', b'{"batch": {}}', b"{}"])
def test_what_is_no_batch_is_400(segment: Api, body: bytes) -> None:
    """Broken JSON, no list, an empty one; and JSON that does not say that it is."""
    response = segment.call("POST", "/v1/batch", data=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert segment.call("POST", "/v1/batch", data=b'{"batch": [{}]}').status_code == 400


def test_rudderstack_takes_a_key_in_the_header_only(segment: Api) -> None:
    """401 for one in the body; `OK` as text for success."""
    become(segment, "rudderstack")
    body = {"batch": [TRACK], "sentAt": NOW, "writeKey": "key"}
    assert segment.call("POST", "/v1/batch", json=body, headers={"Authorization": ""}).status_code == 401
    good = send(segment, TRACK)
    assert (good.status_code, good.text) == (200, "OK")


def test_rudderstack_refuses_a_batch_for_one_message_without_an_id(segment: Api) -> None:
    """And does not look for repeats at its gateway."""
    become(segment, "rudderstack")
    assert send(segment, TRACK, {**TRACK, "userId": None}).status_code == 400
    assert state(segment)["messages"] == []
    send(segment, {**TRACK, "messageId": "m"}, {**TRACK, "messageId": "m"})
    assert len(state(segment)["events"]) == 2


def test_rudderstack_knows_a_source_that_is_switched_off(segment: Api) -> None:
    """404."""
    become(segment, "rudderstack", source_disabled=True)
    assert send(segment, TRACK).status_code == 404


def test_jitsu_s_batch_is_always_200(segment: Api) -> None:
    """What was taken is counted in the body."""
    become(segment, "jitsu")
    good = send(segment, TRACK).json()
    assert good == {"ok": True, "receivedEvents": 1, "okEvents": 1, "errors": []}
    mixed = send(segment, TRACK, {**TRACK, "event": "e" * 129, "messageId": "m"}).json()
    assert (mixed["ok"], mixed["receivedEvents"], mixed["okEvents"]) == (False, 2, 1)
    assert "m" in mixed["errors"][0]
    become(segment, "jitsu", names_errors=False)
    unnamed = send(segment, {**TRACK, "event": "e" * 129, "messageId": "mmm"}).json()
    assert "mmm" not in unnamed["errors"][0]


def test_jitsu_s_addresses(segment: Api) -> None:
    """Batches below /v1 and its own; single messages only at its own, where a bad one is 400."""
    become(segment, "jitsu")
    for path in ("/v1/batch", "/v1/b", "/batch", "/api/s/s2s/batch"):
        assert segment.call("POST", path, json={"batch": [TRACK], "sentAt": NOW}).json()["ok"] is True
    one = {**TRACK, "sentAt": NOW}
    for path in ("/api/s/track", "/api/s/s2s/track"):
        assert segment.call("POST", path, json=one).status_code == 200
    assert segment.call("POST", "/api/s/track", json={**one, "event": "e" * 129}).status_code == 400
    assert segment.call("POST", "/v1/track", json=one).status_code == 404


def test_jitsu_s_keys(segment: Api) -> None:
    """Basic, a header of its own, the query or the body; a Bearer is 400, an unknown stream 401, an empty quota 402."""
    become(segment, "jitsu")
    body = {"batch": [TRACK], "sentAt": NOW}

    def status(path: str = "/v1/batch", **headers: str) -> int:
        return segment.call("POST", path, json=body, headers={"Authorization": "", **headers}).status_code

    assert status(**{"X-Write-Key": "k"}) == status("/v1/batch?writekey=k") == status(Authorization=basic("k:")) == 200
    assert (status(), status(Authorization="Bearer k")) == (401, 400)
    become(segment, "jitsu", quota_used_up=True)
    assert status(**{"X-Write-Key": "k"}) == 402


def test_jitsu_rewrites_ids(segment: Api) -> None:
    """Odd characters become `_`, and what is longer than 64 is cut."""
    become(segment, "jitsu")
    send(segment, {**TRACK, "messageId": "a:b/c" + "x" * 80})
    assert state(segment)["events"][0]["messageId"] == "a_b_c" + "x" * 59


def test_customerio_takes_basic_only(segment: Api) -> None:
    """And Segment's limits."""
    become(segment, "customerio")
    assert send(segment, TRACK).status_code == 200
    body = {"batch": [TRACK], "sentAt": NOW, "writeKey": "key"}
    assert segment.call("POST", "/v1/batch", json=body, headers={"Authorization": ""}).status_code == 401


def test_a_429_says_twice_when(segment: Api) -> None:
    """`Retry-After` and `X-RateLimit-Reset`, both in seconds; no limit unless one is given."""
    assert emulator().window.limit is None
    assert emulator(Limit(count=1, seconds=1)).window.limit == Limit(count=1, seconds=1)
    segment.control("POST", "/segment/limits", {"count": 1, "seconds": 0.2})
    first, second = send(segment, TRACK), send(segment, TRACK)
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["Retry-After"] == second.headers["X-RateLimit-Reset"] == "1"
    wait_until(lambda: send(segment, TRACK).status_code == 200)


def test_settings_are_checked_and_shown(segment: Api) -> None:
    """An unknown kind of receiver lists the known ones."""
    response = segment.control("POST", "/segment/settings", {"preset": "posthog"})
    assert (response.status_code, "rudderstack" in response.json()["error"]) == (400, True)
    assert segment.control("POST", "/segment/settings", {}).json()["preset"] == "segment"
