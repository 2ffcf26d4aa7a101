"""What receivers of customer data are sent: each fact once, in order, about a person whose ids never change."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mappings.canonical.orders import Address, Customer, Money, Order, ShopNotice, Topic
from mappings.customer_data import Fact, Identify, IdentityRules, Track, facts
from mappings.schemas.currency import rounded
from mappings.schemas.schema import BodyIncomplete
from tests.support.documents import EMAIL, RULES, TENANT, USER, customer, facts_of, order


def tracked(topic: Topic, document: Order | Customer, rules: IdentityRules = RULES) -> dict[str, Fact]:
    """Pick the events by name."""
    return {fact.call.name: fact for fact in facts_of(topic, document, rules) if isinstance(fact.call, Track)}


def properties(document: Order, rules: IdentityRules = RULES) -> dict[str, Any]:
    """Give the properties of the sale."""
    call = tracked(Topic.ORDER_CREATED, document, rules)["Order Completed"].call
    assert isinstance(call, Track)
    return dict(call.properties)


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        (Topic.ORDER_CREATED, ["Order Completed"]),
        (Topic.ORDER_UPDATED, ["Order Completed", "Order Updated"]),
        (Topic.ORDER_PAID, ["Order Completed", "Order Paid"]),
        (Topic.ORDER_CANCELLED, ["Order Cancelled"]),
    ],
)
def test_each_order_topic_tells_its_events(topic: Topic, names: list[str]) -> None:
    """Any of the first three may be the first to arrive, so each leads to the sale."""
    found = facts_of(topic, order())
    assert [fact.action for fact in found] == ["identify", "alias", *["track"] * len(names)]
    assert list(tracked(topic, order())) == names
    assert {fact.subject for fact in found} == {f"person:{USER}"}


def test_one_sale_per_order_whatever_arrives() -> None:
    """Creation, update and payment give the sale the same key; what may repeat has none."""
    keys = {
        name: fact.key
        for topic in (Topic.ORDER_CREATED, Topic.ORDER_UPDATED, Topic.ORDER_PAID, Topic.ORDER_CANCELLED)
        for name, fact in tracked(topic, order(updated_at=order().updated_at + timedelta(hours=1))).items()
    }
    assert keys == {
        "Order Completed": "order-completed:5871004320917",
        "Order Updated": None,
        "Order Paid": "order-paid:5871004320917",
        "Order Cancelled": "order-cancelled:5871004320917",
    }


def test_an_update_that_changes_nothing_has_equal_content() -> None:
    """Times are not content; what receivers are sent is."""
    later = order(updated_at=order().updated_at + timedelta(hours=1), note="not told to anybody")
    completed = tracked(Topic.ORDER_CREATED, order())["Order Completed"]
    updated = tracked(Topic.ORDER_UPDATED, later)["Order Updated"]
    assert (
        (updated.group, updated.content)
        == (completed.group, completed.content)
        == ("order:5871004320917", updated.content)
    )
    assert (updated.only_if_changed, completed.only_if_changed) == (True, False)
    paid = tracked(Topic.ORDER_UPDATED, order(payment_status="paid"))["Order Updated"]
    assert paid.content != updated.content


def test_identify_repeats_only_on_change() -> None:
    """Equal traits and ids have equal content, whatever else the order says."""
    first, same = (facts_of(Topic.ORDER_CREATED, order(number=number))[0] for number in ("1", "2"))
    other = facts_of(Topic.ORDER_CREATED, order(customer=customer(first_name="Greta")))[0]
    assert first.content == same.content != other.content
    assert (first.key, first.only_if_changed, first.group) == (None, True, f"person:{USER}")


def test_facts_are_the_same_every_time() -> None:
    """Replay sends exactly what the first delivery sent."""
    assert facts_of(Topic.ORDER_UPDATED, order()) == facts_of(Topic.ORDER_UPDATED, order())


def test_every_fact_has_its_own_time() -> None:
    """Not the webhook's: the sale when it was placed, the cancellation when it was cancelled."""
    cancelled = order("order_cancelled__web")
    assert tracked(Topic.ORDER_CANCELLED, cancelled)["Order Cancelled"].call.at == cancelled.cancelled_at
    paid = tracked(Topic.ORDER_PAID, order("order_paid__web"))
    assert paid["Order Completed"].call.at == order().placed_at
    assert paid["Order Paid"].call.at == order("order_paid__web").updated_at
    assert properties(order())["occurred_at"] == "2026-11-20T16:02:11.000Z"


def test_nobody_is_identified_by_an_order_that_names_nobody() -> None:
    """A sale without customer, e-mail and phone is sent, its buyer is not."""
    assert [fact.action for fact in facts_of(Topic.ORDER_CREATED, order("order_created__counter"))] == ["track"]


