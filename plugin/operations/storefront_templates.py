"""The files of a new storefront by their paths; `$name` is its name and `$Name` the same as a class name."""

from __future__ import annotations

TEMPLATES: dict[str, str] = {}

TEMPLATES["plugin/storefronts/$name/__init__.py"] = '''"""$Name as a storefront."""

from plugin.storefronts.$name.webhooks import storefront

__all__ = ["storefront"]
'''

TEMPLATES["plugin/storefronts/$name/webhooks.py"] = '''"""$Name: webhooks signed with HMAC-SHA256 over the body.

Headers, topics and the form of the signature are invented: replace them by what the platform's documentation says.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from mappings.canonical.orders import Topic
from mappings.storefronts import $name as mapping
from plugin.core.errors import ConfigError, Unverified
from plugin.core.event import Envelope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mappings.canonical.document import Document
    from plugin.core.setting import Setting
    from plugin.storefronts.base import Ignored

_HOST = re.compile(r"[a-z0-9-]+(\\.[a-z0-9-]+)+")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


class $Name:
    """Webhooks of shops on this platform."""

    name = "$name"
    needs: tuple[Setting, ...] = ()
    topics: Mapping[str, Topic | Ignored] = {"order.created": Topic.ORDER_CREATED}

    def normal_address(self, address: str) -> str:
        """Return the shop's host name in small letters, under which it is stored.

        Raises:
            ConfigError: the address holds no host name.
        """
        host = address.strip().lower().removeprefix("https://").rstrip("/")
        if not _HOST.fullmatch(host):
            raise ConfigError(f"{address!r} is no shop's address: write a host name such as shop.example.com")
        return host

    def signature(self, headers: Mapping[str, str]) -> str:
        """Return the 64 hexadecimal digits of `X-Signature`.

        Raises:
            Unverified: they are missing or malformed.
        """
        text = headers.get("X-Signature", "")
        if not _SIGNATURE.fullmatch(text):
            raise Unverified("X-Signature is missing or no SHA-256 in hexadecimal digits")
        return text

    def address(self, headers: Mapping[str, str]) -> str | None:
        """Return the shop that the unsigned `X-Shop` names, if it names one."""
        return headers.get("X-Shop", "").strip().lower() or None

    def app_secrets(self, environment: Mapping[str, str]) -> Sequence[str]:  # noqa: ARG002  (the app has none)
        """Return no secret: each shop has its own."""
        return ()

    def verify(self, signature: str, raw: bytes, secrets: Sequence[str]) -> bool:
        """Return whether one of the secrets signed these bytes, compared in constant time."""
        made = [hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest() for secret in secrets]
        return any([hmac.compare_digest(signature, digest) for digest in made])  # noqa: C419  (no short cut)

    def envelope(self, headers: Mapping[str, str], raw: bytes) -> Envelope:
        """Return topic and id of a webhook; one without an id is named by its body."""
        return Envelope(
            webhook_id=headers.get("X-Webhook-Id", "").strip() or "sha256:" + hashlib.sha256(raw).hexdigest(),
            platform_topic=headers.get("X-Topic", "").strip(),
        )

    def load(self, topic: Topic, document: object, shop: str) -> Document:
        """Return a parsed body as a canonical value; raise `PayloadRejected` naming the field that is wrong."""
        return mapping.load(topic, document, shop)


storefront = $Name()
'''

TEMPLATES["mappings/storefronts/$name/__init__.py"] = '''"""$Name's webhook bodies as canonical values."""

from mappings.storefronts.$name.documents import load

__all__ = ["load"]
'''

