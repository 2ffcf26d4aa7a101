"""Who may call the Chit Chats emulator, how often, and how it lists (docs/vendors/chitchats.md §1 to §3)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from plugin.sandbox import Limit, Sandbox
from plugin.sandbox.chitchats import emulator
from tests.sandbox.conftest import Api, bought, create, wait_until


@pytest.mark.parametrize("authorization", ["Bearer token-a", "", "revoked-1", "Token token-a"])
def test_only_a_raw_token_is_taken(chitchats: Api, authorization: str) -> None:
    """A scheme, nothing, and a revoked token are 401."""
    response = chitchats.call("GET", "/shipments", headers={"Authorization": authorization})
    assert (response.status_code, response.json()) == (401, {"error": {"message": "Unauthorized"}})


def test_the_first_token_of_a_client_is_its_token(chitchats: Api) -> None:
    """Another token for the same client id is 401, for another client id it is that one's."""
    assert chitchats.call("GET", "/shipments").status_code == 200
    assert chitchats.call("GET", "/shipments", headers={"Authorization": "token-b"}).status_code == 401
    other = f"{chitchats.sandbox.base_url}/api/v1/clients/77/shipments"
    assert requests.get(other, headers={"Authorization": "token-b"}, timeout=5).json() == []


def test_given_tokens_are_the_only_accounts(chitchats: Api) -> None:
    """With tokens set, they decide; an unknown client is 404."""
    chitchats.sandbox.emulators["chitchats"].configure(tokens={"123456": "token-new"})
    assert chitchats.call("GET", "/shipments").status_code == 401
    assert chitchats.call("GET", "/shipments", headers={"Authorization": "token-new"}).status_code == 200
    url = f"{chitchats.sandbox.base_url}/api/v1/clients/77/shipments"
    assert requests.get(url, headers={"Authorization": "token-new"}, timeout=5).status_code == 404


def test_a_client_id_is_a_number(chitchats: Api) -> None:
    """Anything else is 404."""
    chitchats.root = "/api/v1/clients/shop"
    assert chitchats.call("GET", "/shipments").status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
def test_a_body_needs_its_content_type(chitchats: Api, headers: dict[str, str]) -> None:
    """Missing or other than JSON is 415."""
    assert chitchats.call("POST", "/shipments", data=b"{}", headers=headers).status_code == 415


def test_json_is_the_only_suffix(chitchats: Api) -> None:
    """`.json` is taken, `.xml` is 415."""
    shipment_id = create(chitchats)["id"]
    assert chitchats.call("GET", f"/shipments/{shipment_id}.json").status_code == 200
    assert chitchats.call("GET", f"/shipments/{shipment_id}.xml").status_code == 415


def test_search_is_wider_than_the_order(chitchats: Api) -> None:
    """`q` finds parts of ids, names and order ids, so a caller must compare exactly."""
    first, second = create(chitchats, order_id="100"), create(chitchats, order_id="1001")
    found = chitchats.call("GET", "/shipments", params={"q": "100"}).json()
    assert [one["id"] for one in found][:2] == [second["id"], first["id"]]
    assert len(chitchats.call("GET", "/shipments", params={"q": "jane"}).json()) == 2


def test_lists_are_bare_newest_first_and_flat(chitchats: Api) -> None:
    """No wrapper, no nested parts, cut into pages."""
    ids = [create(chitchats)["id"] for _ in range(3)]
    page = chitchats.call("GET", "/shipments", params={"limit": 2, "page": 1}).json()
    rest = chitchats.call("GET", "/shipments", params={"limit": 2, "page": 2}).json()
    assert [one["id"] for one in page + rest] == ids[::-1]
    assert not page[0].keys() & {"rates", "tracking_events", "line_items"}
    assert chitchats.call("GET", "/shipments/count").json() == {"count": 3}


@pytest.mark.parametrize(
    "params", [{"limit": 1001}, {"page": 0}, {"status": "lost"}, {"search": "x"}, {"from_date": "x"}]
)
def test_a_wrong_query_is_400(chitchats: Api, params: dict[str, Any]) -> None:
    """Out of range, unknown value, unknown parameter."""
    assert chitchats.call("GET", "/shipments", params=params).status_code == 400


def test_lists_are_filtered(chitchats: Api) -> None:
    """By status, by group of statuses, by day."""
    draft, paid = create(chitchats)["id"], bought(chitchats)["id"]
    by_status = {
        status: [one["id"] for one in chitchats.call("GET", "/shipments", params={"status": status}).json()]
        for status in ("pending", "ready", "in_transit")
    }
    assert by_status == {"pending": [draft], "ready": [paid], "in_transit": []}
    later = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert chitchats.call("GET", "/shipments/count", params={"from_date": later}).json() == {"count": 0}
    assert chitchats.call("GET", "/shipments/count", params={"to_date": later, "status": "ready"}).json() == {
        "count": 1
    }


def test_ids_are_found_in_either_case(chitchats: Api) -> None:
    """Lower case in addresses, upper case in answers; unknown ones are 404."""
    shipment_id = create(chitchats)["id"]
    assert chitchats.call("GET", f"/shipments/{shipment_id.lower()}").json()["shipment"]["id"] == shipment_id
    missing = chitchats.call("GET", "/shipments/0000000000")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Not Found")


def test_what_does_not_exist_is_404(chitchats: Api) -> None:
    """No edit, no quote, no label operation."""
    shipment_id = create(chitchats)["id"]
    for method, path in (
        ("PUT", f"/shipments/{shipment_id}"),
        ("GET", "/rates"),
        ("GET", f"/shipments/{shipment_id}/label"),
    ):
        assert chitchats.call(method, path, json={}).status_code == 404


def test_the_limit_is_a_strict_window(chitchats: Api) -> None:
    """Over it is 429 with whole seconds; waiting that long is enough; tracking does not count."""
    chitchats.control("POST", "/chitchats/limits", {"count": 3, "seconds": 0.5})
    assert [chitchats.call("GET", "/shipments/count").status_code for _ in range(4)] == [200, 200, 200, 429]
    over = chitchats.call("GET", "/shipments/count")
    assert over.headers["Retry-After"] == "1"
    wait_until(lambda: chitchats.call("GET", "/shipments/count").status_code == 200)
    chitchats.control("POST", "/chitchats/limits")
    assert {chitchats.call("GET", "/shipments/count").status_code for _ in range(9)} == {200}


def test_the_published_limit_is_on() -> None:
    """2000 in 5 minutes unless told otherwise."""
    assert emulator().window.limit == Limit(count=2000, seconds=300)


def test_connections_are_kept_alive(chitchats: Api) -> None:
    """One connection for all calls."""
    create(chitchats)
    for _ in range(100):
        chitchats.call("GET", "/shipments/count")
    adapter: Any = chitchats.session.get_adapter("http://")
    pools = adapter.poolmanager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - not a mapping


def test_many_at_once_lose_nothing(sandbox: Sandbox) -> None:
    """Eight threads create; every draft is there once and every request is in the journal."""
    apis = [Api(sandbox, "/api/v1/clients/1", "t") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda api: [create(api)["id"] for _ in range(10)], apis))
    for api in apis:
        api.session.close()
    assert len({one for ids in made for one in ids}) == len(sandbox.emulators["chitchats"].state()["shipments"]) == 80
    assert len(sandbox.emulators["chitchats"].requests()) == 80
