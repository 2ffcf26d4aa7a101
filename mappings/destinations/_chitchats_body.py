"""The shape of Chit Chats' create request (chitchats.md section 4), and what it is dumped from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.base import Outbound
from mappings.fields import Number, PriceText

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from mappings.canonical import Address, Line, Order

WITH_PROVINCES: Final = frozenset({"CA", "US"})
_OF_ADDRESS: Final = frozenset({"name", "address_1", "city", "province_code", "postal_code", "country_code"})
_OF_SETTINGS: Final = frozenset({"package_type", "size_unit", "size_x", "size_y", "size_z", "ship_date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A connection's settings: what a request needs and an order does not say."""

    default_weight_g: int | None = None
    package_type: str | None = None
    size_unit: str | None = None
    size_x: Decimal | None = None
    size_y: Decimal | None = None
    size_z: Decimal | None = None
    postage_type: str | None = None
    ship_date: str | None = None
    description: str | None = None
    package_contents: str | None = None
    origin_country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What still ships of one line; `unit_value` is after the line's own discount."""

    line: Line
    unit_value: Decimal
    description: str
    currency: str | None
    origin_country: str | None

    @property
    def weight_unit(self) -> str | None:
        """The unit of a weight that is there."""
        return "g" if self.line.unit_weight_g else None

    @property
    def weight(self) -> int | None:
        """Zero means that the merchant keeps no weights, so it says nothing."""
        return self.line.unit_weight_g or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """Everything one request is dumped from."""

    order: Order
    address: Address | None
    package: Package
    items: Sequence[Item]
    name: str | None
    phone: str | None
    email: str | None
    province: str | None
    description: str
    value: Decimal
    currency: str | None
    weight: int | None
    order_store: str


class ItemSchema(Outbound):
    """One of `line_items`; `value_amount` is a unit's value, as in the vendor's CSV importer."""

    quantity = fields.Integer(attribute="line.quantity_to_ship")
    description = fields.String()
    unit_value = PriceText(data_key="value_amount")
    currency = fields.String(data_key="currency_code")
    hs_tariff_code = fields.String(attribute="line.hs_code")
    sku_code = fields.String(attribute="line.sku")
    origin_country = fields.String()
    weight = fields.Integer()
    weight_unit = fields.String()


class ShipmentSchema(Outbound):
    """The create request, with every field that an order can fill."""

    optional = frozenset(
        {"address_2", "province_code", "postal_code", "phone", "email", "package_contents", "postage_type"}
    )

    name = fields.String()
    address_1 = fields.String(attribute="address.address1")
    address_2 = fields.String(attribute="address.address2")
    city = fields.String(attribute="address.city")
    province = fields.String(data_key="province_code")
    postal_code = fields.String(attribute="address.postal_code")
    country_code = fields.String(attribute="address.country_code")
    phone = fields.String()
    email = fields.String()
    package_contents = fields.String(attribute="package.package_contents")
    description = fields.String()
    value = PriceText()
    currency = fields.String(data_key="value_currency")
    order_id = fields.String(attribute="order.ref")
    order_store = fields.String()
    package_type = fields.String(attribute="package.package_type")
    weight_unit = fields.Constant("g")
    weight = fields.Integer()
    size_unit = fields.String(attribute="package.size_unit")
    size_x = Number(attribute="package.size_x")
    size_y = Number(attribute="package.size_y")
    size_z = Number(attribute="package.size_z")
    postage_type = fields.String(attribute="package.postage_type")
    ship_date = fields.String(attribute="package.ship_date")
    items = fields.Nested(ItemSchema, many=True, data_key="line_items")

    def required(self, dumped: Mapping[str, object]) -> list[str]:
        """Ask for province and postal code where Chit Chats does: in Canada and the United States."""
        always = super().required(dumped)
        return [*always, *(["province_code", "postal_code"] if dumped.get("country_code") in WITH_PROVINCES else [])]

    def complaint(self, missing: Sequence[str], value: object) -> str:
        """Name every missing field with the place that it has to come from."""
        shipment: Any = value
        return "; ".join(
            [
                *_address_complaint([key for key in missing if key in _OF_ADDRESS], shipment.address),
                *_complaint([key for key in missing if key in _OF_SETTINGS], "not set: a setting of this connection"),
                *_complaint([key for key in missing if key == "weight"], "not in the order: set default_weight_g"),
                *_complaint(
                    [key for key in missing if key == "value_currency"],
                    f"the order is in {shipment.order.currency}, Chit Chats takes cad and usd only",
                ),
            ]
        )


def _complaint(keys: Sequence[str], reason: str) -> list[str]:
    return [f"{', '.join(keys)}: {reason}"] if keys else []


def _address_complaint(keys: Sequence[str], address: Address | None) -> list[str]:
    if address is None:
        reason = "the order has none though goods are to be sent; an order for pick-up has none and needs no shipment"
        return _complaint(["shipping_address"], reason)
    return _complaint(
        keys, "not in the order's shipping address (platforms hide it from apps without access to personal data)"
    )
