"""Accounts of the Chit Chats emulator: who may call, what they have, and how lists are cut.

See docs/vendors/chitchats.md §1 and §3.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import TypeVar

from plugin.sandbox.chitchats.shipment import Shipment
from plugin.sandbox.kit.call import Call, JsonObject, VendorError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a test may change. `low_credit` is "failed" (later) or "refused" (a 400 at buy): the page knows neither.

    `tokens` fixes the token of each client id; without it the first token seen for an id is that account's.
    """

    strict: bool = True
    buy_seconds: float = 0.3
    refund_wait_seconds: float = 2.0
    label_seconds: float = 300.0
    credits: str = "1000.00"
    low_credit: str = "failed"
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d+(\.\d{1,2})?", self.credits):
            raise ValueError("settings: credits must be a decimal amount as text")
        if self.low_credit not in {"failed", "refused"}:
            raise ValueError("settings: low_credit must be failed or refused")


@dataclass(slots=True, kw_only=True)
class Account:
    """One client. Use under the emulator's lock."""

    token: str
    shipments: dict[str, Shipment] = field(default_factory=dict)
    batches: dict[int, JsonObject] = field(default_factory=dict)
    returns: list[JsonObject] = field(default_factory=list)
    purchases: list[JsonObject] = field(default_factory=list)
    spent: Decimal = Decimal(0)
    last_batch: int = 0

    def shipment(self, shipment_id: str) -> Shipment:
        """Return a shipment by its id in either case (§5), its purchase settled if due."""
        found = self.shipments.get(shipment_id.upper())
        if found is None:
            raise VendorError(404, "Not Found")
        found.settle(time.monotonic())
        return found

    def newest(self) -> list[Shipment]:
        """Return all shipments, newest first (§2)."""
        for shipment in self.shipments.values():
            shipment.settle(time.monotonic())
        return list(reversed(self.shipments.values()))


class Accounts:
    """Every account, made when its client id is first used."""

    def __init__(self, tokens: Mapping[str, str] = MappingProxyType({})) -> None:
        self.settings = Settings(tokens=dict(tokens))
        self.known: dict[str, Account] = {}

    def authorise(self, client: str, token: str) -> None:
        """Check the raw token (§1). What a bad one is answered is unknown: 401 is our choice."""
        # A token with a space in it carries a scheme such as Bearer, which this vendor does not use.
        if not token or " " in token or token.startswith("revoked"):
            raise VendorError(401, "Unauthorized")
        if not (client.isascii() and client.isdigit()):
            raise VendorError(404, "Not Found")
        if self.settings.tokens and client not in self.settings.tokens:
            raise VendorError(404, "Not Found")
        account = self.known.setdefault(client, Account(token=token))
        if token != self.settings.tokens.get(client, account.token):
            raise VendorError(401, "Unauthorized")

    def of(self, client: str) -> Account:
        """Return an authorised client's account."""
        return self.known[client]

    def find(self, shipment_id: str) -> Shipment:
        """Return a shipment of whoever it is: tracking and labels are public (§2)."""
        for account in self.known.values():
            if shipment_id.upper() in account.shipments:
                return account.shipment(shipment_id)
        raise VendorError(404, "Not Found")

    def all_shipments(self) -> Iterable[tuple[str, Shipment]]:
        """Return every shipment with its client id, oldest first."""
        return chain.from_iterable(
            ((client, account.shipment(one)) for one in list(account.shipments))
            for client, account in self.known.items()
        )


# §3; `pending`, `in_transit` and `resolved` are groups.
_STATUSES = {
    "canceled": {"canceled"},
    "pending": {"incomplete", "unpaid", "postage_requested", "postage_purchase_failed"},
    "ready": {"ready"},
    "in_transit": {"received", "released", "inducted"},
    "received": {"received"},
    "released": {"released"},
    "inducted": {"inducted"},
    "resolved": {"delivered", "exception", "voided"},
    "delivered": {"delivered"},
    "exception": {"exception"},
    "voided": {"voided"},
}
_PAGING = ("limit", "page")
_LARGEST_PAGE = 1000


def expect_query(call: Call, *known: str, strict: bool) -> None:
    """Refuse query parameters that are not documented; this strictness is ours, a vendor may well ignore them."""
    unknown = sorted(set(call.query) - {*known, *_PAGING})
    if strict and unknown:
        raise VendorError(400, f"{unknown[0]} is not a known parameter")


def page(call: Call, items: Sequence[T]) -> Sequence[T]:
    """Cut one page out: 100 unless told, 1000 at most (§3); outside that is refused, which is our choice."""
    limit, number = whole(call, "limit", 100), whole(call, "page", 1)
    if not 1 <= limit <= _LARGEST_PAGE or number < 1:
        raise VendorError(400, "limit must be from 1 to 1000 and page at least 1")
    return items[(number - 1) * limit : number * limit]


def whole(call: Call, name: str, default: int) -> int:
    """Read a whole number from the query."""
    value = call.query.get(name, str(default))
    if not (value.isascii() and value.isdigit()):
        raise VendorError(400, f"{name} must be a whole number")
    return int(value)


def chosen(call: Call, shipments: Iterable[Shipment]) -> list[Shipment]:
    """Apply the filters of §3."""
    query = call.query
    status = query.get("status") or query.get("state") or ""
    if status and status not in _STATUSES:
        raise VendorError(400, f"status must be one of: {', '.join(_STATUSES)}")
    since, until = _day(call, "from_date", date.min), _day(call, "to_date", date.max)
    batch = whole(call, "batch_id", 0)
    return [
        one
        for one in shipments
        if (not status or one.status in _STATUSES[status])
        and since <= date.fromisoformat(one.created_at[:10]) <= until
        and (not batch or one.batch_id == batch)
        and one.matches(query.get("q", ""))
    ]


def _day(call: Call, name: str, default: date) -> date:
    try:
        return date.fromisoformat(call.query[name]) if call.query.get(name) else default
    except ValueError as error:
        raise VendorError(400, f"{name} must be YYYY-MM-DD") from error
