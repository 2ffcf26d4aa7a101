"""The chrts emulator keeps to docs/vendors/chrts.md."""

from typing import Any

import pytest

from plugin.sandbox import Limit
from plugin.sandbox.chrts import emulator
from tests.sandbox.conftest import Api, wait_until

NO_ID = "Customer UID is required. You can use `uid`, `userId` or `anonymousId` to identify the customer"
NO_KNOWN_ID = (
    "Known UID is required. You can use `knownUid`, `previousId` or `anonymousId` to identify the known customer UID"
)


def state(chrts: Api) -> dict[str, Any]:
    """Ask what chrts knows."""
    known: dict[str, Any] = chrts.control("GET", "/chrts/state").json()
    return known


@pytest.mark.parametrize("authorization", ["", "api_chrts_abc", "Basic abc", "Bearer ", "Bearer revoked_1", "bearer k"])
def test_only_a_bearer_key_is_taken(chrts: Api, authorization: str) -> None:
    """Anything else is 401."""
    response = chrts.call("POST", "/event/track", json={}, headers={"Authorization": authorization})
    assert (response.status_code, response.json()["status"]) == (401, False)


def test_any_key_will_do(chrts: Api) -> None:
    """Only real keys begin with api_chrts_; the credentials check answers status true."""
    response = chrts.call("GET", "/", headers={"Authorization": "Bearer k"})
    assert (response.status_code, response.json()["status"]) == (200, True)


def test_identify(chrts: Api) -> None:
    """The documented answer; either name of the traits."""
    response = chrts.call("POST", "/customer/identify", json={"userId": "7", "traits": {"city": "Ulm"}})
    answer = {"status": True, "code": 200, "message": "Customer identified successfully"}
    assert (response.status_code, response.json()) == (200, answer)
    chrts.call("POST", "/customer/identify", json={"uid": "8", "attributes": {"city": "Bonn"}})
    assert state(chrts)["identified"] == {"7": {"city": "Ulm"}, "8": {"city": "Bonn"}}


def test_alias(chrts: Api) -> None:
    """The documented answer, whatever the synonyms."""
    for body in ({"userId": "7", "previousId": "a"}, {"uid": "7", "knownUid": "b"}, {"uid": "7", "anonymousId": "c"}):
        assert chrts.call("POST", "/customer/alias", json=body).json()["message"] == "Customer alias set successfully"
    assert state(chrts)["aliases"] == [{"userId": "7", "previousId": known} for known in "abc"]


def test_track_twice_is_two_events(chrts: Api) -> None:
    """Nothing is recognised as a repeat; flat and nested properties are the same."""
    for body in (
        {"uid": "7", "name": "seen", "platform": "web"},
        {"uid": "7", "name": "seen", "properties": {"platform": "web"}},
    ):
        assert chrts.call("POST", "/event/track", json=body).json()["message"] == "Event tracked successfully"
    assert state(chrts)["events"] == [{"id": "7", "name": "seen", "properties": {"platform": "web"}}] * 2


def test_segment_keys_leak_into_properties(chrts: Api) -> None:
    """A Segment-shaped body leaves its envelope among the properties."""
    body = {"userId": "7", "name": "seen", "messageId": "m", "type": "track", "properties": {"a": 1}}
    assert chrts.call("POST", "/event/track", json=body).status_code == 200
    assert state(chrts)["events"][0]["properties"] == {"messageId": "m", "type": "track", "a": 1}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/customer/identify", {"traits": {}}, NO_ID),
        ("/event/track", {"name": "seen"}, NO_ID),
        ("/customer/alias", {"userId": "7"}, NO_KNOWN_ID),
    ],
)
def test_documented_refusals(chrts: Api, path: str, body: dict[str, Any], message: str) -> None:
    """The two 400 bodies that are known."""
    response = chrts.call("POST", path, json=body)
    assert (response.status_code, response.json()) == (400, {"status": False, "code": 400, "message": message})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/customer/identify", {"userId": "7", "anonymousId": "a"}),
        ("/customer/identify", {"userId": 7}),
        ("/customer/identify", {"userId": "7", "traits": {}, "attributes": {}}),
        ("/customer/identify", {"userId": "7", "traits": []}),
        ("/customer/identify", {"userId": "7", "timestamp": "now"}),
        ("/customer/alias", {"previousId": "a"}),
        ("/customer/alias", {"userId": "7", "uid": "7", "previousId": "a"}),
        ("/event/track", {"userId": "7"}),
        ("/event/track", {"userId": "7", "event": "seen"}),
        ("/event/track", {"userId": "7", "name": ""}),
        ("/event/track", {"userId": "7", "name": "seen", "properties": "none"}),
        ("/event/track", {"userId": "7", "uid": "7", "name": "seen"}),
    ],
)
def test_what_is_unknown_is_refused(chrts: Api, path: str, body: dict[str, Any]) -> None:
    """Strict mode, our choice: 400, and nothing is recorded."""
    assert chrts.call("POST", path, json=body).status_code == 400
    known = state(chrts)
    assert not known["identifies"] + known["aliases"] + known["events"]


def test_strictness_can_be_switched_off(chrts: Api) -> None:
    """Then only the documented refusals are left."""
    assert chrts.control("POST", "/chrts/settings", {"strict": False}).json() == {"strict": False}
    body = {"userId": "7", "anonymousId": "a", "name": "seen"}
    assert chrts.call("POST", "/event/track", json=body).status_code == 200


def test_only_json_is_taken(chrts: Api) -> None:
    """Another content type is 415, broken JSON 400, an unknown operation 404."""
    assert chrts.call("POST", "/event/track", data={"name": "seen"}).status_code == 415
    broken = chrts.call("POST", "/event/track", data=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    assert chrts.call("POST", "/event/page", json={}).status_code == 404


def test_a_limit_is_optional(chrts: Api) -> None:
    """None is published; with one, over it is 429 with Retry-After."""
    assert emulator().window.limit is None
    assert emulator(Limit(count=1, seconds=1)).window.limit == Limit(count=1, seconds=1)
    chrts.control("POST", "/chrts/limits", {"count": 1, "seconds": 0.2})
    first, second = (chrts.call("GET", "/") for _ in range(2))
    assert (first.status_code, second.status_code, second.headers["Retry-After"]) == (200, 429, "1")
    wait_until(lambda: chrts.call("GET", "/").status_code == 200)


def test_people_are_ids_that_were_joined(chrts: Api) -> None:
    """Directly or through others, whatever came first; each with what was told of any of its ids."""
    chrts.call("POST", "/event/track", json={"anonymousId": "a", "name": "Product Added"})
    chrts.call("POST", "/customer/alias", json={"userId": "u", "previousId": "b"})
    chrts.call("POST", "/customer/identify", json={"userId": "u", "traits": {"city": "Ulm"}})
    chrts.call("POST", "/event/track", json={"userId": "v", "name": "Order Paid"})
    assert len(state(chrts)["people"]) == 3
    chrts.call("POST", "/customer/alias", json={"userId": "b", "previousId": "a"})
    people = {tuple(sorted(one["ids"])): (one["traits"], one["events"]) for one in state(chrts)["people"]}
    assert people == {("a", "b", "u"): ({"city": "Ulm"}, ["Product Added"]), ("v",): ({}, ["Order Paid"])}
