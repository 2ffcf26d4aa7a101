"""What destinations that book parcels say of them, free of any vendor's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mappings.canonical.orders import Money
    from mappings.canonical.shipment_files import Message, ShipmentFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One offer for a parcel: `days` are the fewest and most that it is said to take, `tracked` None if unsaid."""

    service: str
    cost: Money
    name: str | None = None
    tracked: bool | None = None
    days: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a booking destination says about one shipment.

    `cost` is what was or would be charged. `label_formats` are those that can be had now; their addresses expire,
    so they are read again when a label is wanted and never kept. `rates` are None when nothing was said of them, and
    empty when none are offered or the kept ones are not to be relied on any more. `messages` are its whole history so
    far. `files` are kept, as they come only once. `delivered` says that the parcel arrived.

    The rest is ours: which parcel of the order it is, the fingerprint of what was sent and the version of the order it
    was made from, and whether it is still worth looking at.
    """

    remote_id: str
    status: str
    tracking_number: str | None = None
    tracking_url: str | None = None
    carrier: str | None = None
    cost: Money | None = None
    label_formats: tuple[str, ...] = ()
    delivered: bool | None = None
    rates: tuple[Rate, ...] | None = None
    messages: tuple[Message, ...] = ()
    files: tuple[ShipmentFile, ...] = ()
    parcel: int | None = None
    content: str | None = None
    as_of: datetime | None = None
    watched: bool | None = None
