"""LOADS: what an account of Shiptheory offers, for choosing settings (docs/vendors/shiptheory.md §9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mappings.destinations.shiptheory.response import part, text
from mappings.schemas.schema import PayloadRejected

if TYPE_CHECKING:
    from collections.abc import Iterator


def services(document: object) -> list[dict[str, Any]]:
    """Delivery services by carrier, for choosing `delivery_service` and `increment`."""
    found = []
    for carrier, named in _rows(document, "delivery_services"):
        for name, service in named.items() if isinstance(named, Mapping) else ():
            increments = part(service, "courier_increment_ids")
            shown_ids = ", ".join(map(str, increments)) if isinstance(increments, list) else None
            found.append(
                {"carrier": carrier, "service": name, "id": text(part(service, "id")), "increments": shown_ids}
            )
    return found


def return_services(document: object) -> list[dict[str, Any]]:
    """Return services by carrier, for choosing `return_service`."""
    return [
        {"carrier": carrier, "service": text(part(one, "name")), "id": text(part(one, "id"))}
        for carrier, offered in _rows(document, "return_services")
        for one in (offered if isinstance(offered, list) else ())
    ]


def package_sizes(document: object) -> tuple[list[dict[str, Any]], bool]:
    """One page of package sizes, for choosing `package_size`, and whether another page follows."""
    sizes = part(document, "package_sizes")
    if not isinstance(sizes, list):
        raise PayloadRejected("shiptheory package_sizes: not in the answer")
    pages = part(document, "pagination")
    page, last = part(pages, "page"), part(pages, "pages")
    columns = ("id", "name", "length", "width", "height", "active")
    more = isinstance(page, int) and isinstance(last, int) and page < last
    return [{name: part(one, name) for name in columns} for one in sizes], more


def _rows(document: object, key: str) -> Iterator[tuple[str, Any]]:
    """Return the pairs of an object that is expected under a key; an empty one may come as a list."""
    found = part(document, key)
    if not isinstance(found, (Mapping, list)):
        raise PayloadRejected(f"shiptheory {key}: not in the answer")
    yield from found.items() if isinstance(found, Mapping) else ()
