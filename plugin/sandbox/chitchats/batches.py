"""Batches and returns of the Chit Chats emulator (docs/vendors/chitchats.md §2, §9 and §10)."""

from collections.abc import Sequence

from werkzeug.wrappers import Response

from plugin.sandbox.chitchats.accounts import Account, Accounts, expect_query, page
from plugin.sandbox.chitchats.labels import label_url
from plugin.sandbox.chitchats.rules import check_batching
from plugin.sandbox.chitchats.shipment import Shipment, moment
from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.emulator import Route

_BATCH_STATES = frozenset({"pending", "ready", "received"})
_RETURN_STATES = frozenset({"on_hold", "in_transit", "ready", "resolved"})


class Batches:
    """The operations on batches and returns."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    def routes(self, root: str) -> Sequence[Route]:
        """Return the operations below `root`, the address of a client."""
        return (
            Route("PATCH", f"{root}/shipments/add_to_batch", self.add),
            Route("PATCH", f"{root}/shipments/remove_from_batch", self.remove),
            Route("GET", f"{root}/batches", self.listing),
            Route("POST", f"{root}/batches", self.create),
            Route("GET", f"{root}/batches/count", self.count),
            Route("GET", f"{root}/batches/<int:batch>", self.show),
            Route("DELETE", f"{root}/batches/<int:batch>", self.delete),
            Route("GET", f"{root}/returns", self.returns),
        )

    def add(self, call: Call, client: str) -> Response:
        """Put shipments into a batch. The answer's body is not documented, so there is none to rely on."""
        account, body = self.accounts.of(client), call.json_object()
        check_batching(body, "batch_id", "shipment_ids", strict=self._strict)
        batch = _batch(account, body["batch_id"])
        shipments = [account.shipment(one) for one in body["shipment_ids"]]
        # Which shipments a batch takes is unknown: only those ready to be dropped off is our choice.
        if batch["status"] == "received" or any(one.status != "ready" for one in shipments):
            raise VendorError(400, "Only ready shipments can be added to an open batch")
        _assign(shipments, body["batch_id"])
        return reply({})

    def remove(self, call: Call, client: str) -> Response:
        """Take shipments out of whatever batch they are in."""
        account, body = self.accounts.of(client), call.json_object()
        check_batching(body, "shipment_ids", strict=self._strict)
        _assign([account.shipment(one) for one in body["shipment_ids"]], None)
        return reply({})

    def listing(self, call: Call, client: str) -> Response:
        """Return batches, unwrapped (§9), newest first."""
        found = self._chosen(call, client)
        return reply([self._document(call, one) for one in page(call, found)])

    def count(self, call: Call, client: str) -> Response:
        """Count batches."""
        return reply({"count": len(self._chosen(call, client))})

    def show(self, call: Call, client: str, batch: int) -> Response:
        """Return one batch."""
        return reply(self._document(call, _batch(self.accounts.of(client), batch)))

    def create(self, call: Call, client: str) -> Response:
        """Make a batch. No body is documented: the id is the end of the Location (§2)."""
        account, body = self.accounts.of(client), call.json_object()
        if body and self._strict:
            raise VendorError(400, f"{min(body)} is not a known field")
        account.last_batch += 1
        number = account.last_batch
        account.batches[number] = {"id": number, "status": "pending", "created_at": moment()}
        return reply(None, 201, Location=f"{call.root}/api/v1/clients/{client}/batches/{number}")

    def delete(self, _: Call, client: str, batch: int) -> Response:
        """Delete an empty batch (§2)."""
        account = self.accounts.of(client)
        _batch(account, batch)
        if any(one.batch_id == batch for one in account.shipments.values()):
            raise VendorError(400, "Only an empty batch can be deleted")
        del account.batches[batch]
        return reply(None, 204)

    def returns(self, call: Call, client: str) -> Response:
        """Return what came back (§10)."""
        expect_query(call, "status", strict=self._strict)
        found = self.accounts.of(client).returns
        return reply(page(call, _having(found, call.query.get("status", ""), _RETURN_STATES)))

    @property
    def _strict(self) -> bool:
        return self.accounts.settings.strict

    def _chosen(self, call: Call, client: str) -> list[JsonObject]:
        expect_query(call, "state", "to_date", strict=self._strict)
        newest = list(reversed(self.accounts.of(client).batches.values()))
        until = call.query.get("to_date") or "9999"
        return [
            one
            for one in _having(newest, call.query.get("state", ""), _BATCH_STATES)
            if one["created_at"][:10] <= until
        ]

    def _document(self, call: Call, batch: JsonObject) -> JsonObject:
        seconds = self.accounts.settings.label_seconds
        urls = {
            f"label_{kind}_url": label_url(call.root, "client_batches", str(batch["id"]), kind, seconds)
            for kind in ("png", "zpl")
        }
        return batch | urls


def _batch(account: Account, number: int) -> JsonObject:
    if number not in account.batches:
        raise VendorError(404, "Not Found")
    return account.batches[number]


def _assign(shipments: Sequence[Shipment], batch: int | None) -> None:
    for shipment in shipments:
        shipment.batch_id = batch


def _having(items: Sequence[JsonObject], status: str, known: frozenset[str]) -> list[JsonObject]:
    if status and status not in known:
        raise VendorError(400, f"must be one of: {', '.join(sorted(known))}")
    return [one for one in items if status in {"", one["status"]}]


def returned(shipment: Shipment) -> JsonObject:
    """Return the object of §10 for a shipment that came back."""
    streets = {"to_street": shipment.body["address_1"], "to_street_2": shipment.body.get("address_2") or None}
    parts = ("name", "city", "province_code", "postal_code", "country_code", "phone")
    original = {
        "id": shipment.id,
        "order_type": shipment.body.get("order_store") or None,
        "order_reference": shipment.order_id or None,
        **{f"to_{part}": shipment.body.get(part) or None for part in parts},
        **streets,
        "customs_description": shipment.body["description"],
        "created_at": shipment.created_at,
        "updated_at": moment(),
        "resolution": "unknown",
        "resolved_at": None,
    }
    made = {"id": f"R{shipment.id[1:]}", "status": "in_transit", "created_at": moment(), "updated_at": moment()}
    return made | {"resolution": "unknown", "resolved_at": None, "original_shipment": original}
