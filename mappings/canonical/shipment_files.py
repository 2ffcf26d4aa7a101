"""What vendors send along with a shipment: its history, and files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A line of a shipment's history as the vendor writes it; `kind` is the vendor's own word, such as `error`."""

    text: str
    kind: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentFile:
    """A document that the vendor gives once and can't be asked for again; `expires_on` is its last good day."""

    kind: str
    media_type: str
    data: bytes = field(repr=False)
    tracking_number: str | None = None
    expires_on: date | None = None
