"""A shop that is connected to the emulated Ping Network, and what arrived there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mappings.canonical.orders import Topic
from plugin import destinations, storefronts
from plugin.core.response import Response
from plugin.core.step import Request, Work
from plugin.transport.client import Client
from tests.support.running_line import work_off
from tests.support.scripted_vendor import Scripted
from tests.support.shop import connect, sent

if TYPE_CHECKING:
    from plugin.destinations.base import Destination
    from plugin.sandbox import Emulator
    from plugin.services import Services
    from tests.support.shop import Shop

FIND = "GET /v2/customers"


@dataclass(frozen=True)
class Ping:
    """The shop and its vendor."""

    shop: Shop

    @classmethod
    def open(cls, shop: Shop, **settings: str) -> Ping:
        """Connect the shop."""
        shop.reconnect("pingnetwork", **settings)
        return cls(shop)

    @property
    def services(self) -> Services:
        """Those of the shop."""
        return self.shop.services

    @property
    def vendor(self) -> Destination:
        """Our side of it."""
        return destinations.get("pingnetwork")

    @property
    def emulator(self) -> Emulator:
        """Their side of it."""
        return self.shop.sandbox.emulators["pingnetwork"]

    def reconnect(self, **settings: str) -> None:
        """Give the connection other settings."""
        self.shop.reconnect("pingnetwork", **settings)

    def second_shop(self) -> None:
        """Another shop with the same account."""
        other = self.services.stores.add("shopify", "other.myshopify.com", {"secret": "s2"}, None)
        connect(self.services, other, "pingnetwork", self.shop.sandbox.base_url, token="t", rate="1000/1s")

    def tell(self, what: str, *, secret: str | None = None, address: str | None = None, **changes: Any) -> None:  # noqa: ANN401
        """Deliver a webhook about a customer: `create` or `update`."""
        other = {"secret": secret, "address": address} if secret and address else {}
        document = sent(f"customers_{what}") | changes
        assert self.shop.post(f"customers/{what}", document, None, **other).status_code == 200

    def lines(self) -> list[str]:
        """Every call that arrived, as `METHOD /path`."""
        return [f"{one['method']} {one['path']}" for one in self.emulator.requests()]

    def customers(self) -> list[dict[str, Any]]:
        """Return the records there are."""
        found: list[dict[str, Any]] = self.emulator.state()["customers"]
        return found

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions there are."""
        found: list[dict[str, Any]] = self.emulator.state()["sessions"]
        return found

    def scripted(self, *says: bytes) -> list[str]:
        """Tell a vendor that says this of a new customer; the methods it heard."""
        with Scripted(*says) as vendor:
            connect(self.services, self.shop.store, "pingnetwork", vendor.url, token="t")
            self.tell("create")
            work_off(self.services)
        return [heard.split(b" ")[0].decode() for heard in vendor.heard]

    def work(self, action: str, document: dict[str, Any]) -> Work:
        """Return what our side is given to make a call about a customer."""
        storefront = storefronts.get("shopify")
        (connection,) = (one for one in self.services.stores.connections() if one.destination == "pingnetwork")
        return Work(
            action=action,
            topic=Topic.CUSTOMER_CREATED,
            document=storefront.load(Topic.CUSTOMER_CREATED, document, self.shop.store.address),
            store=self.shop.store.facts,
            settings=connection.values,
        )

    def ask(self, method: str, path: str) -> Response:
        """Call the emulator as a worker does."""
        client = Client(self.shop.sandbox.base_url)
        try:
            found = client.send(Request(method=method, path=path, headers={"Authorization": "t"}))
        finally:
            client.close()
        assert isinstance(found, Response)
        return found
