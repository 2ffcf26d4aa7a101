"""Chit Chats API v1, as its public documentation and its users describe it (docs/vendors/chitchats.md).

Where the page says unknown, the stricter plausible behaviour is chosen and a comment says the choice is ours.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from types import MappingProxyType

from werkzeug.wrappers import Response

from plugin.sandbox.chitchats.accounts import Account, Accounts, Settings, chosen, expect_query, page
from plugin.sandbox.chitchats.batches import Batches, returned
from plugin.sandbox.chitchats.public import Public
from plugin.sandbox.chitchats.rates import check_zone
from plugin.sandbox.chitchats.rules import check_buy, check_refresh, check_shipment
from plugin.sandbox.chitchats.shipment import DRAFT, STEPS, Shipment
from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.demo import Demo, Received
from plugin.sandbox.kit.emulator import Emulator, Route
from plugin.sandbox.kit.faults import Fault
from plugin.sandbox.kit.settings import changed
from plugin.sandbox.kit.sliding_window import Limit

_CLIENTS = "/api/v1/clients"
_CLIENT = f"{_CLIENTS}/<client>"
_FILTERS = ("batch_id", "from_date", "to_date", "q", "status")
# Cards, letters, flats and Slim are not refundable (§8).
_NOT_REFUNDED = frozenset({"usps_first", "usps_first_class_mail_international", "chit_chats_slim"})
_PACKAGE = {"size_x": "25", "size_y": "18", "size_z": "10"}


class ChitChats:
    """Every account of Chit Chats, and the operations on shipments."""

    name = "chitchats"
    claims: tuple[str, ...] = (_CLIENTS, "/tracking", "/labels")
    # The second shop has its postage bought at once.
    demo = Demo(
        settings=(_PACKAGE, _PACKAGE | {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}),
        rules={"rules": [{"name": "everywhere else"}]},
        drafts=frozenset({0}),
        faults=(
            Fault("reset_after", match="POST /api/v1/clients/1/", every=2),
            Fault("garbage", match="POST /api/v1/clients/1/", every=3),
            Fault("status", status=503, match="POST /api/v1/clients/1/", every=4),
            Fault("status", status=429, retry_after=1, match="POST /api/v1/clients/1/", every=5),
            Fault("reset_after", match="/buy"),
        ),
    )

    def __init__(self, tokens: Mapping[str, str] = MappingProxyType({}), limit: Limit | None = None) -> None:
        # 2000 per 5 minutes, IP and account (§1); every caller of a sandbox is taken to have the same IP.
        self.limit: Limit | None = limit or Limit(count=2000, seconds=300)
        self._tokens = dict(tokens)
        self.accounts = Accounts(tokens)
        self._batches = Batches(self.accounts)
        self._public = Public(self.accounts)

    def reset(self) -> None:
        """Forget every account and setting."""
        fresh = Accounts(self._tokens)
        self.accounts.settings, self.accounts.known = fresh.settings, fresh.known

    def routes(self) -> Sequence[Route]:
        """Return the operations of §2."""
        one = f"{_CLIENT}/shipments/<shipment_id>"
        return (
            Route("GET", f"{_CLIENT}/shipments", self.listing),
            Route("POST", f"{_CLIENT}/shipments", self.create),
            Route("GET", f"{_CLIENT}/shipments/count", self.count),
            Route("GET", one, self.show),
            Route("DELETE", one, self.delete),
            Route("PATCH", f"{one}/refresh", self.refresh),
            Route("PATCH", f"{one}/buy", self.buy),
            Route("PATCH", f"{one}/refund", self.refund),
            *self._batches.routes(_CLIENT),
            *self._public.routes(),
        )

    def controls(self) -> Sequence[Route]:
        """Return what a test may do: move a shipment along, or send it back."""
        return (
            Route("POST", "/shipments/<shipment_id>", self.advance),
            Route("POST", "/returns/<shipment_id>", self.send_back),
        )

    def account(self, call: Call) -> str | None:
        """Return the client id; tracking and labels are nobody's."""
        return call.path.split("/")[4] if call.path.startswith(f"{_CLIENTS}/") else None

    def admit(self, call: Call) -> str:
        """Check token, suffix and content type (§1)."""
        client = self.account(call)
        if client is None:
            return call.path
        self.accounts.authorise(client, call.headers.get("Authorization") or "")
        stem, dot, suffix = call.path.rpartition(".")
        if dot and suffix != "json":
            raise VendorError(415, "Unsupported Media Type")
        # A POST without a body counts as one that carries a body: the stricter reading.
        if (call.text or call.method == "POST") and not call.is_json():
            raise VendorError(415, "Unsupported Media Type")
        return stem if dot else call.path

    def error(self, status: int, message: str) -> JsonObject:  # noqa: ARG002 - the protocol's parameter
        """Return the one confirmed error form (§11)."""
        return {"error": {"message": message}}

    def configure(self, values: JsonObject) -> JsonObject:
        """Change settings; tokens are taken and not shown."""
        self.accounts.settings = changed(self.accounts.settings, values)
        return {name: value for name, value in asdict(self.accounts.settings).items() if name != "tokens"}

    def state(self, root: str) -> JsonObject:
        """Return every shipment with its client id, oldest first, and what each account has and bought."""
        shipments = [
            one.document(root, self._settings.label_seconds) | {"client_id": client}
            for client, one in self.accounts.all_shipments()
        ]
        return {
            "shipments": shipments,
            "accounts": {name: self._shown(one) for name, one in self.accounts.known.items()},
        }

    def received(self) -> Received:
        """Return every shipment as a parcel, and each purchase of postage."""
        return Received(
            parcels=[one.received() for _, one in self.accounts.all_shipments()],
            purchases=[one["id"] for account in self.accounts.known.values() for one in account.purchases],
        )

    def _shown(self, account: Account) -> JsonObject:
        batches = list(account.batches.values())
        return {"credits": str(self._left(account)), "purchases": list(account.purchases), "batches": batches}

    @property
    def _settings(self) -> Settings:
        return self.accounts.settings

    def listing(self, call: Call, client: str) -> Response:
        """Return a bare array (§3)."""
        expect_query(call, *_FILTERS, strict=self._settings.strict)
        found = chosen(call, self.accounts.of(client).newest())
        return reply([one.listed(call.root, self._settings.label_seconds) for one in page(call, found)])

    def count(self, call: Call, client: str) -> Response:
        """Count; the prose names the filter `state`, clients send `status` (§2), both are taken."""
        expect_query(call, *_FILTERS, "state", strict=self._settings.strict)
        return reply({"count": len(chosen(call, self.accounts.of(client).newest()))})

    def show(self, call: Call, client: str, shipment_id: str) -> Response:
        """Return one shipment, wrapped (§1)."""
        return self._answer(call, self.accounts.of(client).shipment(shipment_id))

    def create(self, call: Call, client: str) -> Response:
        """Make a draft: another one each time, since nothing is recognised as a repeat (§12)."""
        body = dict(call.json_object())
        check_shipment(body, strict=self._settings.strict)
        check_zone(body)
        shipment = Shipment(body=body)
        self.accounts.of(client).shipments[shipment.id] = shipment
        response = self._answer(call, shipment)
        response.status_code = 201
        response.headers["Location"] = f"{call.root}{_CLIENTS}/{client}/shipments/{shipment.lower}"
        return response

    def delete(self, _: Call, client: str, shipment_id: str) -> Response:
        """Delete what is neither bought nor received; the form of the refusal is unknown (§8)."""
        account = self.accounts.of(client)
        shipment = account.shipment(shipment_id)
        if shipment.status not in DRAFT and (shipment.status != "ready" or shipment.is_bought):
            raise VendorError(400, "Shipment cannot be deleted, use refund")
        del account.shipments[shipment.id]
        return reply(None, 204)

    def refresh(self, call: Call, client: str, shipment_id: str) -> Response:
        """Price again (§6). Refused for what is paid: our choice."""
        shipment, body = self.accounts.of(client).shipment(shipment_id), call.json_object()
        check_refresh(body, shipment.body["package_type"], strict=self._settings.strict)
        if shipment.status not in DRAFT:
            raise VendorError(400, "Shipment has been paid")
        shipment.body.update(body)
        shipment.price()
        return self._answer(call, shipment)

    def buy(self, call: Call, client: str, shipment_id: str) -> Response:
        """Ask for postage, which comes later (§7). A second buy is refused, and charges nothing: our choice."""
        account, body = self.accounts.of(client), call.json_object()
        check_buy(body, strict=self._settings.strict)
        shipment = account.shipment(shipment_id)
        if shipment.status not in {"unpaid", "postage_purchase_failed"}:
            raise VendorError(400, f"Postage cannot be bought: shipment is {shipment.status}")
        if "postage_type" in body:
            shipment.choose(body["postage_type"])
        if shipment.chosen is None:
            raise VendorError(400, "Unable to fetch postage rate")
        self._pay(account, shipment)
        return self._answer(call, shipment)

    def _pay(self, account: Account, shipment: Shipment) -> None:
        enough = shipment.cost() <= self._left(account)
        if not enough and self._settings.low_credit == "refused":
            raise VendorError(400, "Insufficient credits")
        now = time.monotonic()
        shipment.pay(now=now, settles_at=now + self._settings.buy_seconds, succeeds=enough)
        if enough:
            account.spent += shipment.cost()
            account.purchases.append({"id": shipment.id, "amount": str(shipment.cost())})
        shipment.settle(now)

    def _left(self, account: Account) -> Decimal:
        return Decimal(self._settings.credits) - account.spent

    def refund(self, call: Call, client: str, shipment_id: str) -> Response:
        """Void postage and give the credits back at once; for some services it takes days (§8)."""
        account = self.accounts.of(client)
        shipment = account.shipment(shipment_id)
        waited = time.monotonic() - (shipment.paid_at or 0)
        if shipment.paid_at is not None and waited < self._settings.refund_wait_seconds:
            raise VendorError(400, "Resource in use, please try again")  # §8; its status code is unknown
        kind = (shipment.chosen or {}).get("postage_type")
        if shipment.status != "ready" or not shipment.is_bought or kind in _NOT_REFUNDED:
            raise VendorError(400, f"Shipment cannot be refunded: it is {shipment.status}")
        account.spent -= shipment.cost()
        shipment.advance("voided")
        return self._answer(call, shipment)

    def advance(self, call: Call, shipment_id: str) -> Response:
        """Control: let a paid shipment be received, delivered and so on."""
        shipment, status = self.accounts.find(shipment_id), call.json_object().get("status")
        if status not in STEPS:
            raise VendorError(400, f"status must be one of: {', '.join(STEPS)}")
        if shipment.status in DRAFT or shipment.status == "postage_requested":
            raise VendorError(409, f"shipment is {shipment.status}: it has no postage yet")
        shipment.advance(status)
        return self._answer(call, shipment)

    def send_back(self, _: Call, shipment_id: str) -> Response:
        """Control: list a shipment among the returns."""
        shipment = self.accounts.find(shipment_id)
        owner = next(one for one in self.accounts.known.values() if shipment.id in one.shipments)
        owner.returns.insert(0, returned(shipment))
        return reply(owner.returns[0])

    def _answer(self, call: Call, shipment: Shipment) -> Response:
        return reply({"shipment": shipment.document(call.root, self._settings.label_seconds)})


def emulator(tokens: Mapping[str, str] = MappingProxyType({}), limit: Limit | None = None) -> Emulator:
    """Return Chit Chats. With `tokens` only those clients exist; without, each is made by its first call."""
    return Emulator(ChitChats(tokens, limit))
