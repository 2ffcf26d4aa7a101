"""LOADS: what Shiptheory says about shipments (docs/vendors/shiptheory.md §4 to §9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError

from mappings.canonical.receipt import Receipt
from mappings.canonical.shipment_files import Message
from mappings.schemas.fields import Identifier, Text, UtcDateTime
from mappings.schemas.schema import Inbound, PayloadRejected, explain

COMPLETE: Final = "Complete"
# §7. What was refused by the carrier, or fits no rule of the account: nothing was booked.
DEAD_STATUSES: Final = frozenset({"Failed", "Ignored"})
# On their way without anybody's help; the rest (`Waiting`, `Not Ready`, …) waits for a person at Shiptheory.
MOVING_STATUSES: Final = frozenset({"Queued", "PROCESSING", "Ready"})

_UNSAID: Final = "unknown"
_TRACKED: Final = re.compile(r"(?:(.+?) )?tracking reference received:\s*(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The answer to a booking; `carried` says that the carrier took it, `success` of the vendor's means nothing."""

    status: str | None = None
    carried: bool = False
    tracking_number: str | None = None
    carrier: str | None = None
    message: str | None = None

    @property
    def is_booked(self) -> bool:
        """Whether the answer certainly says that the shipment is booked (docs/vendors/shiptheory.md §5)."""
        return self.carried or self.status == COMPLETE

    @property
    def is_empty(self) -> bool:
        """Whether the answer says nothing at all, as it does for a reference that was used before."""
        return not (self.carried or self.status or self.message or self.carrier or self.tracking_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One shipment, from a look at it or from a list; the references are the caller's own."""

    receipt: Receipt
    order_ref: str | None = None
    store: str | None = None
    created: str = ""

    @property
    def is_dead(self) -> bool:
        """Nothing was booked with a carrier, and nothing will be by itself."""
        return self.receipt.status in DEAD_STATUSES

    @property
    def is_booked(self) -> bool:
        """A carrier has it: `Complete`, or archived, or badly printed, with a tracking number."""
        return self.receipt.status == COMPLETE or (self.receipt.tracking_number is not None and not self.is_dead)


class _CarrierSchema(Inbound):
    into = dict

    status = Text()
    tracking_number = Text(data_key="tracking")
    carrier = Text()


class _ShipmentSchema(Inbound):
    into = dict

    remote_id = Identifier(data_key="channel_reference_id")
    order_ref = Text(data_key="channel_reference_id_2")
    store = Text(data_key="channel_reference_id_3")
    status = Text()
    tracking_number = Text()
    carrier = Text()
    created = Text()


class _MessageSchema(Inbound):
    into = dict

    text = Text(data_key="message")
    kind = Text(data_key="type")
    at = UtcDateTime(data_key="created", allow_none=True)


_CARRIER: Final = _CarrierSchema()
_SHIPMENT: Final = _ShipmentSchema()
_MESSAGE: Final = _MessageSchema()


def token(document: object) -> str | None:
    """Return the token in the answer to a login."""
    found = part(part(document, "data"), "token")
    return found if isinstance(found, str) and found and found.isascii() and found.isprintable() else None


def booking(document: object) -> Booking:
    """Read the answer to a booking, in which any part may be missing, null or empty.

    Raises:
        PayloadRejected: it is no object.
    """
    if not isinstance(document, Mapping):
        raise PayloadRejected("shiptheory booking: the body is no JSON object")
    carrier = said_by(_CARRIER, part(document, "carrier_result"))
    message = text(document.get("message"))
    told = _TRACKED.search(message or "")
    return Booking(
        status=text(document.get("status")),
        carried=carrier.get("status") == "success",
        tracking_number=carrier.get("tracking_number") or (told[2] if told else None),
        carrier=carrier.get("carrier") or (told[1] if told else None),
        message=message,
    )


def shown(document: object, reference: str) -> Shown:
    """Read a look at one shipment; anything misshapen but its status is passed over.

    Raises:
        PayloadRejected: there is no shipment with a status in it.
    """
    said = said_by(_SHIPMENT, part(document, "shipment"))
    if not said.get("status"):
        raise PayloadRejected("shiptheory shipment: there is no status in the answer")
    messages = _messages(part(document, "messages"))
    tracking, carrier = _tracked(messages)
    receipt = Receipt(
        remote_id=said.get("remote_id") or reference,
        status=said["status"],
        tracking_number=said.get("tracking_number") or tracking,
        carrier=said.get("carrier") or carrier,
        label_formats=("pdf",) if _is_pdf(part(document, "label")) else (),
        messages=messages,
    )
    return Shown(
        receipt=receipt, order_ref=said.get("order_ref"), store=said.get("store"), created=said.get("created") or ""
    )


def listed(document: object) -> tuple[Shown, ...]:
    """Read a list or a search, newest first.

    Raises:
        PayloadRejected: it is no list, or an entry has no reference or status and might be the one that is looked for.
    """
    entries = part(document, "shipments")
    if not isinstance(entries, list):
        raise PayloadRejected("shiptheory list: there is no list of shipments in the answer")
    return tuple(sorted(map(_entry, entries), key=lambda one: one.created, reverse=True))


def _entry(document: object) -> Shown:
    said = said_by(_SHIPMENT, document)
    if not said.get("remote_id") or not said.get("status"):
        raise PayloadRejected("shiptheory list: an entry without reference or status")
    detail, courier = part(document, "shipment_detail"), part(document, "courier")
    receipt = Receipt(
        remote_id=said["remote_id"],
        status=said["status"],
        tracking_number=text(part(detail, "tracking_number")),
        carrier=text(part(courier, "couriername")),
    )
    store = text(part(detail, "channel_reference_id_3"))
    return Shown(receipt=receipt, order_ref=said.get("order_ref"), store=store, created=said.get("created") or "")


def refusal(document: object) -> str | None:
    """Return what a refusal says, in any of the forms of §10, each field with its reason; None if it says nothing."""
    if not isinstance(document, Mapping):
        return None
    error, message = document.get("error"), text(document.get("message"))
    fields_said = explain(error) if isinstance(error, Mapping) else text(error)
    return "; ".join(part for part in (message, fields_said) if part) or None


def complaints(messages: tuple[Message, ...]) -> str | None:
    """Return why it failed: the errors of its history, newest last."""
    return "; ".join(dict.fromkeys(one.text for one in messages if one.kind == "error")) or None


def _messages(entries: object) -> tuple[Message, ...]:
    said = [said_by(_MESSAGE, one) for one in entries] if isinstance(entries, list) else []
    return tuple(
        Message(text=one["text"], kind=one.get("kind") or "info", at=one.get("at")) for one in said if one.get("text")
    )


def _tracked(messages: tuple[Message, ...]) -> tuple[str | None, str | None]:
    """Return the tracking number where only the history tells it, with its carrier: it often comes there first."""
    for one in reversed(messages):
        told = _TRACKED.search(one.text)
        if told:
            return told[2], told[1]
    return None, None


def _is_pdf(text: object) -> bool:
    # Enough of the base64 for the first bytes of the file; the whole is decoded only when a label is wanted.
    return isinstance(text, str) and text.startswith("JVBERi")


def said_by(schema: Inbound, document: object) -> Mapping[str, Any]:
    """Load all that can be read."""
    if not isinstance(document, Mapping):
        return {}
    try:
        data: Any = schema.load(document)
    except ValidationError as error:
        data = error.valid_data
    return data if isinstance(data, Mapping) else {}


def part(document: object, key: str) -> Any:  # noqa: ANN401  (any JSON value)
    """Return what an object holds under a key; None if it is no object."""
    return document.get(key) if isinstance(document, Mapping) else None


def text(value: object) -> str | None:
    """Text or a whole number as text; None for anything else and for nothing."""
    return str(value).strip() or None if isinstance(value, (str, int)) and not isinstance(value, bool) else None
