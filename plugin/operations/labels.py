"""Labels of shipments, read from the vendor whenever somebody prints one, within the account's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.core.errors import ConfigError
from plugin.core.redaction import redacted_reason
from plugin.core.step import Request
from plugin.destinations.base import LabelFile, Labels
from plugin.operations.vendor_query import ask
from plugin.storage import shipments

if TYPE_CHECKING:
    from plugin.core.response import Response
    from plugin.services import Services
    from plugin.storage.stores import Connection

FORMS = ("pdf", "png", "zpl")
# A label leads to its file at once; anything longer goes round in circles.
_MOST_CALLS = 3
_REFUSED = 400


def fetch(opened: Services, ident: int, form: str) -> LabelFile:
    """Return the label of the shipment with our id `ident` as the vendor has it now; `form` is one of `FORMS`.

    Raises:
        ConfigError: there is no such shipment or no such label, or the vendor refuses it or does not answer.
    """
    with opened.database.read() as db:
        found = shipments.by_id(db, ident)
    if found is None:
        raise ConfigError("no shipment with this id")
    connection_id, booked = found
    connection = next((item for item in opened.stores.connections() if item.id == connection_id), None)
    if connection is None:
        raise ConfigError("the shipment's connection was removed")
    vendor = destinations.get(connection.destination)
    if not isinstance(vendor, Labels):
        raise ConfigError(f"{connection.destination} makes no labels that can be read again")
    request: Request = vendor.label_call(connection.values, booked, form)
    base_url: str | None = None
    for _ in range(_MOST_CALLS):
        answer = _send(opened, connection, base_url, request)
        try:
            label = vendor.label_file(answer, form)
        except PayloadRejected as error:
            raise ConfigError(f"{connection.destination} sent no label: {error}") from None
        if isinstance(label, LabelFile):
            return label
        request, base_url = _following(label.url)
    raise ConfigError(f"{connection.destination} only leads from one address to the next")


def _following(url: str) -> tuple[Request, str]:
    """Return the call to an address that the vendor named; that is signed, so no credentials go there."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError("the vendor gives no address for the label that can be used")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": "*/*"}
    return Request(method="GET", path=path, headers=headers, repeatable=True), f"{parts.scheme}://{parts.netloc}"


def _send(opened: Services, connection: Connection, base_url: str | None, request: Request) -> Response:
    answer = ask(opened, connection, request, base_url)
    if answer.status >= _REFUSED:
        raise ConfigError(f"{connection.destination} refuses the label: {redacted_reason(answer, None, None)}")
    return answer
