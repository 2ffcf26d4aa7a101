"""Choosing settings from what an account offers, and the papers that vendors give only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.cli.options import json_option
from plugin.cli.output import print_json, save_file, say, services, show
from plugin.core.errors import ConfigError
from plugin.core.redaction import redacted_reason
from plugin.destinations.base import Offers
from plugin.operations.vendor_query import ask
from plugin.storage import shipment_files as kept
from plugin.storage.stores import require_store

if TYPE_CHECKING:
    from plugin.core.vendor_profile import Listing
    from plugin.services import Services
    from plugin.storage.stores import Connection

_NOT_FOUND, _REFUSED = 404, 400


@click.command(name="services")
@click.argument("destination")
@click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
@json_option
def offered(destination: str, store_id: str, as_json: bool) -> None:
    """List what a connection's account offers, such as delivery services, with the ids that settings take."""
    vendor = destinations.get(destination)
    if not isinstance(vendor, Offers):
        raise ConfigError(f"{destination} offers nothing to choose from: its settings are told by `connect --help`")
    with services() as opened:
        connection = _connection(opened, destination, require_store(opened.stores, store_id).id)
        found = {listing.name: _rows(opened, connection, listing) for listing in vendor.listings}
    if as_json:
        print_json({name.replace(" ", "_"): rows for name, rows in found.items()})
        return
    for listing in vendor.listings:
        show(found[listing.name], listing.columns, as_json=False, title=listing.name)


@click.command()
@click.argument("ident", required=False, type=int)
@click.option("--store", help="Only this store's.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, allow_dash=True), help="Where the paper goes.")
@json_option
def papers(ident: int | None, store: str | None, output: str | None, as_json: bool) -> None:
    """List what vendors give only once, such as return labels, or save one: `crossdock papers ID -o return.pdf`."""
    with services() as opened:
        if ident is not None:
            _save(kept.data(opened.database, ident), output)
            return
        rows = kept.listed(opened.database, store_id=store)
    columns = ("id", "destination", "kind", "order_number", "remote_id", "tracking_number", "expires_on")
    show(rows, columns, as_json=as_json, title="papers")


def _connection(opened: Services, destination: str, store_id: str) -> Connection:
    for connection in opened.stores.connections(store_id):
        if connection.destination == destination and not connection.unreadable:
            return connection
    raise ConfigError(f"store {store_id} is not connected to {destination}: `crossdock connect {destination} --help`")


def _rows(opened: Services, connection: Connection, listing: Listing) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page, more = 1, True
    while more:
        answer = ask(opened, connection, listing.call(connection.values, page))
        if answer.status >= _REFUSED and answer.status != _NOT_FOUND:
            raise ConfigError(f"{connection.destination} refuses: {redacted_reason(answer, None, None)}")
        try:
            rows, more = listing.read(answer)
        except PayloadRejected as error:
            raise ConfigError(f"{connection.destination} sent no {listing.name}: {error}") from None
        found += rows
        page += 1
    return found


def _save(data: bytes | None, output: str | None) -> None:
    if data is None:
        raise ConfigError("no paper with this id: `crossdock papers` lists them; a privacy request removes them")
    if output is None:
        raise ConfigError("where to? Give -o FILE, or -o - for standard output")
    save_file(data, output)
    say(f"{output}: {len(data)} bytes")
