"""LOADS: what Chit Chats says about shipments (docs/vendors/chitchats.md §3, §5 and §6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields

from mappings.canonical.receipt import Receipt
from mappings.destinations.chitchats.rates import price, rates
from mappings.schemas.fields import Amount, Identifier, Text
from mappings.schemas.schema import Inbound, PayloadRejected

if TYPE_CHECKING:
    from mappings.canonical.orders import Money

# §6. `pending`, `incomplete` and `unpaid` all mean an unpaid draft; `postage_unpaid` is the name of 2018.
DRAFT_STATUSES: Final = frozenset({"incomplete", "unpaid", "postage_unpaid", "pending"})
REQUESTED_STATUSES: Final = frozenset({"postage_requested"})
FAILED_STATUSES: Final = frozenset({"postage_purchase_failed"})
# Shipments without a delivery scan are archived after 60 days in transit: they were paid.
PAID_STATUSES: Final = frozenset(
    {"ready", "received", "release_shipment_via_batch", "released", "inducted", "delivered", "exception", "archived"}
)
DEAD_STATUSES: Final = frozenset({"canceled", "voided", "refund_requested", "refund_approved"})

_UNSAID: Final = "unknown"
_NO_POSTAGE: Final = frozenset({None, "unknown"})
LABELS: Final = ("pdf", "png", "zpl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of a list; `receipt` is what it says of the shipment, `sent` what it says of our own request."""

    order_id: str | None
    order_store: str | None
    receipt: Receipt
    sent: Mapping[str, str]


class _ListedSchema(Inbound):
    """An entry of `GET /shipments`; the full-text search finds too much, so the caller compares."""

    into = dict

    remote_id = Identifier(data_key="id", required=True)
    order_id = Text(load_default=None)
    order_store = Text(load_default=None)
    status = Text(required=True)
    to_name = Text()
    to_address_1 = Text()
    to_address_2 = Text()
    to_city = Text()
    to_postal_code = Text()
    to_country_code = Text()
    value = Text()


class _ReplySchema(Inbound):
    """A shipment; only its id is needed."""

    into = dict

    remote_id = Identifier(data_key="id", required=True)
    status = Text()
    postage_type = Text()
    carrier = Text()
    tracking_number = Text(data_key="carrier_tracking_code")
    tracking_url = Text()
    payment_amount = Amount(allow_none=True)
    purchase_amount = Amount(allow_none=True)
    insurance_fee = Amount(allow_none=True)
    delivery_fee = Amount(allow_none=True)
    tariff_fee = Amount(allow_none=True)
    broker_conveyance_fee = Amount(allow_none=True)
    shipment_items_fee = Amount(allow_none=True)
    fda_prior_notification_fee = Amount(allow_none=True)
    pdf = Text(data_key="postage_label_pdf_url")
    png = Text(data_key="postage_label_png_url")
    zpl = Text(data_key="postage_label_zpl_url")
    rates = fields.List(fields.Raw(), allow_none=True)


_LISTED: Final = _ListedSchema()
_REPLY: Final = _ReplySchema()


def receipt(document: object) -> Receipt:
    """Read a shipment, wrapped in `{"shipment": …}` as observed or bare as documented.

    Anything misshapen but the id is passed over: a shipment that exists must never be lost for an odd figure in it.

    Raises:
        PayloadRejected: there is no id.
    """
    said = _said(_unwrapped(document))
    return Receipt(
        remote_id=said["remote_id"],
        status=said.get("status") or _UNSAID,
        tracking_number=said.get("tracking_number"),
        tracking_url=said.get("tracking_url"),
        carrier=said.get("carrier"),
        cost=_cost(said),
        label_formats=tuple(name for name in LABELS if said.get(name)),
        rates=None if said.get("rates") is None else rates(said["rates"]),
        delivered=said.get("status") == "delivered" or None,
    )


def listed(document: object) -> tuple[Listed, ...]:
    """Read the answer of a search.

    Raises:
        PayloadRejected: it is no list, or an entry cannot be read and might be the one that is looked for.
    """
    if not isinstance(document, list):
        raise PayloadRejected("chitchats search: the body is not a JSON array")
    return tuple(_listed(_unwrapped(entry)) for entry in document)


def label_address(document: object, form: str) -> str | None:
    """Return where a label can be fetched now; the address is signed and short-lived, so it is read anew each time."""
    address: str | None = _said(_unwrapped(document)).get(form)
    return address


def open_batch(document: object, passed_over: int | None) -> int | None:
    """Return the newest pending batch of a list, but for one that was tried in vain (§9).

    Raises:
        PayloadRejected: it is no list.
    """
    if not isinstance(document, list):
        raise PayloadRejected("chitchats batches: the body is not a JSON array")
    inner = (entry.get("batch", entry) for entry in document if isinstance(entry, Mapping))
    numbers = [one.get("id") for one in inner if isinstance(one, Mapping) and one.get("status") == "pending"]
    return max((number for number in numbers if isinstance(number, int) and number != passed_over), default=None)


def _listed(entry: object) -> Listed:
    said = _LISTED.read(entry, "chitchats search")
    sent = {name.removeprefix("to_"): str(value) for name, value in said.items() if name.startswith("to_") and value}
    return Listed(
        order_id=said["order_id"],
        order_store=said["order_store"],
        receipt=receipt(entry),
        sent=sent | ({"value": said["value"]} if said.get("value") else {}),
    )


def _unwrapped(document: object) -> object:
    inner = document.get("shipment") if isinstance(document, Mapping) else None
    return document if inner is None else inner


def _said(shipment: Any) -> Mapping[str, Any]:  # noqa: ANN401  (any JSON value)
    """Load all that can be read, as long as the id is in it."""
    try:
        return _loaded(_REPLY.load(shipment))
    except ValidationError as error:
        said = _loaded(error.valid_data)
    return said if "remote_id" in said else _loaded(_REPLY.read(shipment, "chitchats shipment"))


def _loaded(data: Any) -> Mapping[str, Any]:  # noqa: ANN401  (marshmallow types it so)
    return data if isinstance(data, Mapping) else {}


def _cost(said: Mapping[str, Any]) -> Money | None:
    """Add up the price: tax is inside `purchase_amount`; a draft without chosen postage has no price yet."""
    if said.get("status") in DRAFT_STATUSES and said.get("postage_type") in _NO_POSTAGE:
        return None
    return price(said)
