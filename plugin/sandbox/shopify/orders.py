"""Invented orders: a plain one for every number, cases that differ from it, and what becomes of an order later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from plugin.sandbox.shopify import amounts, people
from plugin.sandbox.shopify.order_states import LATER, emptied, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugin.sandbox.shopify.people import Goods, Place

Document = dict[str, Any]
Templates = dict[str, Document]
_FIRST_LINE = people.FIRST_ID + 6 * 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How an order differs from the plain one, which goes to Canada and is paid in CAD."""

    places: Sequence[Place] = people.CANADA
    currency: str = "CAD"
    presentment: str | None = None
    exchange: Decimal = Decimal(1)
    taxes_included: bool = False
    only: Goods | None = None
    buyer: int | None = None
    weighed: bool = True
    carried_home: bool = False
    tip: Decimal = amounts.NOTHING
    change: Callable[[Document], None] | None = None


def _at_the_counter(order: Document) -> None:
    nobody = ("customer", "billing_address", "shipping_address", "cart_token", "checkout_token", "client_details")
    order |= dict.fromkeys((*nobody, "browser_ip", "landing_site", "referring_site"))
    order |= {"source_name": "pos", "app_id": 129785, "location_id": 71200030101, "user_id": 88400011}
    order |= {"email": "", "contact_email": "", "financial_status": "paid", "fulfillment_status": "fulfilled"}
    order |= {"payment_gateway_names": ["cash"], "total_outstanding": "0.00", "note_attributes": []}
    for line in order["line_items"]:
        line |= {"fulfillable_quantity": 0, "fulfillment_status": "fulfilled"}


def _as_guest(order: Document) -> None:
    order |= {"customer": None, "buyer_accepts_marketing": False, "note_attributes": [], "customer_locale": "en-GB"}
    order |= {"phone": order["shipping_address"]["phone"], "payment_gateway_names": ["paypal"]}


def _as_download(order: Document) -> None:
    order |= {"shipping_address": None}


def _as_test(order: Document) -> None:
    order |= {"test": True, "payment_gateway_names": ["bogus"]}


def _as_documented(order: Document) -> None:
    """Change an order as only Shopify's documentation does: a test, never confirmed, cancelled as it was placed."""
    order |= {"test": True, "confirmed": False, "cancelled_at": order["created_at"], "cancel_reason": "customer"}
    order |= {"financial_status": "voided"}


def _refunded(order: Document) -> None:
    taken = [{"line_item_id": line["id"], "quantity": line["quantity"]} for line in order["line_items"]]
    order |= {"financial_status": "refunded", "total_outstanding": "0.00"}
    order["refunds"] = [{"id": order["id"] + 1, "order_id": order["id"], "refund_line_items": taken}]
    emptied(order)


CASES: Mapping[str, Case] = {
    "": Case(),
    "us": Case(places=people.UNITED_STATES),
    "guest": Case(
        places=people.BRITAIN, presentment="GBP", exchange=Decimal("0.575"), taxes_included=True, change=_as_guest
    ),
    "regular": Case(buyer=0),
    "digital": Case(only=people.DOWNLOAD, change=_as_download),
    "pos": Case(only=people.SHIPPED[0], carried_home=True, tip=Decimal("2.00"), change=_at_the_counter),
    "test": Case(change=_as_test),
    "documented": Case(change=_as_documented),
    "refunded": Case(change=_refunded),
    "eur": Case(currency="EUR"),
    "no_weight": Case(weighed=False),
    "no_postal_code": Case(places=people.NO_POSTAL_CODE),
}


def order(templates: Templates, topic: str, case: Case, number: int, shop: str) -> Document:
    """Return the order of this number as `topic` tells of it; the figures of every one add up."""
    who = number if case.buyer is None else case.buyer
    place = case.places[who % len(case.places)]
    terms = _terms(case, place, number)
    lines = [_line(templates["line"], *one, terms, number) for one in enumerate(_bought(case, number))]
    ships = any(line["requires_shipping"] for line in lines) and not case.carried_home
    shipped = (
        [templates["shipping_line"] | amounts.shipping_line(terms) | {"id": _FIRST_LINE - number}] if ships else []
    )
    if not case.weighed:
        lines = [line | {"grams": 0} for line in lines]
    made = templates["order"] | _identity(number, shop) | _buyer(templates, number, who, place)
    made |= {"line_items": lines, "shipping_lines": shipped} | amounts.totals(lines, shipped, terms)
    made |= {"total_weight": sum(line["grams"] * line["quantity"] for line in lines), "currency": terms.currency}
    made |= {"presentment_currency": terms.presentment} | _discount(made, terms)
    if case.change:
        case.change(made)
    LATER[topic](made)
    return made


