"""One person from the first visit to the account: whatever order the webhooks come in, receivers see one identity."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from mappings.customer_data.ids import USER_ID_STRATEGIES
from plugin.operations import replay
from plugin.storage.tables import deliveries
from tests.support.running_line import events, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Backend
    from tests.support.shop import Shop

ACCOUNT = 7313009990009
Hook = tuple[str, dict[str, Any]]


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite alone: nothing here depends on the kind of database."""
    return embedded


def journey() -> list[Hook]:
    """Return the webhooks of a visit, a cart, a checkout, a guest's order, the account, and the shop's merge."""
    order = sent("orders_create")
    account = sent("customers_enable") | {"id": ACCOUNT}
    gids = {"kept": ACCOUNT, "deleted": order["customer"]["id"]}
    merge = {f"admin_graphql_api_customer_{who}_id": f"gid://shopify/Customer/{ref}" for who, ref in gids.items()}
    return [
        ("carts/create", sent("carts_create")),
        ("carts/update", sent("carts_update")),
        ("checkouts/create", sent("checkouts_create")),
        ("checkouts/update", sent("checkouts_update")),
        ("orders/create", order),
        ("orders/paid", sent("orders_paid")),
        ("customers/enable", account),
        ("customers/merge", sent("customers_merge") | merge),
        ("fulfillments/create", sent("fulfillments_create")),
        ("refunds/create", sent("refunds_create")),
    ]


RECEIVERS = ("chrts", "segment")


def state(shop: Shop, receiver: str) -> dict[str, Any]:
    """Return what a receiver knows."""
    return shop.sandbox.emulators[receiver].state()


def people(shop: Shop, receiver: str = "chrts") -> list[dict[str, Any]]:
    """Return everybody a receiver knows of."""
    found: list[dict[str, Any]] = state(shop, receiver)["people"]
    return found


def tell_both(shop: Shop, **settings: str) -> None:
    """Connect both kinds of receivers: chrts' own calls, and Segment's format."""
    for receiver in RECEIVERS:
        shop.reconnect(receiver, **settings)


def send(shop: Shop, hooks: Sequence[Hook], *, at_once: bool = False) -> None:
    """Deliver the webhooks, each worked off before the next unless they come at once."""
    for topic, document in hooks:
        assert shop.post(topic, document).status_code == 200
        if not at_once:
            work_off(shop.services)
    work_off(shop.services)


EXPECTED = {
    *(
        "Product Added",
        "Cart Updated",
        "Checkout Started",
        "Checkout Updated",
        "Coupon Applied",
        "Payment Info Entered",
    ),
    *("Checkout Step Completed", "Order Completed", "Order Paid", "Customer Updated", "Fulfillment Created"),
    *("Order Shipped", "Order Refunded"),
}


@pytest.mark.parametrize("strategy", USER_ID_STRATEGIES)
def test_a_visit_and_the_account_it_led_to_are_one_person(shop: Shop, strategy: str) -> None:
    """Cart, checkout, order, account, merge, parcel and refund, under every way to name a person."""
    tell_both(shop, user_id=strategy)
    send(shop, journey())
    for receiver in RECEIVERS:
        (person,) = people(shop, receiver)
        assert set(person["events"]) == EXPECTED, receiver
        assert person["events"].count("Order Completed") == person["events"].count("Order Refunded") == 1
    assert (state(shop, "segment")["dropped"], state(shop, "segment")["repeats"]) == ([], 0)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("strategy", USER_ID_STRATEGIES)
def test_in_whatever_order_they_come(shop: Shop, strategy: str, seed: int) -> None:
    """Late, early, twice, all at once: still one person, and each sale, refund and parcel once."""
    tell_both(shop, user_id=strategy)
    dice = random.Random(f"{strategy} {seed}")  # noqa: S311  (nothing secret)
    hooks = journey() + dice.sample(journey(), 4)
    dice.shuffle(hooks)
    send(shop, hooks, at_once=bool(seed % 2))
    for receiver in RECEIVERS:
        assert len(people(shop, receiver)) == 1, (receiver, [topic for topic, _ in hooks])
        counted = people(shop, receiver)[0]["events"]
        for name in ("Order Completed", "Order Paid", "Order Refunded", "Order Shipped", "Checkout Started"):
            assert counted.count(name) == 1
        assert is_straight(state(shop, receiver)["aliases"])


