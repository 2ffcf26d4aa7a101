"""The shapes of Shopify's webhook bodies, which keep those of REST (docs/vendors/shopify.md §9).

A version or a missing approval takes keys away (§2 and §3), so nothing is required but what an order cannot be
without. What `shopify.py` builds the canonical values from is loaded into plain dictionaries.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields, post_load, validates_schema

from mappings.canonical.orders import Address, Customer, Money
from mappings.schemas.fields import (
    Amount,
    AmountsOf,
    CommaList,
    Country,
    Currency,
    Flag,
    Grams,
    Identifier,
    NumbersOf,
    Quantity,
    Text,
    UtcDateTime,
)
from mappings.schemas.schema import Inbound

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTRY_CODE: Final = re.compile(r"[A-Za-z]{2}")


class AddressSchema(Inbound):
    """An address; without approval for personal data only country and province are in it (§2)."""

    into = Address

    name = Text()
    first_name = Text()
    last_name = Text()
    company = Text()
    address1 = Text()
    address2 = Text()
    city = Text()
    province = Text()
    province_code = Text()
    postal_code = Text(data_key="zip")
    country = Text()
    country_code = Country(allow_none=True)
    phone = Text()

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Address:
        """Take the country's code from `country` where only that holds one."""
        country = data.pop("country", None) or ""
        if not data.get("country_code") and _COUNTRY_CODE.fullmatch(country):
            data["country_code"] = country.upper()
        return Address(**data)


class ConsentSchema(Inbound):
    """What somebody agreed to, in Shopify's words; in a customer until 2025-01, since then in topics of its own."""

    into = dict

    state = Text()
    updated_at = UtcDateTime(data_key="consent_updated_at", allow_none=True)


AGREED: Final = {
    "subscribed": True,
    **dict.fromkeys(("not_subscribed", "unsubscribed", "redacted", "invalid", "pending"), False),
}


