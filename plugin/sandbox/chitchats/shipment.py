"""A shipment of the Chit Chats emulator: its life and how it is shown (docs/vendors/chitchats.md §5 to §8)."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from plugin.sandbox.chitchats.labels import label_url
from plugin.sandbox.chitchats.rates import cheapest, is_complete, rates
from plugin.sandbox.chitchats.rules import PACIFIC, today
from plugin.sandbox.kit.call import JsonObject
from plugin.sandbox.kit.demo import Parcel

DRAFT = frozenset({"incomplete", "unpaid", "postage_purchase_failed"})
NESTED = ("rates", "tracking_events", "line_items")
_MONEY = ("purchase_amount", "postage_fee", "insurance_fee", "delivery_fee")
_TAXES = ("provincial_tax", "provincial_tax_label", "federal_tax", "federal_tax_label")
# Where a shipment goes back to unless it says otherwise: §5 shows an account's address in every answer.
_RETURN = {
    "return_name": "CHIT CHATS RETURNS",
    "return_address_1": "1 EMULATED AVE",
    "return_address_2": None,
    "return_city": "BLAINE",
    "return_province_code": "WA",
    "return_postal_code": "98230",
    "return_phone": "1-844-842-8777",
}
# Event types after receive_shipment are unknown (§5): the rest of this table is ours.
_EVENTS = {
    "received": ("receive_shipment", "Received by Chit Chats"),
    "released": ("release_shipment", "Released to carrier"),
    "inducted": ("induct_shipment", "Accepted by carrier"),
    "delivered": ("deliver_shipment", "Delivered"),
    "exception": ("except_shipment", "Delivery exception"),
    "voided": ("void_shipment", "Postage voided"),
    "canceled": ("cancel_shipment", "Shipment canceled"),
}
STEPS = tuple(_EVENTS)


def moment() -> str:
    """Return the present as Chit Chats writes it: milliseconds and an offset (§5)."""
    return datetime.now(UTC).astimezone(PACIFIC).isoformat(timespec="milliseconds")


def _new_id() -> str:
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(10))


def _event(kind: str, title: str, subtitle: str | None = None) -> JsonObject:
    described = {"type": kind, "title": title, "subtitle": subtitle, "location_description": None}
    return described | {"created_at": moment(), "status": None}


@dataclass(slots=True, kw_only=True)
class Shipment:
    """One shipment: the body it was made of, and what became of it. Use under the emulator's lock."""

    body: JsonObject
    id: str = field(default_factory=_new_id)
    created_at: str = field(default_factory=moment)
    status: str = "unpaid"
    batch_id: int | None = None
    rates: list[JsonObject] = field(default_factory=list)
    chosen: JsonObject | None = None
    paid_at: float | None = None
    due: tuple[float, str] | None = None
    tracking_code: str | None = None
    events: list[JsonObject] = field(default_factory=lambda: [_event("create_shipment", "Shipment created")])

    def __post_init__(self) -> None:
        self.tracking_code = self.body.get("tracking_number") or None
        self.price()

    @property
    def lower(self) -> str:
        """The id as addresses spell it (§5)."""
        return self.id.lower()

    def price(self) -> None:
        """Fetch rates, choose the one asked for, and settle which kind of draft this is."""
        if self.body.get("ship_date") == "today":
            self.body["ship_date"] = today().isoformat()
        self.rates = rates(self.body)
        if self.body.get("cheapest_postage_type_requested") == "yes" and self.body["country_code"] == "US":
            self.chosen = cheapest(self.rates)
        else:
            self.choose(self.body.get("postage_type") or "unknown")
        own = self.tracking_code and not self.body.get("ship_date")
        self.status = "ready" if own else ("unpaid" if is_complete(self.body) else "incomplete")

    def choose(self, postage_type: str) -> None:
        """Select a rate by its postage type; none when it is not offered."""
        self.chosen = next((rate for rate in self.rates if rate["postage_type"] == postage_type), None)

    def pay(self, *, now: float, settles_at: float, succeeds: bool) -> None:
        """Accept a purchase, which comes true or fails at `settles_at` (§7)."""
        self.status = "postage_requested"
        self.paid_at = now if succeeds else None
        self.due = (settles_at, "ready" if succeeds else "postage_purchase_failed")

    def settle(self, now: float) -> None:
        """Let a purchase that is due come true."""
        if self.due is None or self.due[0] > now:
            return
        self.status, self.due = self.due[1], None
        if self.status == "ready" and self.chosen:
            self.tracking_code = "94" + "".join(secrets.choice(string.digits) for _ in range(20))
            subtitle = f"{self.chosen['postage_description']} ${self.chosen['purchase_amount']}"
            self.events.insert(0, _event("buy_shipment_postage", "Postage purchased", subtitle))

    def advance(self, status: str) -> None:
        """Move a paid shipment along; the newest tracking event comes first (§5)."""
        self.status = status
        self.events.insert(0, _event(*_EVENTS[status]))

    def cost(self) -> Decimal:
        """Return what buying the chosen rate takes from the credits."""
        return Decimal(self.chosen["payment_amount"]) if self.chosen else Decimal(0)

    def matches(self, words: str) -> bool:
        """Tell whether the search of §3 finds it: by id, recipient name or order_id, parts of them too."""
        return any(words.lower() in str(part).lower() for part in (self.id, self.body["name"], self.order_id))

    @property
    def order_id(self) -> str:
        """The sender's reference, which need not be unique (§4)."""
        return str(self.body.get("order_id") or "")

    def document(self, root: str, label_seconds: float) -> JsonObject:
        """Return the whole object of §5."""
        return (
            {"id": self.id, "status": self.status, "batch_id": self.batch_id}
            | self._addresses()
            | self._package()
            | self._carriage(root)
            | self._labels(root, label_seconds)
            | {"rates": self.rates, "tracking_events": self.events, "line_items": self.body.get("line_items", [])}
        )

    def listed(self, root: str, label_seconds: float) -> JsonObject:
        """Return the object as lists show it, without what is nested (§3)."""
        whole = self.document(root, label_seconds)
        return {name: value for name, value in whole.items() if name not in NESTED}

    def _addresses(self) -> JsonObject:
        parts = ("name", "address_1", "address_2", "city", "province_code", "postal_code", "country_code")
        recipient = {f"to_{part}": self.body.get(part) or None for part in (*parts, "phone", "email")}
        sender = {name: self.body.get(name) or default for name, default in _RETURN.items()}
        return recipient | sender | {"return_country_code": "US"}

    def _package(self) -> JsonObject:
        body = self.body
        numbers = {name: _float(body.get(name)) for name in ("size_x", "size_y", "size_z", "weight")}
        texts = ("description", "package_type", "size_unit", "weight_unit", "order_id", "order_store")
        return {
            "package_contents": body.get("package_contents", "merchandise"),
            **{name: body.get(name) or None for name in texts},
            **numbers,
            "value": str(Decimal(str(body["value"])).quantize(Decimal("0.01"))),
            "value_currency": body["value_currency"].upper(),
            "is_insured": bool(body.get("insurance_requested")),
            "is_insurance_requested": bool(body.get("insurance_requested")),
            "is_signature_requested": bool(body.get("signature_requested")),
            "is_media_mail_requested": bool(body.get("media_mail_requested")),
            "is_delivery_duties_paid_requested": bool(body.get("duties_paid_requested")),
        }

    def _carriage(self, root: str) -> JsonObject:
        chosen: dict[str, Any] = self.chosen or {}
        return {
            "postage_type": chosen.get("postage_type") or self.body.get("postage_type") or "unknown",
            "carrier": chosen.get("postage_carrier_type", "unknown") if self.is_bought else "unknown",
            "carrier_tracking_code": self.tracking_code,
            # Present before purchase too, in the legacy example.
            "tracking_url": f"{root}/tracking/{self.lower}",
            "ship_date": self.body.get("ship_date") or None,
            **{name: chosen.get(name) for name in (*_MONEY, *_TAXES)},
            "created_at": self.created_at,
        }

    def _labels(self, root: str, seconds: float) -> JsonObject:
        return {
            f"postage_label_{kind}_url": label_url(root, "shipments", self.lower, kind, seconds)
            if self.is_bought
            else None
            for kind in ("png", "zpl", "pdf")
        }

    def received(self) -> Parcel:
        """Return it in the form that all emulators share."""
        amount = (self.chosen or {}).get("purchase_amount")
        return Parcel(
            id=self.id,
            order=str(self.body.get("order_id")),
            is_live=self.status not in {"canceled", "voided"},
            tracking_number=self.tracking_code,
            cost=f"{amount} CAD" if self.is_bought and amount else None,
        )

    @property
    def is_bought(self) -> bool:
        """Whether postage was bought here and came true."""
        return self.paid_at is not None and self.due is None


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))
