"""What an emulator declares for the demo and for tests, and what it received, in one form for every vendor.

Whoever looks asks every emulator alike (`Emulator.received()`), so nobody has to know a vendor by its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plugin.sandbox.kit.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One parcel that was booked. `order` is the id or the number of its order, as the vendor was told it.

    One that is not live was taken back or failed: nobody has to pay for it. `cost` is an amount with its currency.
    """

    id: str
    order: str
    is_live: bool
    tracking_number: str | None = None
    cost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """One event that a person is known for; `about` holds the ids of the order and the account it speaks of."""

    name: str
    about: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, properties: Mapping[str, Any]) -> "Tracked":
        """Return the event of this name, with the ids that its properties hold."""
        ids = (properties[key] for key in ("order_id", "customer_id") if properties.get(key))
        return cls(name=name, about=frozenset(map(str, ids)))


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What a receiver of customer data was told, repeats included.

    `count` is how many people it knows by now; `emails` are those of the traits it was told; each of `aliases` is the
    id a person is known by, and the id that was joined to it.
    """

    count: int = 0
    emails: frozenset[str] = frozenset()
    aliases: Sequence[tuple[str, str]] = ()
    events: Sequence[Tracked] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a vendor has taken so far, each list with what was taken twice; None where it takes no such thing.

    `orders` are the ids of orders that it keeps as such, `parcels` those booked, `purchases` the ids of parcels each
    time they were paid for, `customers` the ids of accounts with a record, `sessions` those of orders or accounts that
    access was opened for.
    """

    orders: Sequence[str] | None = None
    parcels: Sequence[Parcel] | None = None
    purchases: Sequence[str] | None = None
    people: People | None = None
    customers: Sequence[str] | None = None
    sessions: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """How the demo connects its two shops to a vendor, and what goes wrong there on the way.

    `settings` are those of each shop, besides the required ones, for which the demo invents values. Of parcels:
    `rules` is the document that says which orders go to this vendor, `countries` where those go (empty: wherever no
    other vendor's `countries` hold), and `drafts` the shops, by number, whose bookings stay unpaid.
    """

    settings: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
    rules: Mapping[str, Any] | None = None
    countries: frozenset[str] = frozenset()
    drafts: frozenset[int] = frozenset()
    faults: tuple[Fault, ...] = field(default=())