class CustomerSchema(Inbound):
    """The body of the customers topics, and the `customer` inside an order."""

    into = Customer

    ref = Identifier(data_key="id", required=True)
    email = Text()
    phone = Text()
    first_name = Text()
    last_name = Text()
    state = Text()
    verified_email = Flag(allow_none=True)
    tax_exempt = Flag(allow_none=True)
    currency = Currency(allow_none=True)
    created_at = UtcDateTime(allow_none=True)
    updated_at = UtcDateTime(allow_none=True)
    address = fields.Nested(AddressSchema, data_key="default_address", allow_none=True)
    email_consent = fields.Nested(ConsentSchema, data_key="email_marketing_consent", allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Customer:
        """Build the customer; one without an account has `registered` None, as it may get one later."""
        said = data.pop("email_consent", None) or {}
        registered = True if data.get("state") == "enabled" else None
        return Customer(**data, registered=registered, consent=AGREED.get(said.get("state") or ""))


class PairSchema(Inbound):
    """One of `note_attributes` or `discount_codes`."""

    into = dict

    name = Text()
    value = Text()
    code = Text()


class PriceSchema(Inbound):
    """One side of a `*_set`."""

    into = Money

    amount = Amount(required=True)
    currency = Currency(data_key="currency_code", required=True)


class PriceSetSchema(Inbound):
    """A `*_set`: the shop's currency, and the one the buyer saw."""

    into = dict

    shop = fields.Nested(PriceSchema, data_key="shop_money", allow_none=True)
    presentment = fields.Nested(PriceSchema, data_key="presentment_money", allow_none=True)


def _set(data_key: str) -> fields.Nested:
    return fields.Nested(PriceSetSchema, data_key=data_key, allow_none=True)


class ShippingLineSchema(Inbound):
    """One way of shipping that the buyer paid for."""

    into = dict

    title = Text()
    price = Amount(allow_none=True)
    discounted_price = Amount(allow_none=True)
    removed = Flag(data_key="is_removed", allow_none=True)
    tax = AmountsOf("price", data_key="tax_lines")


class ClientSchema(Inbound):
    """`client_details`, null on orders that no browser made."""

    into = dict

    ip = Text(data_key="browser_ip")
    user_agent = Text()


class LineSchema(Inbound):
    """One of `line_items`; `current_quantity` is not in bodies of API 2023-10 and before."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    title = Text()
    name = Text()
    quantity = Quantity(required=True)
    current_quantity = Quantity(allow_none=True)
    fulfillable_quantity = Quantity(allow_none=True)
    fulfillment_status = Text()
    price = Amount(required=True)
    total_discount = Amount(allow_none=True)
    discounts = AmountsOf("amount", data_key="discount_allocations")
    applied = NumbersOf("discount_application_index", data_key="discount_allocations")
    tax = AmountsOf("price", data_key="tax_lines")
    requires_shipping = Flag(required=True)
    gift_card = Flag(allow_none=True)
    unit_weight_g = Grams(data_key="grams", allow_none=True)
    sku = Text()
    product_ref = Identifier(data_key="product_id", allow_none=True)
    variant_ref = Identifier(data_key="variant_id", allow_none=True)
    variant = Text(data_key="variant_title")
    brand = Text(data_key="vendor")

    @validates_schema
    def has_a_name(self, data: Mapping[str, Any], **_: object) -> None:
        """Ask for a name: custom items may have it in one of the two keys only."""
        if not data.get("title") and not data.get("name"):
            raise ValidationError("Missing data for required field.", field_name="title")


class OrderSchema(Inbound):
    """The body of every orders topic handled here; staff fields such as `user_id` are never read."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    currency = Currency(required=True)
    created_at = UtcDateTime(required=True)
    total = Amount(data_key="total_price", required=True)
    lines = fields.Nested(LineSchema, many=True, data_key="line_items", required=True)
    name = Text()
    order_number = Text()
    updated_at = UtcDateTime(allow_none=True)
    processed_at = UtcDateTime(allow_none=True)
    cancelled_at = UtcDateTime(allow_none=True)
    closed_at = UtcDateTime(allow_none=True)
    cancel_reason = Text()
    confirmed = Flag(allow_none=True)
    test = Flag(allow_none=True)
    taxes_included = Flag(allow_none=True)
    subtotal = Amount(data_key="subtotal_price", allow_none=True)
    discount = Amount(data_key="total_discounts", allow_none=True)
    tax = Amount(data_key="total_tax", allow_none=True)
    tax_lines = AmountsOf("price")
    tip = Amount(data_key="total_tip_received", allow_none=True)
    shipping_set = _set("total_shipping_price_set")
    total_set = _set("total_price_set")
    duties_set = _set("original_total_duties_set")
    current_duties_set = _set("current_total_duties_set")
    fees_set = _set("original_total_additional_fees_set")
    current_fees_set = _set("current_total_additional_fees_set")
    rounding_set = _set("total_cash_rounding_payment_adjustment_set")
    shipping_lines = fields.Nested(ShippingLineSchema, many=True, allow_none=True)
    source = Text(data_key="source_name")
    payment_status = Text(data_key="financial_status")
    fulfillment_status = Text()
    customer = fields.Nested(CustomerSchema, allow_none=True)
    email = Text()
    contact_email = Text()
    phone = Text()
    shipping_address = fields.Nested(AddressSchema, allow_none=True)
    billing_address = fields.Nested(AddressSchema, allow_none=True)
    total_weight_g = Grams(data_key="total_weight", allow_none=True)
    discount_codes = fields.Nested(PairSchema, many=True, allow_none=True)
    applied = fields.Nested(PairSchema, many=True, only=("code",), data_key="discount_applications", allow_none=True)
    payment_methods = fields.List(Text(), data_key="payment_gateway_names", allow_none=True)
    tags = CommaList(allow_none=True)
    note = Text()
    note_attributes = fields.Nested(PairSchema, many=True, allow_none=True)
    cart_ref = Text(data_key="cart_token")
    checkout_token = Text()
    checkout_id = Text()
    locale = Text(data_key="customer_locale")
    accepts_marketing = Flag(data_key="buyer_accepts_marketing", allow_none=True)
    client_details = fields.Nested(ClientSchema, allow_none=True)
    browser_ip = Text()
    landing_site = Text()
    referring_site = Text()
