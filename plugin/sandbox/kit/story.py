"""What an emulated shop tells in a demo, and what has to come of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec

from plugin.sandbox.kit.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One webhook as it is posted. `later` ones follow when the first were delivered.

    A `forged` one had its body changed after it was signed.
    """

    topic: str
    sample: Sample
    later: bool = False
    forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One order (or one account, or one stray webhook) as its shop tells of it, and what has to come of it.

    `shop` is the number of its shop. `ref` is the id of the order or account and `number` what the shop calls the
    order; `account` is the customer that an order names, `visitor_of` the one that its visitor has to be joined to.
    `is_created`: its creation is told. `is_booked`: one parcel of it has to live in the end; `is_unpaid`: its postage
    is never bought. `tracked` are the events that have to be counted once each, besides those of bought parcels;
    `rests` are words of the reason that has to be shown where nothing is booked.
    """

    name: str
    shows: str
    shop: int
    posts: Sequence[Post]
    ref: str = ""
    number: str = ""
    email: str | None = None
    country: str | None = None
    account: str | None = None
    visitor_of: str | None = None
    is_order: bool = True
    is_account: bool = False
    is_created: bool = False
    is_booked: bool = False
    is_unpaid: bool = False
    buys_access: bool = False
    tracked: Sequence[str] = ()
    rests: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The two shops of one platform that a demo is about, and all that they tell."""

    platform: str
    shops: tuple[str, str]
    secret: str = field(repr=False)
    stories: Sequence[Story]


def cast(platform: str, orders: int) -> Cast | None:
    """Return what the emulated shops of a platform tell of so many orders; None if they tell nothing."""
    module = f"plugin.sandbox.{platform}.stories"
    if find_spec(f"plugin.sandbox.{platform}") is None or find_spec(module) is None:
        return None
    found: Cast = import_module(module).cast(orders)
    return found
