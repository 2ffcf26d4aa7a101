"""LOADS: the files that Shiptheory sends, PDF in base64 (docs/vendors/shiptheory.md §6 and §9)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from marshmallow import fields

from mappings.canonical.shipment_files import ShipmentFile
from mappings.destinations.shiptheory.response import part, said_by
from mappings.schemas.fields import Text
from mappings.schemas.schema import Inbound, PayloadRejected

if TYPE_CHECKING:
    from datetime import date

_PDF: Final = b"%PDF-"


class _ReturnSchema(Inbound):
    into = dict

    tracking_number = Text(data_key="tracking")
    label = fields.Raw()


_RETURN: Final = _ReturnSchema()


def label(document: object) -> bytes | None:
    """Return the PDF in the answer to a look; None if there is none (yet)."""
    return _pdf(part(document, "label"))


def return_label(document: object, expires_on: date) -> ShipmentFile:
    """Read the answer to a return: its label comes this once.

    Raises:
        PayloadRejected: there is no PDF in it.
    """
    said = said_by(_RETURN, document)
    data = _pdf(said.get("label"))
    if data is None:
        raise PayloadRejected("shiptheory return: there is no label in the answer")
    return ShipmentFile(
        kind="return label",
        media_type="application/pdf",
        data=data,
        tracking_number=said.get("tracking_number"),
        expires_on=expires_on,
    )


def _pdf(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.startswith(_PDF) else None