TEMPLATES["mappings/storefronts/$name/documents.py"] = '''"""LOADS: $Name's orders.

The shape is invented: replace it by the platform's own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.canonical.orders import Address, DeliveryKind, Line, Money, Order, Topic
from mappings.schemas.fields import Amount, Country, Currency, Flag, Grams, Identifier, Moment, Quantity, Text
from mappings.schemas.schema import Inbound, PayloadRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document


class _AddressSchema(Inbound):
    """Where an order goes."""

    into = Address

    name = Text()
    address1 = Text(data_key="street")
    city = Text()
    province_code = Text(data_key="region")
    postal_code = Text()
    country_code = Country(data_key="country", required=True)
    phone = Text()


class _LineSchema(Inbound):
    """One line of an order; its price is of one piece, without tax."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    name = Text(required=True)
    quantity = Quantity(required=True)
    price = Amount(required=True)
    requires_shipping = Flag(data_key="ships", required=True)
    unit_weight_g = Grams(data_key="weight_g", allow_none=True)
    sku = Text()


class _OrderSchema(Inbound):
    """The body of `order.created`; its amounts are without tax."""

    into = dict

    ref = Identifier(data_key="id", required=True)
    number = Text(required=True)
    currency = Currency(required=True)
    created_at = Moment(required=True)
    email = Text()
    subtotal = Amount(required=True)
    shipping = Amount(required=True)
    tax = Amount(required=True)
    total = Amount(required=True)
    shipping_address = fields.Nested(_AddressSchema, data_key="ship_to", allow_none=True)
    lines = fields.Nested(_LineSchema, many=True, required=True)


_ORDER: Final = _OrderSchema()
_AS_SENT: Final = ("ref", "number", "currency", "created_at", "email", "shipping_address")
_AMOUNTS: Final = ("total", "subtotal", "shipping", "tax")
_UNSAID: Final = ("discount", "tip", "duties", "fees", "rounding")


def load(topic: Topic, document: object, shop: str) -> Document:  # noqa: ARG001  (no body names its shop)
    """Return a parsed webhook body as a canonical value.

    Raises:
        PayloadRejected: names each field that is missing or misshapen, or a topic that has no mapping.
    """
    if topic is not Topic.ORDER_CREATED:
        raise PayloadRejected(f"$name: there is no mapping of {topic}")
    data: dict[str, Any] = _ORDER.read(document, "$name order")
    as_sent: dict[str, Any] = {name: data.get(name) for name in _AS_SENT}
    amounts = {name: data[name] for name in _AMOUNTS} | dict.fromkeys(_UNSAID, Decimal(0))
    money: dict[str, Any] = {name: Money(amount=amount, currency=data["currency"]) for name, amount in amounts.items()}
    return Order(
        **as_sent,
        **money,
        updated_at=data["created_at"],
        placed_at=data["created_at"],
        delivery=DeliveryKind.SHIP if data.get("shipping_address") else None,
        lines=tuple(_line(line, data["currency"]) for line in data["lines"]),
    )


def _line(data: Mapping[str, Any], currency: str) -> Line:
    nothing = Money(amount=Decimal(0), currency=currency)
    return Line(
        ref=data["ref"],
        name=data["name"],
        quantity=data["quantity"],
        quantity_to_ship=data["quantity"],
        unit_price=Money(amount=data["price"], currency=currency),
        discount=nothing,
        tax=nothing,
        requires_shipping=data["requires_shipping"],
        unit_weight_g=data.get("unit_weight_g"),
        sku=data.get("sku"),
    )
'''

TEMPLATES["plugin/sandbox/$name/__init__.py"] = ""

TEMPLATES["plugin/sandbox/$name/samples.py"] = '''"""Signed samples, as a shop on $Name would send them.

Written from the platform's documentation and never from our own reading of it, which it is there to test.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from plugin.sandbox.kit.sample import Sample

SHOP = "shop.example.com"
SIGNATURE_HEADER = "X-Signature"


def topics() -> list[str]:
    """Return each topic that there is a sample of."""
    return ["order.created"]


def sample(topic: str, number: int, secret: str, shop: str) -> Sample:
    """Return the signed sample of a topic that belongs to `number`; twice the same is a redelivery.

    Raises:
        ValueError: there is no such sample; lists what there is.
    """
    if topic not in topics():
        raise ValueError(f"no sample of {topic!r}: there are {', '.join(topics())}")
    return signed(topic, json.dumps(_order(number)).encode(), f"{topic} {number}", secret, shop)


def signed(topic: str, body: bytes, webhook_id: str, secret: str, shop: str) -> Sample:
    """Return these bytes as a webhook, signed with the hexadecimal HMAC-SHA256 of the body."""
    headers = {
        "Content-Type": "application/json",
        "X-Topic": topic,
        "X-Shop": shop,
        "X-Webhook-Id": webhook_id,
        SIGNATURE_HEADER: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return Sample(headers=headers, body=body)


def _order(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "number": f"A-{number}",
        "currency": "CAD",
        "created_at": "2026-11-20T10:00:00Z",
        "email": f"buyer{number}@example.com",
        "subtotal": "24.00",
        "shipping": "9.50",
        "tax": "4.36",
        "total": "37.86",
        "ship_to": {
            "name": "Ada Example",
            "street": "100 Example Street",
            "city": "Vancouver",
            "region": "BC",
            "postal_code": "V6B 1A1",
            "country": "CA",
            "phone": "+1 604 555 0123",
        },
        "lines": [
            {"id": 1, "name": "Mug", "quantity": 2, "price": "12.00", "ships": True, "weight_g": 350, "sku": "MUG"}
        ],
    }
'''