def is_straight(aliases: Sequence[dict[str, Any]]) -> bool:
    """Return whether no id was joined to one that had been joined to it; what such a cycle does, nobody says."""
    pairs = [(one["previousId"], one["userId"]) for one in aliases]
    left = set(pairs)
    while True:
        kept = {(old, new) for old, new in left if new in {old for old, _ in left}}
        if kept == left:
            return not left and len(pairs) == len(set(pairs))
        left = kept


@pytest.mark.parametrize("strategy", USER_ID_STRATEGIES)
def test_a_replay_counts_nothing_again(shop: Shop, strategy: str) -> None:
    """Every event routed again finds its events sent; what was learned since may only join ids of the one person."""
    tell_both(shop, user_id=strategy)
    send(shop, journey())
    sales = len(state(shop, "segment")["events"])
    before = shop.sandbox.emulators["chrts"].journal.total
    replay.replay_events(shop.services.database, [row["id"] for row in events(shop.services)])
    work_off(shop.services)
    sent = [one["path"] for one in shop.sandbox.emulators["chrts"].requests()[before:]]
    assert "/event/track" not in sent
    assert len(state(shop, "segment")["events"]) == sales
    assert [len(people(shop, receiver)) for receiver in RECEIVERS] == [1, 1]


def test_who_they_are_goes_first_then_that_they_are_one_then_what_they_did(shop: Shop) -> None:
    """For each webhook of a person; a receiver that hears it in this order never has to guess."""
    send(shop, journey()[4:5])
    paths = [one["path"] for one in shop.sandbox.emulators["chrts"].requests()]
    assert paths == ["/customer/identify", "/customer/alias", "/event/track"]


def test_two_people_at_one_browser_stay_two(shop: Shop) -> None:
    """A shared computer gives two buyers one anonymous id; the second is not taken for the first by us."""
    first, second = sent("orders_create"), sent("orders_create") | {"id": 42, "email": "b@example.com"}
    second |= {"cart_token": "other", "checkout_token": "another"}
    second["customer"] = second["customer"] | {"id": 43, "email": "b@example.com"}
    send(shop, [("orders/create", first), ("orders/create", second)])
    aliases = shop.sandbox.emulators["chrts"].state()["aliases"]
    assert len({one["userId"] for one in aliases}) == 2
    assert {one["previousId"] for one in aliases} == {"a7c1e3b2-0d4f-4f7e-9a55-2b8f1c6d9e01"}


def test_a_failed_merge_joins_nobody(shop: Shop) -> None:
    """Shopify reports merges that failed, too."""
    send(shop, [("customers/merge", sent("customers_merge__failed"))])
    assert shop.sandbox.emulators["chrts"].state()["aliases"] == []


def test_a_changed_address_is_the_same_person(shop: Shop) -> None:
    """Where people are known by their address, the new one is joined to the old, whichever topic brings it first."""
    shop.reconnect("chrts", user_id="sha256_email")
    moved = sent("orders_paid") | {"email": "new@example.com"}
    moved["customer"] = moved["customer"] | {"email": "new@example.com"}
    send(shop, [("orders/create", sent("orders_create")), ("orders/paid", moved)])
    assert len(people(shop)) == 1


def test_without_aliases_an_identify_with_both_ids_joins(shop: Shop) -> None:
    """For receivers that unify by identify: each pair once, in the order in which the ids were met."""
    tell_both(shop, alias="no")
    send(shop, journey()[:5] * 2)
    assert state(shop, "chrts")["aliases"] == state(shop, "segment")["aliases"] == []
    assert len(people(shop, "segment")) == 1
    with shop.services.database.read() as db:
        query = select(deliveries.c.destination).where(deliveries.c.key.like("pair:%"))
        paired = db.execute(query.order_by(deliveries.c.destination)).scalars().all()
    assert tuple(paired) == RECEIVERS
