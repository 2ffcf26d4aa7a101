"""The Ping Network emulator keeps to docs/vendors/pingnetwork.md, and is strict where that knows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plugin.sandbox import Fault, Limit
from plugin.sandbox.pingnetwork import emulator
from tests.sandbox.conftest import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.sandbox import Sandbox

SESSION = {"client_id": "7", "connection_type": "vless", "zone": "de"}


@pytest.fixture
def ping(sandbox: Sandbox) -> Iterator[Api]:
    """Yield an account of Ping Network."""
    api = Api(sandbox, "", "token-a")
    yield api
    api.session.close()


def opened(ping: Api, version: str = "v2", **more: object) -> dict[str, Any]:
    """Open a session that must be taken."""
    response = ping.call("POST", f"/customer/{version}/sessions", json=SESSION | more)
    assert response.status_code == 201, response.text
    session: dict[str, Any] = response.json()
    return session


@pytest.mark.parametrize("token", ["", "Bearer token-a", "Basic abc", "revoked-1"])
def test_only_the_raw_token_is_taken(ping: Api, token: str) -> None:
    """No `Bearer` before it; anything else is 401 in the error object."""
    response = ping.call("GET", "/v2/customers", headers={"Authorization": token})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_record_from_its_creation_to_its_end(ping: Api, version: str) -> None:
    """GET retrieves, POST creates, PUT updates, DELETE removes, below either version."""
    created = ping.call("POST", f"/{version}/customers", json={"external_id": "7", "email": "a@example.com"})
    assert (created.status_code, created.json()["external_id"]) == (201, "7")
    path = f"/{version}/customers/{created.json()['id']}"
    changed = ping.call("PUT", path, json={"external_id": "7"})
    assert (changed.status_code, "email" in changed.json()) == (200, False)
    assert ping.call("GET", path).json() == changed.json()
    assert ping.call("GET", f"/{version}/customers?external_id=7").json() == {"customers": [changed.json()]}
    assert ping.call("GET", f"/{version}/customers?external_id=8").json() == {"customers": []}
    assert ping.call("DELETE", path).status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        assert ping.call(method, path, json={"external_id": "7"}).status_code == 404


def test_nothing_is_recognised_as_a_repeat(ping: Api) -> None:
    """The same POST twice is two records: no document speaks of idempotency."""
    for _ in range(2):
        ping.call("POST", "/v2/customers", json={"external_id": "7"})
    assert len(ping.call("GET", "/v2/customers?external_id=7").json()["customers"]) == 2


@pytest.mark.parametrize("body", [{}, {"external_id": ""}, {"external_id": 7}, {"external_id": "7", "colour": "red"}])
def test_a_record_that_is_wrong_is_400(ping: Api, body: dict[str, Any]) -> None:
    """Our strictness: without it a misspelt name would go unnoticed."""
    response = ping.call("POST", "/v2/customers", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")


def test_strictness_can_be_switched_off(ping: Api) -> None:
    """Then unknown fields are kept."""
    ping.control("POST", "/pingnetwork/settings", {"strict": False})
    assert ping.call("POST", "/v2/customers", json={"external_id": "7", "colour": "red"}).json()["colour"] == "red"


def test_a_session_of_either_version(ping: Api) -> None:
    """Version 2 adds the link and `reusable`, which version 1 does not know."""
    newer, older = opened(ping, reusable=True), opened(ping, "v1")
    assert newer["reusable"] is True
    assert newer["configuration_link"].startswith("vless://")
    assert set(older) == {"id", "connection_type", "zone", "configuration", "created_at"}
    assert ping.call("POST", "/customer/v1/sessions", json=SESSION | {"reusable": True}).status_code == 400
    status = ping.call("GET", f"/customer/v2/sessions/{newer['id']}/status").json()
    assert (status["client_id"], status["status"]) == ("7", "created")


def test_zones_are_listed_and_others_are_404(ping: Api) -> None:
    """Zone not found is the documented 404 of the creation."""
    codes = [zone["code"] for zone in ping.call("GET", "/customer/v2/zones").json()["zones"]]
    assert "de" in codes
    response = ping.call("POST", "/customer/v2/sessions", json=SESSION | {"zone": "mars"})
    assert (response.status_code, response.json()["error"]["message"]) == (404, "Zone not found")


@pytest.mark.parametrize("missing", SESSION)
def test_what_a_session_requires(ping: Api, missing: str) -> None:
    """All three fields are required, and only `vless` is a type."""
    body = {name: value for name, value in SESSION.items() if name != missing}
    assert ping.call("POST", "/customer/v2/sessions", json=body).status_code == 400
    assert ping.call("POST", "/customer/v2/sessions", json=body | {"connection_type": "tcp"}).status_code == 400


def test_only_reusable_sessions_are_paused_and_resumed(ping: Api) -> None:
    """By PATCH, which every update of the reference is; in version 2 only."""
    ident = opened(ping, reusable=True)["id"]
    for verb, paused in (("pause", True), ("resume", False)):
        answer = ping.call("PATCH", f"/customer/v2/sessions/{ident}/{verb}")
        assert (answer.status_code, answer.json()) == (200, {"session_id": ident, "paused": paused})
    other = opened(ping)["id"]
    assert ping.call("PATCH", f"/customer/v2/sessions/{other}/pause").status_code == 400
    assert ping.call("PATCH", f"/customer/v1/sessions/{ident}/pause").status_code == 404
    assert ping.call("PATCH", "/customer/v2/sessions/nobody/pause").status_code == 404


def test_every_answer_says_what_is_left(ping: Api) -> None:
    """Limit, remaining, and the seconds until the reset: on successes, refusals, faults and 429 alike."""
    ping.control("POST", "/pingnetwork/limits", {"count": 4, "seconds": 30})
    ping.sandbox.emulators["pingnetwork"].faults.add(Fault("status", match="DELETE", status=500))
    sent = [("GET", "/v2/customers"), ("GET", "/v2/customers/x"), ("POST", "/v2/customers"), ("GET", "/v2/customers")]
    answers = [ping.call(*one) for one in [*sent, ("GET", "/v2/customers"), ("DELETE", "/v2/customers/x")]]
    assert [answer.status_code for answer in answers] == [200, 404, 400, 200, 429, 500]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["3", "2", "1", "0", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"4"}
    assert all(1 <= int(answer.headers["X-RateLimit-Reset"]) <= 30 for answer in answers)


def test_over_the_limit_is_the_error_object_without_retry_after(ping: Api) -> None:
    """No document of the vendor names `Retry-After`; without a limit nothing is counted."""
    ping.control("POST", "/pingnetwork/limits", {"count": 1, "seconds": 30})
    ping.call("GET", "/v2/customers")
    over = ping.call("GET", "/v2/customers")
    assert (over.status_code, over.json()["error"]["code"]) == (429, "rate_limited")
    assert "Retry-After" not in over.headers
    ping.control("POST", "/pingnetwork/limits")
    free = ping.call("GET", "/v2/customers")
    assert (free.status_code, "X-RateLimit-Limit" in free.headers) == (200, False)
    assert emulator(Limit(count=1, seconds=1)).window.limit == Limit(count=1, seconds=1)


def test_only_json_is_taken(ping: Api) -> None:
    """Another content type, broken JSON or a list is 400; a version that is not there is 404."""
    assert ping.call("POST", "/v2/customers", data={"external_id": "7"}).status_code == 400
    for raw in (b"{", b"[]"):
        broken = ping.call("POST", "/v2/customers", data=raw, headers={"Content-Type": "application/json"})
        assert broken.status_code == 400
    assert ping.call("GET", "/v3/customers").status_code == 404
