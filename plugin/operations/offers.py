"""What a connection's account offers, such as delivery services, for settings to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.core.errors import ConfigError
from plugin.core.redaction import redacted_reason
from plugin.destinations.base import Offers
from plugin.operations.vendor_query import ask
from plugin.storage.stores import require_store

if TYPE_CHECKING:
    from plugin.core.vendor_profile import Listing
    from plugin.services import Services
    from plugin.storage.stores import Connection

# A vendor answers 404 to an account that has none of what is listed: `Listing.read` makes no rows of it.
_NOT_FOUND, _REFUSED = 404, 400


def offered_by(destination: str) -> tuple[Listing, ...]:
    """Return what accounts at a destination offer; raise `ConfigError` where there is nothing to choose from."""
    vendor = destinations.get(destination)
    if not isinstance(vendor, Offers):
        raise ConfigError(f"{destination} offers nothing to choose from: its settings are told by `connect --help`")
    return vendor.listings


def list_offers(opened: Services, destination: str, store_id: str) -> dict[str, list[dict[str, Any]]]:
    """Ask a store's account at a destination for all it offers; return the rows of each listing by its name.

    Raises:
        ConfigError: nothing is offered there, there is no such store or connection, or the vendor refuses.
    """
    listings = offered_by(destination)
    connection = _connection(opened, destination, require_store(opened.stores, store_id).id)
    return {listing.name: _rows(opened, connection, listing) for listing in listings}


def _connection(opened: Services, destination: str, store_id: str) -> Connection:
    for connection in opened.stores.connections(store_id):
        if connection.destination == destination and not connection.unreadable:
            return connection
    raise ConfigError(f"store {store_id} is not connected to {destination}: `crossdock connect {destination} --help`")


def _rows(opened: Services, connection: Connection, listing: Listing) -> list[dict[str, Any]]:
    """Return the rows of every page."""
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