_STATES = {
    "customers/create": "disabled",
    "customers/enable": "enabled",
    "customers/update": "enabled",
    "customers/disable": "disabled",
}
_CHANGED = {"customers/create": 0, "customers/enable": 1, "customers/update": 2, "customers/disable": 3}


def customer(templates: Templates, topic: str, number: int) -> Document:
    """Return the account of this number, as `topic` tells of it: its owner moved, or it was opened or shut."""
    moved = topic == "customers/update"
    place = people.CANADA[(number + moved) % len(people.CANADA)]
    made = people.customer(templates["customer"], number, place, moment(0), moment(0))
    made |= {"phone": place.phone} if moved else {}
    made |= {"state": _STATES[topic], "updated_at": moment(_CHANGED[topic])}
    return made | {"addresses": [made["default_address"]]}


def _terms(case: Case, place: Place, number: int) -> amounts.Terms:
    return amounts.Terms(
        currency=case.currency,
        presentment=case.presentment or case.currency,
        exchange=case.exchange,
        taxes=place.taxes,
        taxes_included=case.taxes_included,
        percent_off=0 if case.only or number % 3 else 10,
        shipping=Decimal("12.00"),
        tip=case.tip,
    )


def _bought(case: Case, number: int) -> list[tuple[Goods, int]]:
    """One to three kinds of goods, of some of them several."""
    if case.only:
        return [(case.only, 1)]
    count = len(people.SHIPPED)
    chosen = [(people.SHIPPED[number % count], 1 + number % 3)]
    chosen += [(people.SHIPPED[(number + 2) % count], 1)] if number % 2 else []
    return chosen + ([(people.DOWNLOAD, 1)] if number % 4 == 0 else [])


def _line(template: Document, place: int, bought: tuple[Goods, int], terms: amounts.Terms, number: int) -> Document:
    goods, quantity = bought
    ident = _FIRST_LINE + number * 10 + place
    return template | {
        "id": ident,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{ident}",
        "name": f"{goods.title} - {goods.variant}" if goods.variant else goods.title,
        "title": goods.title,
        "variant_title": goods.variant,
        "product_id": 8_033_120_045_200 + goods.ref,
        "variant_id": 44_910_022_870_100 + goods.ref,
        "sku": goods.sku,
        "vendor": goods.vendor,
        "grams": goods.grams,
        "requires_shipping": goods is not people.DOWNLOAD,
        "variant_inventory_management": "shopify",
        **amounts.line(goods, quantity, terms),
    }


def _identity(number: int, shop: str) -> Document:
    ident = people.FIRST_ID + number
    tokens = {name: hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:32] for name in _TOKENS}
    named = {"id": ident, "admin_graphql_api_id": f"gid://shopify/Order/{ident}", "name": f"#{1001 + number}"}
    named |= {"order_number": 1001 + number, "number": 1 + number, **tokens}
    named["order_status_url"] = f"https://{shop}/orders/{tokens['token']}/authenticate?key=invented"
    return named | {"created_at": moment(0), "processed_at": moment(0), "updated_at": moment(1)}


_TOKENS = ("cart_token", "checkout_token", "token")


def _buyer(templates: Templates, number: int, who: int, place: Place) -> Document:
    visitor = hashlib.sha256(f"visitor {number}".encode()).hexdigest()[:32]
    return {
        "email": people.email(who),
        "contact_email": people.email(who),
        "customer": people.customer(templates["customer"], who, place, moment(0), moment(1)),
        "shipping_address": people.address(who, place),
        "billing_address": people.address(who, place),
        # Half of the shops' themes write a visitor's id into the cart; of the others only the cart's token is known.
        "note_attributes": [{"name": "anonymousId", "value": visitor}] if number % 2 else [],
    }


def _discount(order: Document, terms: amounts.Terms) -> Document:
    if not terms.percent_off:
        return {"discount_codes": [], "discount_applications": []}
    applied = {"target_type": "line_item", "type": "discount_code", "value": f"{terms.percent_off}.0"}
    applied |= {"value_type": "percentage", "allocation_method": "across", "target_selection": "all"}
    code = {"code": "WELCOME10", "amount": order["total_discounts"], "type": "percentage"}
    return {"discount_codes": [code], "discount_applications": [applied | {"code": "WELCOME10"}]}
