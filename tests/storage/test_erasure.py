"""The three privacy requests that every Shopify app must obey, and the end of an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from plugin.core.vault import Vault
from plugin.sandbox import Fault
from plugin.storage import inbox, tables
from plugin.storage.tables import attempts, connections, deliveries
from tests.support.running_line import events, owed, turn, work_off
from tests.support.shop import ADDRESS, headers, sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop


COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")
EMAIL = "marguerite.okafor-lind@example.com"


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite alone: nothing here depends on the kind of database."""
    return embedded


def notice(topic: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    """Return the body of a privacy request to the shop of these tests."""
    return sent(topic.replace("/", "_")) | {"shop_domain": ADDRESS} | changes


def other_order(number: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    """Return an order of somebody else."""
    customer = {"id": number + 1, "email": f"person{number}@example.com"}
    return sent("orders_create") | {"id": number, "customer": customer, "email": customer["email"]} | changes


def bodies(shop: Shop) -> list[bytes | None]:
    """Return what is kept of every event, oldest first."""
    with shop.services.database.read() as db:
        return [event.body for event in inbox.by_ids(db, [row["id"] for row in events(shop.services)])]


@pytest.mark.parametrize("topic", COMPLIANCE)
def test_a_privacy_request_is_200_with_the_right_signature_and_401_without(shop: Shop, topic: str) -> None:
    """Shopify's review tries both."""
    assert shop.post(topic, notice(topic), secret="wrong").status_code == 401
    assert shop.post(topic, notice(topic)).status_code == 200


def test_redacting_a_customer_erases_the_bodies_about_them_and_no_others(shop: Shop) -> None:
    """Orders and customer records of that person lose their bodies; other people's stay."""
    shop.post("orders/create", sent("orders_create"))
    shop.post("customers/create", sent("customers_create"))
    shop.post("orders/create", other_order(4))
    work_off(shop.services)
    assert shop.post("customers/redact", notice("customers/redact")).status_code == 200
    work_off(shop.services)
    kept = bodies(shop)
    assert [body is not None for body in kept[:3]] == [False, False, True]


def test_redacting_a_customer_leaves_none_of_their_addresses_behind(shop: Shop) -> None:
    """What was left alone on purpose, or could not be read, holds people too."""
    shop.post("draft_orders/create", {"id": 5, "email": EMAIL, "customer": {"id": 7313004880213}})
    shop.post("checkouts/create", {"id": 5, "email": EMAIL, "customer": {"id": 7313004880213}})
    shop.post("orders/create", {"id": 5871004320917, "email": EMAIL})
    shop.post("orders/invented", {"id": 5871004320917, "email": EMAIL})
    work_off(shop.services)
    shop.post("customers/redact", notice("customers/redact"))
    work_off(shop.services)
    assert not [body for body in bodies(shop)[:4] if body and EMAIL.encode() in body]


def remembered(shop: Shop) -> str:
    """Return everything that is kept between documents."""
    with shop.services.database.read() as db:
        return str([db.execute(select(table)).all() for table in (tables.links, tables.versions)])


def test_redacting_a_customer_forgets_under_which_names_they_were_met(shop: Shop) -> None:
    """Their carts and checkouts lose their bodies too, though nobody's name is in a cart; other people's stay."""
    baskets = ("carts/create", "checkouts/create", "checkouts/update", "checkouts/delete")
    for topic in (*baskets, "orders/create", "customers/create"):
        shop.post(topic, sent(topic.replace("/", "_")))
    shop.post("carts/create", sent("carts_create") | {"id": "other", "token": "other"})
    shop.post("orders/create", other_order(4, cart_token="a-cart", checkout_token="b", note_attributes=[]))
    work_off(shop.services)
    shop.post("customers/redact", notice("customers/redact"))
    work_off(shop.services)
    assert [body is not None for body in bodies(shop)[:8]] == [False] * 6 + [True] * 2
    kept = remembered(shop)
    for name in ("hWN5d2f0c9be41748b0a6f3", "5d2f0c9be41748b0a6f3a1d7c2e98b14", "7313004880213", "a7c1e3b2"):
        assert name not in kept
    assert "cart:other" in kept
    assert "cart:a-cart" in kept


def test_redacting_somebody_who_never_ordered_finds_them_by_address(shop: Shop) -> None:
    """An abandoned checkout belongs to no customer and no order; its e-mail address is all there is."""
    shop.post("checkouts/create", sent("checkouts_create"))
    work_off(shop.services)
    assert EMAIL not in remembered(shop)
    shop.post("customers/redact", notice("customers/redact", customer={"email": EMAIL}, orders_to_redact=[]))
    work_off(shop.services)
    assert bodies(shop)[0] is None
    assert "5d2f0c9be41748b0a6f3a1d7c2e98b14" not in remembered(shop)


def owed_bodies(shop: Shop) -> list[bytes | None]:
    """Return what is kept of the calls that are or were owed to chrts, oldest first."""
    query = select(deliveries.c.message).where(deliveries.c.destination == "chrts").order_by(deliveries.c.id)
    with shop.services.database.read() as db:
        return list(db.execute(query).scalars())


def test_the_body_of_a_call_is_kept_only_while_it_is_owed(shop: Shop) -> None:
    """It is emptied when the delivery comes to rest, however it ends."""
    refused = Fault("status", status=400, match="/event/track", times=None)
    shop.sandbox.emulators["chrts"].faults.add(Fault("status", status=503, match="identify"), refused)
    shop.post("orders/create", sent("orders_create"))
    turn(shop.services)
    assert all(owed_bodies(shop))
    work_off(shop.services)
    assert {one["state"] for one in owed(shop.services, destination="chrts")} == {"done", "failed"}
    assert set(owed_bodies(shop)) == {None}


def test_an_erasure_empties_the_bodies_of_what_is_still_owed(shop: Shop) -> None:
    """Nothing of the person goes out any more."""
    shop.sandbox.emulators["chrts"].faults.add(Fault("status", status=503, match="identify"))
    shop.post("orders/create", sent("orders_create"))
    turn(shop.services)
    assert all(owed_bodies(shop))
    shop.post("customers/redact", notice("customers/redact"))
    turn(shop.services)
    assert set(owed_bodies(shop)) == {None}


def test_redacting_a_shop_forgets_everybody(shop: Shop) -> None:
    """No link and no version of it is left."""
    for topic in ("carts/create", "orders/create"):
        shop.post(topic, sent(topic.replace("/", "_")))
    work_off(shop.services)
    shop.post("shop/redact", notice("shop/redact"))
    work_off(shop.services)
    assert remembered(shop) == "[[], []]"


def test_redacting_a_guest_erases_the_orders_named_and_nobody_else_s(shop: Shop) -> None:
    """A guest has no customer id, and neither have other guests, nor orders that were not routed yet."""
    shop.post("orders/create", other_order(1, customer=None))
    shop.post("orders/create", other_order(2, customer=None))
    work_off(shop.services)
    shop.post("customers/redact", notice("customers/redact", customer={"email": "a@b.c"}, orders_to_redact=[1]))
    shop.post("orders/create", other_order(3, customer=None))
    work_off(shop.services)
    assert [body is not None for body in (*bodies(shop)[:2], bodies(shop)[3])] == [False, True, True]
    assert {item["order_id"] for item in shop.booked()} == {"1", "2", "3"}


def test_what_is_owed_about_an_erased_customer_is_held_and_not_invented(shop: Shop) -> None:
    """A booking that waited for a setting when the person was erased can't be made any more, and says so."""
    order = sent("orders_create") | {"currency": "EUR"}
    shop.post("orders/create", order)
    work_off(shop.services)
    shop.post("customers/redact", notice("customers/redact"))
    work_off(shop.services)
    assert shop.booked() == []
    assert [item["state"] for item in owed(shop.services, action="book")] == ["held"]


def test_redacting_a_shop_erases_everything(shop: Shop) -> None:
    """No body, no attempt and no connection of that shop is left; other shops keep theirs."""
    other = shop.services.stores.add("shopify", "other.myshopify.com", {"secret": "s2"}, None)
    raw = b"{}"
    named = headers(raw, "orders/create", "w", secret="s2", address="other.myshopify.com")
    assert shop.app.test_client().post("/webhooks/shopify", data=raw, headers=named).status_code == 200
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    shop.post("shop/redact", notice("shop/redact"))
    work_off(shop.services)
    assert [body is not None for body in bodies(shop)] == [True, False, False]
    assert shop.services.stores.connections(shop.store.id) == []
    with shop.services.database.read() as db:
        assert db.execute(select(func.count()).select_from(attempts)).scalar_one() == 0
    found = shop.services.stores.by_id(other.id)
    assert found is not None
    assert found.secrets["secret"] == "s2"


def test_redacting_a_shop_forgets_its_credentials(shop: Shop) -> None:
    """The tokens of its accounts at vendors are of no use to anybody once the shop has gone."""
    shop.post("shop/redact", notice("shop/redact"))
    work_off(shop.services)
    with shop.services.database.read() as db:
        sealed = db.execute(select(connections.c.sealed)).scalars().all()
    vault = Vault(shop.services.settings.secret_keys)
    assert [vault.open(text) for text in sealed] == [{}, {}]


def test_a_data_request_is_held_with_what_to_do(shop: Shop) -> None:
    """A person has to answer within 30 days, so it stays in sight with the commands that answer it."""
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    before = len(owed(shop.services))
    shop.post("customers/data_request", notice("customers/data_request"))
    work_off(shop.services)
    event = events(shop.services)[-1]
    assert event["state"] == "held"
    for part in ("30 days", "crossdock events", "330017", "7313004880213"):
        assert part in event["reason"]
    assert EMAIL not in event["reason"]
    assert len(owed(shop.services)) == before


def test_a_privacy_request_for_another_shop_erases_nothing(shop: Shop) -> None:
    """One app secret signs for all shops and the header is not signed: the body's shop has to be the same."""
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    for topic in ("shop/redact", "customers/redact"):
        shop.post(topic, notice(topic, shop_domain="victim.myshopify.com"))
    work_off(shop.services)
    assert [event["state"] for event in events(shop.services)] == ["routed", "held", "held"]
    assert all(bodies(shop))


def test_an_uninstalled_shop_s_last_orders_are_still_delivered(shop: Shop) -> None:
    """What was accepted before is owed, and privacy requests that come later are still taken."""
    shop.post("app/uninstalled", sent("app_uninstalled") | {"myshopify_domain": ADDRESS})
    shop.post("orders/create", sent("orders_create"))
    work_off(shop.services)
    assert len(shop.booked()) == 1
    assert shop.post("shop/redact", notice("shop/redact")).status_code == 200