def test_traits_of_a_buyer_are_completed_from_the_order() -> None:
    """The account's own words go first; the order fills in what they leave open."""
    moved = Address(address1="1 Elsewhere", city="Gimli", country_code="CA")
    call = facts_of(Topic.ORDER_CREATED, order(shipping_address=moved, phone="1"))[0].call
    assert isinstance(call, Identify)
    assert call.traits["phone"] == "1"
    assert call.traits["address"] == {
        "street": "48 Invented Crescent, Apt 5",
        "city": "Winnipeg",
        "state": "MB",
        "postalCode": "R3C 9X9",
        "country": "CA",
    }
    assert call.traits["createdAt"] == "2026-11-20T16:01:58.000Z"
    guest = facts_of(Topic.ORDER_CREATED, order(customer=None, shipping_address=moved))[0].call
    assert isinstance(guest, Identify)
    assert guest.traits["address"] == {"street": "1 Elsewhere", "city": "Gimli", "country": "CA"}


@pytest.mark.parametrize(
    ("topic", "name", "key"),
    [
        (Topic.CUSTOMER_CREATED, "Customer Created", "customer-created:7313004880213"),
        (Topic.CUSTOMER_UPDATED, "Customer Updated", None),
    ],
)
def test_customer_topics_identify_and_tell(topic: Topic, name: str, key: str | None) -> None:
    """The creation once, an update when a trait changed."""
    identify, track = facts_of(topic, customer())
    assert isinstance(identify.call, Identify)
    assert isinstance(track.call, Track)
    assert (track.call.name, track.key, track.only_if_changed) == (name, key, key is None)
    assert track.group == "customer:7313004880213"
    changed = facts_of(topic, customer(phone="2"))
    assert changed[1].content != track.content == facts_of(topic, customer(updated_at=order().created_at))[1].content


def test_a_customer_without_any_time_is_held() -> None:
    """No time is made up; one of the two is enough."""
    with pytest.raises(BodyIncomplete, match="created_at and updated_at"):
        facts_of(Topic.CUSTOMER_CREATED, customer(created_at=None, updated_at=None))
    assert facts_of(Topic.CUSTOMER_UPDATED, customer(updated_at=None))[0].call.at == customer().created_at


def test_amounts_add_up_for_receivers() -> None:
    """The total is subtotal + shipping + tax + fees + tip + duties; revenue and value are as specified.

    See docs/vendors/storefront-to-segment.md §6.2.
    """
    found = properties(order("order_created__company_us"))
    parts = ("subtotal", "shipping", "tax", "fees", "tip", "duties")
    assert found["total"] == sum(found[part] for part in parts) == found["value"]
    assert found["revenue"] == found["subtotal"]
    assert not {"tip", "duties", "fees"} & properties(order()).keys()


def test_what_is_unknown_is_left_out() -> None:
    """No null, no empty text, no default; false and zero are facts."""
    found = properties(order("order_created__yen_nobody"))
    assert (
        not {"coupon", "cart_id", "checkout_id", "payment_method", "presentment_total", "cancel_reason"} & found.keys()
    )
    assert (found["test"], found["discount"]) == (False, Decimal(0))
    assert None not in found["products"][0].values()


def test_email_in_properties_is_a_choice() -> None:
    """Off by default; on, it does not count as a change of the order."""
    rules = replace(RULES, email_in_properties=True)
    assert "email" not in properties(order())
    assert properties(order(email=None), rules)["email"] == EMAIL
    completed = (tracked(Topic.ORDER_CREATED, order(), choice)["Order Completed"] for choice in (RULES, rules))
    assert len({fact.content for fact in completed}) == 1


def test_ids_are_text_and_amounts_exact() -> None:
    """Money stays decimal until it is dumped, rounded to its currency's digits."""
    product = properties(order())["products"][0]
    assert product["product_id"] == "8033120045205"
    assert isinstance(product["price"], Decimal)
    assert json.dumps(properties(order(total=Money(amount=Decimal("97.625"), currency="CAD"))), default=str)
    assert properties(order(total=Money(amount=Decimal("97.625"), currency="CAD")))["total"] == Decimal("97.63")


@pytest.mark.parametrize(
    ("currency", "expected"),
    [("CAD", "1234.57"), ("JPY", "1235"), ("KRW", "1235"), ("KWD", "1234.568"), ("CLF", "1234.5679")],
)
def test_currencies_round_to_their_own_digits(currency: str, expected: str) -> None:
    """ISO 4217: none for yen, three for dinars, four for the unidad de fomento."""
    assert str(rounded(Decimal("1234.56789"), currency)) == expected


def test_other_topics_tell_nothing() -> None:
    """Notices are not behaviour, and a document of another kind than its topic is no fact."""
    assert facts(Topic.SHOP_REDACTED, ShopNotice(shop_ref="1"), TENANT, RULES) == ()
    assert facts(Topic.ORDER_CREATED, customer(), TENANT, RULES) == ()