TEMPLATES["tests/storefronts/$name/__init__.py"] = ""

TEMPLATES["tests/storefronts/$name/SOURCE.md"] = """# Where $Name's samples come from

Everything in `sent/` is **invented**: the shop, the person, the goods and figures, and the shape of the document.
Replace it by what the platform sends, and say here where each body is from, of which API version, on which day it was
taken and what was removed from it.

| sample | what it shows |
|---|---|
| `order_created` | an order in CAD of two pieces that ship within Canada |

`understood/` is what our mapping makes of them: `UPDATE_GOLDENS=1 pytest tests/storefronts` writes it anew, and each
line of what changed is read against the documentation before it is kept.
"""

TEMPLATES["tests/storefronts/$name/sent/order_created.json"] = """{
  "id": 1001,
  "number": "A-1001",
  "currency": "CAD",
  "created_at": "2026-11-20T10:00:00Z",
  "email": "buyer1001@example.com",
  "subtotal": "24.00",
  "shipping": "9.50",
  "tax": "4.36",
  "total": "37.86",
  "ship_to": {
    "name": "Ada Example",
    "street": "100 Example Street",
    "city": "Vancouver",
    "region": "BC",
    "postal_code": "V6B 1A1",
    "country": "CA",
    "phone": "+1 604 555 0123"
  },
  "lines": [
    {
      "id": 1,
      "name": "Mug",
      "quantity": 2,
      "price": "12.00",
      "ships": true,
      "weight_g": 350,
      "sku": "MUG"
    }
  ]
}
"""

TEMPLATES["tests/storefronts/$name/understood/order_created.json"] = """{
  "ref": "1001",
  "number": "A-1001",
  "currency": "CAD",
  "created_at": "2026-11-20T10:00:00+00:00",
  "updated_at": "2026-11-20T10:00:00+00:00",
  "total": {
    "amount": "37.86",
    "currency": "CAD"
  },
  "subtotal": {
    "amount": "24.00",
    "currency": "CAD"
  },
  "shipping": {
    "amount": "9.50",
    "currency": "CAD"
  },
  "tax": {
    "amount": "4.36",
    "currency": "CAD"
  },
  "discount": {
    "amount": "0",
    "currency": "CAD"
  },
  "tip": {
    "amount": "0",
    "currency": "CAD"
  },
  "duties": {
    "amount": "0",
    "currency": "CAD"
  },
  "fees": {
    "amount": "0",
    "currency": "CAD"
  },
  "rounding": {
    "amount": "0",
    "currency": "CAD"
  },
  "lines": [
    {
      "ref": "1",
      "name": "Mug",
      "quantity": 2,
      "quantity_to_ship": 2,
      "unit_price": {
        "amount": "12.00",
        "currency": "CAD"
      },
      "discount": {
        "amount": "0",
        "currency": "CAD"
      },
      "tax": {
        "amount": "0",
        "currency": "CAD"
      },
      "requires_shipping": true,
      "gift_card": false,
      "unit_weight_g": 350,
      "sku": "MUG"
    }
  ],
  "placed_at": "2026-11-20T10:00:00+00:00",
  "test": false,
  "impossible_sample": false,
  "point_of_sale": false,
  "fully_refunded": false,
  "delivery": "ship",
  "tax_numbers": [],
  "email": "buyer1001@example.com",
  "shipping_address": {
    "name": "Ada Example",
    "address1": "100 Example Street",
    "city": "Vancouver",
    "province_code": "BC",
    "postal_code": "V6B 1A1",
    "country_code": "CA",
    "phone": "+1 604 555 0123"
  },
  "coupons": [],
  "payment_methods": [],
  "shipping_methods": [],
  "tags": [],
  "attributes": [],
  "client": {}
}
"""
