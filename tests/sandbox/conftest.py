"""A sandbox of one's own, and a client for it that knows nothing but HTTP."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from plugin.sandbox import Sandbox

MINIMAL: dict[str, Any] = {
    "name": "Jane Doe",
    "address_1": "123 ANYWHERE ST.",
    "city": "Vancouver",
    "province_code": "BC",
    "postal_code": "V6K 1A1",
    "country_code": "CA",
    "description": "Hand made bracelet",
    "value": "84.99",
    "value_currency": "usd",
    "package_type": "parcel",
    "size_unit": "cm",
    "size_x": 10,
    "size_y": 5,
    "size_z": 2,
    "weight_unit": "g",
    "weight": 250,
    "postage_type": "chit_chats_canada_tracked",
    "ship_date": "today",
}
"""The official minimal example (`shipment_create_request_minimal.json` of the reference)."""


class Api:
    """One vendor account behind a base URL, on a kept-alive connection."""

    def __init__(self, sandbox: Sandbox, root: str, authorization: str) -> None:
        self.sandbox = sandbox
        self.root = root
        self.session = requests.Session()
        self.session.headers["Authorization"] = authorization

    def call(self, method: str, path: str = "", **more: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Send one request below the account's root."""
        more.setdefault("timeout", 5)
        return self.session.request(method, f"{self.sandbox.base_url}{self.root}{path}", **more)

    def control(self, method: str, path: str, json: object = None) -> requests.Response:
        """Send one request to a control address."""
        url = f"{self.sandbox.base_url}/_sandbox{path}"
        return self.session.request(method, url, json=json, timeout=5, headers={"Connection": "close"})


def create(api: Api, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Create a shipment that must be accepted."""
    response = api.call("POST", "/shipments", json={**MINIMAL, **changes})
    assert response.status_code == 201, response.text
    shipment: dict[str, Any] = response.json()["shipment"]
    return shipment


def bought(api: Api, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Create a shipment and buy its postage."""
    shipment_id = create(api, **changes)["id"]
    response = api.call("PATCH", f"/shipments/{shipment_id}/buy")
    assert response.status_code == 200, response.text
    shipment: dict[str, Any] = response.json()["shipment"]
    return shipment


def wait_until(fact: Callable[[], object], patience: float = 5.0) -> None:
    """Look until `fact` holds."""
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Every emulator, running."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def chitchats(sandbox: Sandbox) -> Iterator[Api]:
    """Client 123456 of Chit Chats, whose token is `token-a`; postage comes at once."""
    sandbox.emulators["chitchats"].configure(buy_seconds=0.0, refund_wait_seconds=0.0)
    api = Api(sandbox, "/api/v1/clients/123456", "token-a")
    yield api
    api.session.close()


@pytest.fixture
def chrts(sandbox: Sandbox) -> Iterator[Api]:
    """Return a source of chrts."""
    api = Api(sandbox, "", "Bearer api_chrts_abc")
    yield api
    api.session.close()
