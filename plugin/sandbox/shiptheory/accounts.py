"""Shiptheory's accounts: who may call with which token, and what each account has.

See docs/vendors/shiptheory.md §1 and §9.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from plugin.sandbox.kit.call import JsonObject, VendorError
from plugin.sandbox.shiptheory.shipment import Shipment

_MADE_HERE = "sandbox."

# §9: ids are text for services, numbers for return services and sizes.
SERVICES: dict[str, dict[str, JsonObject]] = {
    "DPD": {
        "Parcel - Next Day": {"id": "39", "courier_increment_ids": ["1", "2"]},
        "Parcel - Two Day": {"id": "38", "courier_increment_ids": ["1"]},
    },
    "Royal Mail": {"Tracked 48": {"id": "41", "courier_increment_ids": ["2"]}},
}
RETURN_SERVICES: dict[str, list[JsonObject]] = {
    "Royal Mail": [{"id": 200, "name": "Tracked 24 Returns"}, {"id": 100, "name": "Tracked 48 Returns"}],
    "DPD": [{"id": 7, "name": "Return to Shop", "collection_or_dropoff": "collection", "upper_limit_weight": 0}],
}
SIZES = (
    {"id": 11110, "name": "Quarter Pallet", "length": 1, "width": 1, "height": 1, "active": True},
    {"id": 11120, "name": "Small Box", "length": 2, "width": 2, "height": 1, "active": True},
    {"id": 11130, "name": "Old Box", "length": 3, "width": 2, "height": 1, "active": False},
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a test may change.

    `accounts` are passwords by e-mail, `tokens` permanent tokens with their account's e-mail; with neither, anybody
    may log in. `result` is the status that bookings come to, `rules` what the account's rules make of one without a
    service: `match`, `none` or `not_ready`. `tracking` is told in a `field`, only in a `message`, or not at all
    (`none`). `empty` is how an empty part of an answer looks: `null` or `text`.
    """

    accounts: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    token_seconds: float = 3600.0
    partner_tag_required: bool = False
    forbidden: bool = False
    result: str = "Complete"
    failure: str = "DPD: the delivery postcode is not served"
    rules: str = "match"
    tracking: str = "field"
    label_looks: int = 0
    empty: str = "null"
    increment_error_stores: bool = False
    validation_status: int = 400
    search_days: int = 365
    strict: bool = True


@dataclass(slots=True)
class Account:
    """One company's shipments by reference, catalogue by SKU, and return labels."""

    shipments: dict[str, Shipment] = field(default_factory=dict)
    # References count for ever, whatever becomes of their shipment.
    used: set[str] = field(default_factory=set)
    catalogue: dict[str, JsonObject] = field(default_factory=dict)
    returns: list[JsonObject] = field(default_factory=list)


class Accounts:
    """Every account, and the tokens that open them."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.known: dict[str, Account] = {}
        self.logins = 0
        self._made: dict[str, tuple[str, float]] = {}

    def log_in(self, body: JsonObject) -> str:
        """Make a token; several may live at any time (§1)."""
        email, password = body.get("email"), body.get("password")
        if not isinstance(email, str) or not isinstance(password, str) or not email or not password:
            raise VendorError(401, "Invalid username or password")
        if self._closed and self.settings.accounts.get(email) != password:
            raise VendorError(401, "Invalid username or password")
        token = _MADE_HERE + secrets.token_urlsafe(24)
        self.logins += 1
        self._made[token] = (email, time.monotonic() + self.settings.token_seconds)
        return token

    @property
    def _closed(self) -> bool:
        return bool(self.settings.accounts or self.settings.tokens)

    def owner(self, authorization: str) -> str | None:
        """Return whose token this is; None if it is nobody's, or too old."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        if token in self._made:
            email, ends = self._made[token]
            return email if time.monotonic() < ends else None
        if token in self.settings.tokens:
            return self.settings.tokens[token]
        if self._closed or token.startswith(_MADE_HERE):
            return None
        return f"token-{hashlib.sha256(token.encode()).hexdigest()[:8]}"

    def expire(self) -> None:
        """End every token that was made by logging in."""
        self._made = {token: (email, 0.0) for token, (email, _) in self._made.items()}

    def of(self, email: str) -> Account:
        """Return an account, made by its first call."""
        return self.known.setdefault(email, Account())

    def find(self, reference: str) -> Shipment:
        """Return a shipment of any account."""
        for account in self.known.values():
            if reference in account.shipments:
                return account.shipments[reference]
        raise VendorError(404, "Not Found")

    def all_shipments(self) -> list[Shipment]:
        """Return the shipments of every account, oldest first."""
        return [one for account in self.known.values() for one in account.shipments.values()]

    def state(self) -> JsonObject:
        """Return what all accounts have, oldest first."""
        shipments: list[Any] = [
            one.document() | {"account": email}
            for email, account in self.known.items()
            for one in account.shipments.values()
        ]
        return {
            "shipments": shipments,
            "logins": self.logins,
            "returns": [one | {"account": email} for email, account in self.known.items() for one in account.returns],
            "catalogue": {sku: item for account in self.known.values() for sku, item in account.catalogue.items()},
        }
