"""A shipment as Shiptheory keeps and shows it (docs/vendors/shiptheory.md §4, §6 and §8), and what it is drawn on."""

import base64
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from plugin.sandbox.kit.call import JsonObject
from plugin.sandbox.kit.countries import ALPHA3
from plugin.sandbox.kit.demo import Parcel
from plugin.sandbox.kit.pdf import pdf

COMPLETE = "Complete"
# §7; `Queued` and `Archived` are the interface's, the former was seen in answers too.
STATUSES = (
    *("Failed", "Complete", "Ready", "Ignored", "Not Ready", "Print Error", "Waiting", "PROCESSING"),
    *("Queued", "Archived"),
)
_numbers = itertools.count(1)


def moment() -> str:
    """Return the time in the vendor's form."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def label(*lines: str) -> str:
    """Return a PDF that opens, in base64."""
    return base64.b64encode(pdf(lines)).decode()


def tracking_number(prefix: str = "") -> str:
    """Return a number that no other shipment has."""
    return f"{prefix}{2887000000 + next(_numbers)}"


@dataclass(slots=True, kw_only=True)
class Shipment:
    """One shipment. `where` says where its tracking number is told; `looks` how often it is looked at in vain."""

    body: JsonObject
    status: str
    carrier: str | None
    service: str | None = None
    where: str = "field"
    looks: int = 0
    failure: str = ""
    tracking: str | None = None
    created: str = field(default_factory=moment)
    modified: str = field(default_factory=moment)
    messages: list[JsonObject] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin the history, and come to the first status."""
        self.say(f"Shipment added over API by {self.body['recipient'].get('email') or 'api@example.com'}", "info")
        self.become(self.status)

    @property
    def reference(self) -> str:
        """The key: the caller's own reference."""
        return str(self.body["reference"])

    def say(self, words: str, kind: str) -> None:
        """Write a line of history."""
        self.messages.append({"message": words, "created": moment(), "type": kind})

    def become(self, status: str) -> None:
        """Come to a status, with what belongs to it."""
        self.status, self.modified = status, moment()
        if status == COMPLETE and self.tracking is None:
            self.carrier = self.carrier or "DPD"
            self.tracking = tracking_number()
            if self.where != "none":
                self.say(f"{self.carrier} tracking reference received: {self.tracking}", "success")
        if status == "Failed":
            self.say(self.failure, "error")

    def booked(self) -> JsonObject:
        """Return the answer to its booking (§4); without a carrier's answer the parts are empty (§5)."""
        if self.status != COMPLETE:
            return {"success": True, "status": self.status, "carrier_result": None, "message": None}
        said = self.tracking if self.where == "field" else None
        result = {"status": "success", "tracking": said, "carrier": self.carrier, "no_tracking": None}
        words = f"{self.carrier} tracking reference received: {self.tracking}" if self.where != "none" else None
        return {"success": True, "status": COMPLETE, "carrier_result": result, "message": words}

    def received(self) -> Parcel:
        """Return it in the form that all emulators share; `reference2` holds the order's number."""
        return Parcel(
            id=self.reference,
            order=str(self.body["reference2"]),
            is_live=self.status not in {"Failed", "Ignored"},
            tracking_number=self.tracking,
        )

    def shown(self) -> JsonObject:
        """Return the answer to a look at it (§6)."""
        detail = self.body["shipment_detail"]
        parts: JsonObject = {
            "shipment": {
                "channel_reference_id": self.reference,
                "channel_reference_id_2": self.body["reference2"],
                "channel_reference_id_3": detail.get("reference3"),
                "created": self.created,
                "modified": self.modified,
                "status": self.status,
                "tracking_number": self.tracking if self.where == "field" else None,
                "carrier": self.carrier,
                "duty_tax_number": detail.get("duty_tax_number"),
                "duty_tax_number_type": detail.get("duty_tax_number_type"),
            },
            "tags": [{"id": tag, "name": f"Tag {tag}"} for tag in self.body.get("tags", [])],
            "messages": list(self.messages),
        }
        if self.status in (COMPLETE, "Archived", "Print Error") and self.tracking:
            self.looks -= 1
            if self.looks < 0:
                parts["label"] = label(str(self.carrier), str(self.tracking), self.reference)
        return parts

    def listed(self, *, products: bool) -> JsonObject:
        """Return its entry in a list or search (§8); numbers of products are text there."""
        detail, address = self.body["shipment_detail"], self.body["recipient"]
        entry: JsonObject = {
            "created": self.created,
            "modified": self.modified,
            "channel_reference_id": self.reference,
            "channel_reference_id_2": self.body["reference2"],
            "channel_name": "Api",
            "status": self.status,
            "courier": {"couriername": self.carrier} if self.carrier else None,
            "courierservice": {"id": 1, "serviceName": self.service} if self.service else None,
            "shipment_detail": {
                "tracking_number": self.tracking if self.where == "field" else None,
                "grams": round(detail["weight"] * 1000),
                "channel_reference_id_3": detail.get("reference3"),
                **{name: detail.get(name) for name in ("weight", "gift_message", "instructions", "shipping_price")},
                **{name: detail.get(name) for name in ("value", "parcels", "ship_date")},
                **dict.fromkeys(("width", "height", "depth")),
            },
            "delivery_address": {
                **{name: address.get(name) for name in ADDRESS},
                "what_3_words": address.get("what3words"),
                "country": {"country": address["country"], "code": ALPHA3[address["country"]]},
            },
            "latest_public_reference": None,
        }
        return entry | (
            {"products": [_listed_product(one) for one in self.body.get("products", [])]} if products else {}
        )

    def document(self) -> JsonObject:
        """Return all that is known of it, for whoever looks at the sandbox."""
        return self.body | {"status": self.status, "carrier": self.carrier, "tracking": self.tracking}


ADDRESS = (
    *("company", "firstname", "lastname", "address_line_1", "address_line_2", "address_line_3", "city", "county"),
    *("postcode", "telephone", "mobile", "email", "tax_number"),
)


def _listed_product(sent: JsonObject) -> JsonObject:
    return {
        **{name: sent.get(name) for name in ("qty", "sku", "name", "commodity_code", "commodity_description")},
        "value": f"{Decimal(repr(sent['value'])):.2f}",
        "weight": f"{Decimal(repr(sent['weight'])):.2f}",
    }
