"""The shape of Chit Chats' create request (docs/vendors/chitchats.md §4), and what it is dumped from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.destinations.chitchats.customs import MAKER, Customs
from mappings.schemas.fields import Number, PriceText
from mappings.schemas.schema import Outbound
from mappings.shipping.provinces import WITH_PROVINCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from mappings.canonical.orders import Address, Line, Order
    from mappings.shipping.address_lines import Fitted

# How long texts may be is documented nowhere; nothing longer has been seen to work.
WIDEST: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A connection's settings: what a request needs and an order does not say. `postage_type` may be a rule."""

    default_weight_g: int | None = None
    parcel_g: int | None = None
    package_type: str | None = None
    size_unit: str | None = None
    size_x: Decimal | None = None
    size_y: Decimal | None = None
    size_z: Decimal | None = None
    postage_type: str | None = None
    ship_date: str | None = None
    description: str | None = None
    package_contents: str | None = None
    insurance: bool = False
    signature: bool = False
    address_chars: int = WIDEST
    latin: bool = False
    customs: Customs = field(default_factory=Customs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What still ships of one line; `unit_value` is after the line's own discount."""

    line: Line
    quantity: int
    unit_value: Decimal
    description: str
    currency: str | None
    origin_country: str | None
    hs_tariff_code: str | None
    maker: Mapping[str, str]

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
    fitted: Fitted | None
    package: Package
    items: Sequence[Item]
    phone: str | None
    email: str | None
    province: str | None
    description: str
    value: Decimal
    currency: str | None
    weight: int | None
    order_store: str
    postage: str
    vat_reference: str | None
    duties_paid: bool | None

    def line(self, number: int) -> str | None:
        """Return an address line, counted from 1."""
        return self.fitted.line(number) if self.fitted else None

    @property
    def address_1(self) -> str | None:
        """The first line of the address."""
        return self.line(1)

    @property
    def address_2(self) -> str | None:
        """The second line."""
        return self.line(2)


_MAKER: Any = {name: fields.String(attribute=f"maker.{name}") for name in MAKER}


class _ItemSchema(Outbound):
    """One of `line_items`; `value_amount` is a unit's value, as in the vendor's CSV importer."""

    quantity = fields.Integer()
    description = fields.String()
    unit_value = PriceText(data_key="value_amount")
    currency = fields.String(data_key="currency_code")
    hs_tariff_code = fields.String()
    sku_code = fields.String(attribute="line.sku")
    origin_country = fields.String()
    weight = fields.Integer()
    weight_unit = fields.String()


ItemSchema = _ItemSchema.from_dict(_MAKER, name="ItemSchema")


class ShipmentSchema(Outbound):
    """The create request, with every field that an order and the settings can fill."""

    optional = frozenset(
        {
            *("address_2", "province_code", "postal_code", "phone", "email", "package_contents", "postage_type"),
            *("insurance_requested", "signature_requested", "vat_reference", "duties_paid_requested"),
        }
    )

    name = fields.String(attribute="fitted.name")
    address_1 = fields.String()
    address_2 = fields.String()
    city = fields.String(attribute="fitted.city")
    province = fields.String(data_key="province_code")
    postal_code = fields.String(attribute="fitted.postal_code")
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
    postage = fields.String(data_key="postage_type")
    ship_date = fields.String(attribute="package.ship_date")
    insurance = fields.Function(lambda one: one.package.insurance or None, data_key="insurance_requested")
    signature = fields.Function(lambda one: one.package.signature or None, data_key="signature_requested")
    vat_reference = fields.String()
    duties_paid = fields.Boolean(data_key="duties_paid_requested")
    items = fields.Nested(ItemSchema, many=True, data_key="line_items")

    def required(self, dumped: Mapping[str, object]) -> list[str]:
        """Ask for province and postal code in Canada and the US, and for a tax number where duties are prepaid."""
        home = ["province_code", "postal_code"] if dumped.get("country_code") in WITH_PROVINCES else []
        duties = ["vat_reference"] if dumped.get("duties_paid_requested") else []
        return [*super().required(dumped), *home, *duties]

    def complaint(self, missing: Sequence[str], value: object) -> str:
        """Name every missing field with the place that it has to come from."""
        shipment: Any = value
        return missing_words(missing, shipment)


_OF_ADDRESS: Final = frozenset({"name", "address_1", "city", "province_code", "postal_code", "country_code"})
_OF_SETTINGS: Final = frozenset({"package_type", "size_unit", "size_x", "size_y", "size_z", "ship_date"})


def missing_words(missing: Sequence[str], shipment: Shipment) -> str:
    """Say where each missing field has to come from."""
    return "; ".join(
        [
            *_address_complaint([key for key in missing if key in _OF_ADDRESS], shipment.address),
            *_complaint([key for key in missing if key in _OF_SETTINGS], "not set: a setting of this connection"),
            *_complaint([key for key in missing if key == "weight"], "not in the order: set default_weight_g"),
            *_complaint(
                [key for key in missing if key == "value_currency"],
                f"the order is in {shipment.order.currency}, Chit Chats takes cad and usd only",
            ),
            *_complaint([key for key in missing if key == "vat_reference"], "prepaid duties need it: a setting"),
            *_complaint([key for key in missing if key == "description"], "the lines have no names: set description"),
        ]
    )


def _complaint(keys: Sequence[str], reason: str) -> list[str]:
    return [f"{', '.join(keys)}: {reason}"] if keys else []


def _address_complaint(keys: Sequence[str], address: Address | None) -> list[str]:
    if address is None:
        reason = "the order has none though goods are to be sent (one for pick-up has none and needs no shipment)"
        return _complaint(["shipping_address"], reason)
    return _complaint(
        keys, "not in the order's shipping address (platforms hide it from apps without access to personal data)"
    )
