"""What Chit Chats serves without a token: tracking and labels (docs/vendors/chitchats.md §2 and §5)."""

from collections.abc import Sequence
from html import escape

from werkzeug.wrappers import Response

from plugin.sandbox.chitchats.accounts import Accounts
from plugin.sandbox.chitchats.labels import DRAWN, is_signed
from plugin.sandbox.chitchats.shipment import Shipment
from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.emulator import Route


class Public:
    """Tracking pages and label files."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    def routes(self) -> Sequence[Route]:
        """Return the operations."""
        return (
            Route("GET", "/tracking/<name>", self.tracking),
            Route("GET", "/labels/shipments/<name>.<kind>", self.shipment_label),
            Route("GET", "/labels/client_batches/<name>.<kind>", self.batch_label),
        )

    def tracking(self, call: Call, name: str) -> Response:
        """Show a shipment's way, as JSON or as the page that `tracking_url` names; its id in lower case only."""
        shipment_id, _, suffix = name.partition(".")
        if shipment_id != shipment_id.lower() or suffix not in {"", "json"}:
            raise VendorError(404, "Not Found")
        shipment = self.accounts.find(shipment_id)
        if suffix:
            return reply({"shipment": _tracked(shipment, call.root)})
        return Response(_page(shipment), content_type="text/html; charset=utf-8")

    def shipment_label(self, call: Call, name: str, kind: str) -> Response:
        """Serve a bought shipment's label."""
        shipment = self.accounts.find(name)
        body = shipment.body
        town = " ".join(filter(None, (body["city"], body.get("province_code"), body.get("postal_code"))))
        lines = [f"Chit Chats (emulated) {shipment.id}", body["name"], body["address_1"], town, body["country_code"]]
        return _label(call, kind, [*lines, shipment.tracking_code or ""])

    def batch_label(self, call: Call, name: str, kind: str) -> Response:
        """Serve a batch's label."""
        return _label(call, kind, [f"Chit Chats (emulated) batch {name}"])


def _label(call: Call, kind: str, lines: list[str]) -> Response:
    # How a bad or stale signature is answered is unknown: 403 is our choice.
    if not is_signed(call.path, call.query.get("expires", ""), call.query.get("signature", "")):
        raise VendorError(403, "Forbidden")
    draw, content_type = DRAWN[kind]
    return Response(draw(lines), content_type=content_type)


def _tracked(shipment: Shipment, root: str) -> JsonObject:
    whole = shipment.document(root, 0)
    same = ("to_city", "to_province_code", "to_postal_code", "to_country_code", "carrier", "carrier_tracking_code")
    service = (shipment.chosen or {}).get("postage_description", "Unknown Unknown")
    events = [{name: value for name, value in event.items() if name != "type"} for event in shipment.events]
    sides = " \N{MULTIPLICATION SIGN} ".join(str(whole[f"size_{axis}"]) for axis in "xyz")
    return {
        "shipment_id": shipment.id,
        **{name: whole[name] for name in (*same, "tracking_url", "ship_date")},
        **{f"from_{part}": None for part in ("city", "province_code", "postal_code", "country_code")},
        "package_description": whole["package_type"].replace("_", " ").capitalize(),
        "size_description": f"{sides} {whole['size_unit']}",
        "weight_description": f"{whole['weight']} {whole['weight_unit']}",
        # Of `resolution` only "unknown" is documented for a shipment's tracking; "delivered" is ours.
        "resolution": "delivered" if shipment.status == "delivered" else "unknown",
        "resolution_description": "Delivered" if shipment.status == "delivered" else "Expected Delivery",
        "resolved_at": events[0]["created_at"] if shipment.status == "delivered" else None,
        "postage_description": service,
        "carrier_description": whole["carrier"].replace("_", " ").title(),
        "estimated_delivery_at": None,
        "tracking_events": events,
    }


def _page(shipment: Shipment) -> str:
    rows = "".join(f"<li>{escape(one['created_at'])} {escape(one['title'])}</li>" for one in shipment.events)
    return f"<!DOCTYPE html><title>{shipment.id}</title><h1>{shipment.id}: {shipment.status}</h1><ul>{rows}</ul>"
