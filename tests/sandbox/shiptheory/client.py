"""A client of the emulated Shiptheory that knows nothing but HTTP."""

from typing import Any

import requests

from plugin.sandbox import Sandbox

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
BOOKING: dict[str, Any] = {
    "reference": "S1234",
    "reference2": "ORDER1001",
    "shipment_detail": {"weight": 2.5, "parcels": 1, "value": 135.18},
    "recipient": {
        "company": "Beard Supplies Co",
        "firstname": "William",
        "lastname": "Riker",
        "address_line_1": "123 Southpaw Lane",
        "city": "Bristol",
        "postcode": "BS2 3AP",
        "telephone": "01161231245",
        "country": "GB",
    },
    "products": [{"name": "Earl Grey Gift Set", "sku": "earlgrey", "qty": 2, "value": 49.99, "weight": 1}],
}
"""The documentation's own example (`book_request.json` of the reference), cut down to what is required."""


class Company:
    """One account, logged in."""

    def __init__(self, sandbox: Sandbox, email: str = "you@youremail.com") -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers.update(HEADERS)
        answer = self.call("POST", "/token", json={"email": email, "password": "password"})
        assert answer.status_code == 200, answer.text
        self.session.headers["Authorization"] = f"Bearer {answer.json()['data']['token']}"

    def call(self, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Send one request."""
        more.setdefault("timeout", 5)
        return self.session.request(method, f"{self.sandbox.base_url}/v1{path}", **more)

    def book(self, **changes: Any) -> requests.Response:  # noqa: ANN401 - any JSON value
        """Book the example, changed."""
        return self.call("POST", "/shipments", json=BOOKING | changes)

    def control(self, method: str, path: str, json: object = None) -> requests.Response:
        """Send one request to a control address."""
        url = f"{self.sandbox.base_url}/_sandbox/shiptheory{path}"
        return self.session.request(method, url, json=json, timeout=5, headers={"Connection": "close"})
