"""The words for orders and people at customer-data receivers (storefront-to-segment.md sections 2 and 6.2).

What is unknown is left out, never defaulted. Amounts stay exact `Decimal`, rounded to their currency's digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mappings.currency import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical import Address, Customer, Line, Money, Order
    from mappings.identity import Tenant


def order_properties(order: Order, tenant: Tenant) -> dict[str, object]:
    """Describe an order; `revenue` is the subtotal: after discounts, without tax, shipping, tip, duties and fees."""
    names = {
        "order_id": order.ref,
        "order_number": order.number,
        "checkout_id": order.checkout_ref,
        "cart_id": order.cart_ref,
        "affiliation": tenant.shop,
    }
    manner = {
        "coupon": ", ".join(order.coupons),
        "payment_method": ", ".join(order.payment_methods),
        "shipping_method": ", ".join(order.shipping_methods),
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "source_name": order.source,
        "test": order.test,
        "cancel_reason": order.cancel_reason,
    }
    products = [_product(line, position) for position, line in enumerate(order.lines, start=1)]
    return known(names | _amounts(order) | manner | {"products": products})


def traits_of_customer(customer: Customer) -> dict[str, object]:
    """Describe an account."""
    return known(
        {
            "email": customer.email,
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "phone": customer.phone,
            "address": _address(customer.address),
            "createdAt": customer.created_at and timestamp(customer.created_at),
            "state": customer.state,
            "verifiedEmail": customer.verified_email,
            "taxExempt": customer.tax_exempt,
            "currency": customer.currency,
        }
    )


def traits_of_buyer(order: Order) -> dict[str, object]:
    """Describe whoever placed the order: the account, completed by what the order itself says."""
    place = order.shipping_address or order.billing_address
    said = {
        "email": order.email,
        "firstName": place and place.first_name,
        "lastName": place and place.last_name,
        "phone": order.phone or (place and place.phone),
        "address": _address(place),
        "acceptsMarketing": order.accepts_marketing,
    }
    return known(said) | (traits_of_customer(order.customer) if order.customer else {})


def timestamp(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds, the finest that receivers keep (segment.md section 6)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def known(values: Mapping[str, object]) -> dict[str, object]:
    """Leave out what nobody said; false and zero were said."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def _amounts(order: Order) -> dict[str, object]:
    shown = {
        "subtotal": order.subtotal,
        "revenue": order.subtotal,
        "shipping": order.shipping,
        "tax": order.tax,
        "discount": order.discount,
        "total": order.total,
        "value": order.total,
        "presentment_total": order.presentment_total,
    }
    extra = {"tip": order.tip, "duties": order.duties, "fees": order.fees}
    shown |= {name: money for name, money in extra.items() if money.amount}
    amounts: dict[str, object] = {name: _amount(money) for name, money in shown.items() if money}
    presentment = order.presentment_total
    return amounts | {"currency": order.currency, "presentment_currency": presentment and presentment.currency}


def _product(line: Line, position: int) -> dict[str, object]:
    return known(
        {
            "product_id": line.product_ref,
            "variant_id": line.variant_ref,
            "line_item_id": line.ref,
            "sku": line.sku,
            "name": line.name,
            "variant": line.variant,
            "brand": line.brand,
            "price": _amount(line.unit_price),
            "quantity": line.quantity,
            "discount": _amount(line.discount),
            "tax": _amount(line.tax),
            "position": position,
        }
    )


def _address(address: Address | None) -> dict[str, object] | None:
    if address is None:
        return None
    parts = {
        "street": ", ".join(part for part in (address.address1, address.address2) if part),
        "city": address.city,
        "state": address.province_code or address.province,
        "postalCode": address.postal_code,
        "country": address.country_code,
    }
    return known(parts) or None


def _amount(money: Money) -> object:
    return rounded(money.amount, money.currency)
