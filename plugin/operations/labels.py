"""Labels: read again from the vendor whenever somebody prints one, within the account's limit like every other call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.cli.output import say
from plugin.core.delivery import Request
from plugin.core.errors import ConfigError
from plugin.core.redaction import vendor_words
from plugin.destinations.base import LabelFile, Labels
from plugin.operations.vendor_query import ask
from plugin.storage import shipments

if TYPE_CHECKING:
    from pathlib import Path

    from plugin.services import Services
    from plugin.storage.stores import Connection
    from plugin.transport.call import Answer

FORMS = ("pdf", "png", "zpl")
# A label leads to its file at once; anything longer goes round in circles.
_MOST_CALLS = 3
_REFUSED = 400


def save(opened: Services, ident: int, form: str, path: Path) -> None:
    """Write the label of a shipment to a file, or to standard output when it is called `-`.

    Raises:
        ConfigError: there is no such shipment or no such label, or the vendor refuses; says what to do.
    """
    found = fetch(opened, ident, form)
    if str(path) == "-":
        sys.stdout.buffer.write(found.data)
        return
    try:
        path.write_bytes(found.data)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}") from None
    say(f"{path}: {found.media_type}, {len(found.data)} bytes")


def fetch(opened: Services, ident: int, form: str) -> LabelFile:
    """The label of one of our shipments as the vendor has it now."""
    with opened.database.read() as db:
        found = shipments.by_id(db, ident)
    if found is None:
        raise ConfigError("no shipment with this id")
    connection_id, booked = found
    connection = next((item for item in opened.shops.connections() if item.id == connection_id), None)
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
    """The signed address says all, so no credentials go there."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError("the vendor gives no address for the label that can be used")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": "*/*"}
    return Request(method="GET", path=path, headers=headers, repeatable=True), f"{parts.scheme}://{parts.netloc}"


def _send(opened: Services, connection: Connection, base_url: str | None, request: Request) -> Answer:
    answer = ask(opened, connection, request, base_url)
    if answer.status >= _REFUSED:
        raise ConfigError(f"{connection.destination} refuses the label: {vendor_words(answer, None, None)}")
    return answer


output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Where the label goes; `-` is standard output.",
)
form_option = click.option(
    "--format", "form", type=click.Choice(FORMS), default="pdf", show_default=True, help="The form of the label."
)
