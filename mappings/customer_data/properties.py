"""The words for orders and people at customer-data receivers (docs/vendors/storefront-to-segment.md §2 and §6.2).

What is unknown is left out, never defaulted. Amounts stay exact `Decimal`, rounded to their currency's digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mappings.schemas.currency import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mappings.canonical.activity import Checkout, Consent, Item
    from mappings.canonical.orders import Address, Customer, Line, Money, Order
    from mappings.customer_data.ids import Tenant


def order_properties(order: Order, tenant: Tenant) -> dict[str, object]:
    """Describe an order; `revenue` is the subtotal: after discounts, without tax, shipping, tip, duties and fees."""
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
    names = order_reference(order.ref, order, tenant)
    amounts = _amounts(order) | _extras(order) | {"currency": order.currency}
    seen = {"presentment_currency": order.presentment_total and order.presentment_total.currency}
    return known(names | amounts | seen | manner | {"products": products_of(order.lines)})


def checkout_properties(checkout: Checkout, tenant: Tenant) -> dict[str, object]:
    """Describe a checkout in the words of the order that it may become."""
    manner = {
        "coupon": ", ".join(checkout.coupons),
        "payment_method": checkout.payment_method,
        "shipping_method": ", ".join(checkout.shipping_methods),
        "source_name": checkout.source,
        "presentment_currency": checkout.presentment_currency,
    }
    names = {"checkout_id": checkout.ref, "cart_id": checkout.cart_ref, "affiliation": tenant.shop}
    amounts = _amounts(checkout) | {"currency": checkout.currency}
    return known(names | amounts | manner | {"products": products_of(checkout.items)})


def order_reference(order_ref: str, order: Order | None, tenant: Tenant) -> dict[str, object]:
    """Say which order is meant, as far as it is known."""
    names: dict[str, object] = {
        "order_id": order_ref,
        "order_number": order and order.number,
        "checkout_id": order and order.checkout_ref,
        "cart_id": order and order.cart_ref,
    }
    return names | {"affiliation": tenant.shop}


def products_of(lines: Sequence[Line | Item]) -> list[dict[str, object]]:
    """Describe goods in their order."""
    return [product(line) | {"position": position} for position, line in enumerate(lines, start=1)]


def product(line: Line | Item) -> dict[str, object]:
    """Describe one kind of goods."""
    return known(
        {
            "product_id": line.product_ref,
            "variant_id": line.variant_ref,
            "line_item_id": line.ref,
            "sku": line.sku,
            "name": line.name,
            "variant": line.variant,
            "brand": line.brand,
            "price": amount_of(line.unit_price),
            "quantity": line.quantity,
            "discount": amount_of(line.discount),
            "tax": amount_of(line.tax),
            "coupon": line.coupon,
        }
    )


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
            "acceptsMarketing": customer.consent,
        }
    )


def traits_of_consent(consent: Consent) -> dict[str, object]:
    """Describe what somebody agreed to, in the platform's own word."""
    return known({f"{consent.channel}ConsentState": consent.state})


def traits_of_buyer(order: Order | Checkout) -> dict[str, object]:
    """Describe whoever buys: the account, completed by what the order or checkout itself says."""
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
    """Write a time as ISO 8601, UTC, with milliseconds, the finest that receivers keep (docs/vendors/segment.md §6)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def known(values: Mapping[str, object]) -> dict[str, object]:
    """Leave out what nobody said; false and zero were said."""
    return {name: value for name, value in values.items() if value not in (None, "")}


def _amounts(document: Order | Checkout) -> dict[str, object]:
    shown = {
        "subtotal": document.subtotal,
        "revenue": document.subtotal,
        "shipping": document.shipping,
        "tax": document.tax,
        "discount": document.discount,
        "total": document.total,
        "value": document.total,
    }
    return {name: amount_of(money) for name, money in shown.items()}


def _extras(order: Order) -> dict[str, object]:
    """Return what only some orders have; no source says where tips and fees belong, so `revenue` never has them."""
    extra = {"tip": order.tip, "duties": order.duties, "fees": order.fees, "rounding": order.rounding}
    shown = {name: amount_of(money) for name, money in extra.items() if money.amount}
    return {"presentment_total": amount_of(order.presentment_total)} | shown


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


def amount_of(money: Money | None) -> object:
    """Return an amount rounded to its currency's digits; what is not known stays unknown."""
    return money and rounded(money.amount, money.currency)
