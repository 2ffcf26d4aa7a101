"""What the demo tells, and what has to come of it: a table, written down before anything runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from plugin.sandbox import sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plugin.sandbox import Sample

PLATFORM = "shopify"
SECRET = "the secret of an invented app"  # noqa: S105  (it signs invented webhooks only)
# The second shop has its postage bought at once.
SHOPS = ("crossdock-demo.myshopify.com", "crossdock-demo-prepaid.myshopify.com")
# What sells access, at the first shop alone.
ACCESS = "PDF-GLAZE"
_COMPLETED, _PAID, _CANCELLED = "Order Completed", "Order Paid", "Order Cancelled"
_SENT = ("Fulfillment Created", "Order Shipped", "Order Delivered", "Order Fulfilled")

Booking = Literal["draft", "bought", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook of a story. `later` ones are posted when the first were delivered.

    `repeats` posts the very same webhook again; `copies` posts it again under other webhook ids; a `forged` one has
    its body changed after it was signed.
    """

    topic: str
    later: bool = False
    repeats: int = 0
    copies: int = 0
    forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One order (or one account, or one stray webhook) as its shop tells of it, and what has to come of it.

    `booking` is what has to be in the end at the `carrier` that its shop's rules choose, `tracked` the events that have
    to be counted once each; `rests` are words of the reason that has to be shown where nothing is booked.
    """

    shows: str
    hooks: tuple[Hook, ...]
    shop: int = 0
    booking: Booking = "none"
    carrier: str = "chitchats"
    tracked: tuple[str, ...] = ()
    rests: str = ""
    is_order: bool = True

    @property
    def is_account(self) -> bool:
        """Whether it is about an account, of which a record has to be kept."""
        return self.hooks[0].topic.startswith("customers/")


def _order(shows: str, *hooks: Hook, **expected: Any) -> Story:  # noqa: ANN401  (fields of Story)
    return Story(shows=shows, hooks=hooks, **{"booking": "draft", "tracked": (_COMPLETED,)} | expected)


def _created(case: str = "", **how: Any) -> Hook:  # noqa: ANN401  (fields of Hook)
    return Hook(topic=f"orders/create{case}", **how)


_ORDINARY = (
    _order("within Canada", _created()),
    _order("to the United States", _created(":us")),
    _order("bought at once", _created(), shop=1, booking="bought", tracked=(_COMPLETED, "Order Shipped")),
    _order("a regular customer", _created(":regular")),
    _order(
        "a guest in Britain",
        _created(":guest"),
        booking="bought",
        carrier="shiptheory",
        tracked=(_COMPLETED, "Order Shipped"),
    ),
)
_SPECIAL = (
    _order("paid later", _created(), Hook(topic="orders/paid", later=True), tracked=(_COMPLETED, _PAID)),
    _order(
        "download only, paid later",
        *(_created(":digital"), Hook(topic="orders/paid:digital", later=True)),
        booking="none",
        tracked=(_COMPLETED, _PAID),
        rests="digital goods only",
    ),
    _order("orders/updated comes first", Hook(topic="orders/updated"), _created(later=True)),
    _order("in EUR", _created(":eur"), booking="none", rests="value_currency"),
    _order("the same webhook three times", _created(repeats=2)),
    _order("two webhooks for one order", _created(copies=1)),
    _order("sold at the counter", _created(":pos"), booking="none", rests="sold at the counter"),
    _order(
        "cancelled after it was booked",
        *(_created(), Hook(topic="orders/cancelled", later=True)),
        booking="none",
        tracked=(_COMPLETED, _CANCELLED),
    ),
    _order("without a weight", _created(":no_weight"), booking="none", rests="weight"),
    _order("a test", _created(":test"), booking="none", rests="a test order"),
    _order(
        "paid, and created afterwards", Hook(topic="orders/paid"), _created(later=True), tracked=(_COMPLETED, _PAID)
    ),
    _order("without a postal code", _created(":no_postal_code"), booking="none", rests="postal_code"),
    _order(
        "cancelled before it was known",
        *(Hook(topic="orders/cancelled"), _created(later=True)),
        booking="none",
        tracked=(_COMPLETED, _CANCELLED),
        rests="the order was cancelled",
    ),
    _order(
        "refunded in part",
        *(_created(), Hook(topic="refunds/create", later=True, copies=1)),
        tracked=(_COMPLETED, "Order Refunded"),
    ),
    _order(
        "a refund before its order",
        *(_created(later=True), Hook(topic="refunds/create")),
        tracked=(_COMPLETED, "Order Refunded"),
    ),
    _order(
        "from the cart to the order",
        *(_created(later=True), Hook(topic="carts/create"), Hook(topic="carts/update")),
        *(Hook(topic="checkouts/create"), Hook(topic="checkouts/update")),
    ),
    _order(
        "sent by the shop and delivered",
        *(_created(), Hook(topic="fulfillments/create", later=True), Hook(topic="orders/fulfilled", later=True)),
        Hook(topic="fulfillment_events/create", later=True),
        tracked=(_COMPLETED, *_SENT),
    ),
    _order("fully refunded", Hook(topic="orders/updated:refunded"), booking="none", rests="fully refunded"),
    _order("the documentation's own sample", _created(":documented"), shop=1),
)
STRAYS = (
    Story(
        shows="a new account", hooks=(Hook(topic="customers/create"),), tracked=("Customer Created",), is_order=False
    ),
    Story(
        shows="an account that moves",
        hooks=(Hook(topic="customers/create"), Hook(topic="customers/update", later=True)),
        tracked=("Customer Created", "Customer Updated"),
        is_order=False,
    ),
    Story(shows="a body that is cut off", hooks=(Hook(topic="orders/create:cut_off"),), is_order=False),
    Story(shows="an unknown topic", hooks=(Hook(topic="orders/teleported"),), is_order=False),
    Story(shows="a topic left alone on purpose", hooks=(Hook(topic="products/update"),), is_order=False),
    Story(shows="a forged webhook", hooks=(_created(forged=True),), is_order=False),
)


def stories(orders: int) -> Iterator[Story]:
    """This many orders, every other one out of the ordinary, and a few webhooks that are none."""
    for place in range(orders):
        table = _SPECIAL if place % 2 else _ORDINARY
        yield table[place // 2 % len(table)]
    yield from STRAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A story with its webhooks, signed; what has to arrive is read from the bodies that were sent."""

    story: Story
    samples: tuple[Sample, ...]

    @property
    def document(self) -> Mapping[str, Any]:
        """The body of its first webhook; empty where that is no JSON."""
        try:
            found: dict[str, Any] = json.loads(self.samples[0].body)
        except ValueError:
            return {}
        return found

    @property
    def ref(self) -> str:
        """The id of its order or account."""
        return str(self.document.get("id", ""))

    @property
    def number(self) -> str:
        """What the shop calls its order."""
        return str(self.document.get("name", "")).lstrip("#")

    @property
    def email(self) -> str | None:
        """Whom the customer-data receiver has to know by the end."""
        return self.document.get("email") or None

    @property
    def buys_access(self) -> bool:
        """Whether a session has to be open for its buyer: a line that sells access was paid."""
        topics = [hook.topic.partition(":")[0] for hook in self.story.hooks]
        paid = [json.loads(one.body) for one, topic in zip(self.samples, topics, strict=True) if topic == "orders/paid"]
        return self.story.shop == 0 and any(line["sku"] == ACCESS for body in paid for line in body["line_items"])

    @property
    def account(self) -> str | None:
        """The customer that an order names."""
        account = self.document.get("customer") if self.story.is_order else None
        return str(account["id"]) if account else None

    @property
    def customer(self) -> str | None:
        """The account that an order's visitor has to be joined to."""
        return self.account if self.document.get("cart_token") else None

    @property
    def name(self) -> str:
        """What a person calls it: its number and what it shows."""
        return f"{self.document.get('name', self.story.hooks[0].topic)} ({self.story.shows})"


def tell(orders: int) -> list[Told]:
    """Every story with its own number."""
    return [_told(story, number) for number, story in enumerate(stories(orders), start=1)]


def _told(story: Story, number: int) -> Told:
    shop = SHOPS[story.shop]
    return Told(story=story, samples=tuple(sample(PLATFORM, hook.topic, number, SECRET, shop) for hook in story.hooks))
