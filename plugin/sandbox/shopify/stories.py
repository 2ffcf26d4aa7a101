"""The stories of two emulated shops for the demo: a table of orders in and out of the ordinary, as webhooks."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugin.sandbox.kit.story import Cast, Post, Story
from plugin.sandbox.shopify.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.sandbox.kit.sample import Sample

_SECRET = "the secret of an invented app"  # noqa: S105  (it signs invented webhooks only)
_SHOPS = ("crossdock-demo.myshopify.com", "crossdock-demo-prepaid.myshopify.com")
_ID_HEADER = "X-Shopify-Webhook-Id"
# What sells access, at the first shop alone.
_ACCESS = "PDF-GLAZE"
_COMPLETED, _PAID, _CANCELLED = "Order Completed", "Order Paid", "Order Cancelled"
_SENT = ("Fulfillment Created", "Order Shipped", "Order Delivered", "Order Fulfilled")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hook:
    """One webhook of a plot; `repeats` posts it again, `copies` again under other webhook ids."""

    topic: str
    later: bool = False
    repeats: int = 0
    copies: int = 0
    forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    """A story before it has a number: what it shows, its webhooks, what has to come of it."""

    shows: str
    hooks: tuple[_Hook, ...]
    shop: int = 0
    booked: bool = False
    unpaid: bool = False
    tracked: tuple[str, ...] = ()
    rests: str = ""
    is_order: bool = True


def _order(shows: str, *hooks: _Hook, **expected: Any) -> _Plot:  # noqa: ANN401  (fields of a plot)
    usual: dict[str, Any] = {"booked": True, "tracked": (_COMPLETED,)}
    return _Plot(shows=shows, hooks=hooks, **usual | expected)


def _created(case: str = "", **how: Any) -> _Hook:  # noqa: ANN401  (fields of a hook)
    return _Hook(topic=f"orders/create{case}", **how)


_ORDINARY = (
    _order("within Canada", _created()),
    _order("to the United States", _created(":us")),
    _order("at the second shop", _created(), shop=1),
    _order("a regular customer", _created(":regular")),
    _order("a guest in Britain", _created(":guest")),
)
_SPECIAL = (
    _order("paid later", _created(), _Hook(topic="orders/paid", later=True), tracked=(_COMPLETED, _PAID)),
    _order(
        "download only, paid later",
        *(_created(":digital"), _Hook(topic="orders/paid:digital", later=True)),
        booked=False,
        tracked=(_COMPLETED, _PAID),
        rests="digital goods only",
    ),
    _order("orders/updated comes first", _Hook(topic="orders/updated"), _created(later=True)),
    _order("in EUR", _created(":eur"), booked=False, rests="value_currency"),
    _order("the same webhook three times", _created(repeats=2)),
    _order("two webhooks for one order", _created(copies=1)),
    _order("sold at the counter", _created(":pos"), booked=False, rests="sold at the counter"),
    _order(
        "cancelled after it was booked",
        *(_created(), _Hook(topic="orders/cancelled", later=True)),
        booked=False,
        tracked=(_COMPLETED, _CANCELLED),
    ),
    _order("without a weight", _created(":no_weight"), booked=False, rests="weight"),
    _order("a test", _created(":test"), booked=False, rests="a test order"),
    _order(
        "paid, and created afterwards", _Hook(topic="orders/paid"), _created(later=True), tracked=(_COMPLETED, _PAID)
    ),
    _order("without a postal code", _created(":no_postal_code"), booked=False, rests="postal_code"),
    _order(
        "cancelled before it was known",
        *(_Hook(topic="orders/cancelled"), _created(later=True)),
        booked=False,
        tracked=(_COMPLETED, _CANCELLED),
        rests="the order was cancelled",
    ),
    _order(
        "refunded in part",
        *(_created(), _Hook(topic="refunds/create", later=True, copies=1)),
        tracked=(_COMPLETED, "Order Refunded"),
    ),
    _order(
        "a refund before its order",
        *(_created(later=True), _Hook(topic="refunds/create")),
        tracked=(_COMPLETED, "Order Refunded"),
    ),
    _order(
        "from the cart to the order",
        *(_created(later=True), _Hook(topic="carts/create"), _Hook(topic="carts/update")),
        *(_Hook(topic="checkouts/create"), _Hook(topic="checkouts/update")),
    ),
    _order(
        "sent by the shop and delivered",
        *(_created(), _Hook(topic="fulfillments/create", later=True), _Hook(topic="orders/fulfilled", later=True)),
        _Hook(topic="fulfillment_events/create", later=True),
        tracked=(_COMPLETED, *_SENT),
    ),
    _order("fully refunded", _Hook(topic="orders/updated:refunded"), booked=False, rests="fully refunded"),
    _order("the documentation's own sample", _created(":documented"), shop=1, unpaid=True),
)
_STRAYS = (
    _Plot(
        shows="a new account", hooks=(_Hook(topic="customers/create"),), tracked=("Customer Created",), is_order=False
    ),
    _Plot(
        shows="an account that moves",
        hooks=(_Hook(topic="customers/create"), _Hook(topic="customers/update", later=True)),
        tracked=("Customer Created", "Customer Updated"),
        is_order=False,
    ),
    _Plot(shows="a body that is cut off", hooks=(_Hook(topic="orders/create:cut_off"),), is_order=False),
    _Plot(shows="an unknown topic", hooks=(_Hook(topic="orders/teleported"),), is_order=False),
    _Plot(shows="a topic left alone on purpose", hooks=(_Hook(topic="products/update"),), is_order=False),
    _Plot(shows="a forged webhook", hooks=(_created(forged=True),), is_order=False),
)


def cast(orders: int) -> Cast:
    """Return both shops with so many orders, every other one out of the ordinary, and a few webhooks that are none."""
    plots = [*_plots(orders), *_STRAYS]
    stories = [_tell(plot, number) for number, plot in enumerate(plots, start=1)]
    return Cast(platform="shopify", shops=_SHOPS, secret=_SECRET, stories=stories)


def _plots(orders: int) -> Iterator[_Plot]:
    for place in range(orders):
        table = _SPECIAL if place % 2 else _ORDINARY
        yield table[place // 2 % len(table)]


def _tell(plot: _Plot, number: int) -> Story:
    """Give a plot its number: the webhooks are signed, and what has to arrive is read from their bodies."""
    samples = [sample(hook.topic, number, _SECRET, _SHOPS[plot.shop]) for hook in plot.hooks]
    document = _parsed(samples[0])
    account = (document.get("customer") or {}).get("id") if plot.is_order else None
    topics = [hook.topic.partition(":")[0] for hook in plot.hooks]
    paid = [_parsed(one) for one, topic in zip(samples, topics, strict=True) if topic == "orders/paid"]
    return Story(
        name=f"{document.get('name', plot.hooks[0].topic)} ({plot.shows})",
        shows=plot.shows,
        shop=plot.shop,
        posts=[post for hook, one in zip(plot.hooks, samples, strict=True) for post in _posts(hook, one)],
        ref=str(document.get("id", "")),
        number=str(document.get("name", "")).lstrip("#"),
        email=document.get("email") or None,
        country=(document.get("shipping_address") or {}).get("country_code"),
        account=str(account) if account else None,
        visitor_of=str(account) if account and document.get("cart_token") else None,
        is_order=plot.is_order,
        is_account=topics[0].startswith("customers/"),
        is_created=plot.is_order and "orders/create" in topics,
        is_booked=plot.booked,
        is_unpaid=plot.unpaid,
        buys_access=plot.shop == 0 and any(line["sku"] == _ACCESS for body in paid for line in body["line_items"]),
        tracked=plot.tracked,
        rests=plot.rests,
    )


def _posts(hook: _Hook, one: Sample) -> Iterator[Post]:
    body = one.body + b" " if hook.forged else one.body
    # The id of a webhook is not signed.
    copies = [{**one.headers, _ID_HEADER: f"{one.headers[_ID_HEADER]} copy {number}"} for number in range(hook.copies)]
    for headers in [one.headers] * (1 + hook.repeats) + copies:
        again = dataclasses.replace(one, headers=headers, body=body)
        yield Post(topic=hook.topic, sample=again, later=hook.later, forged=hook.forged)


def _parsed(one: Sample) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(one.body)
    except ValueError:
        return {}
    return found
