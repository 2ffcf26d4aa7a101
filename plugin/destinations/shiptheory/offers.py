"""What an account of Shiptheory offers, and what its settings choose from it (docs/vendors/shiptheory.md §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mappings.destinations.shiptheory import offers
from plugin.core.vendor_profile import Listing
from plugin.destinations.shiptheory import calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.core.response import Response
    from plugin.core.step import Request

_LARGEST_PAGE = "100"


def _services(values: Mapping[str, str], _page: int) -> Request:
    return calls.call(values, "GET", "/services", repeatable=True)


def _return_services(values: Mapping[str, str], _page: int) -> Request:
    return calls.call(values, "GET", "/services/incoming", repeatable=True)


def _sizes(values: Mapping[str, str], page: int) -> Request:
    query = {"page": str(page), "limit": _LARGEST_PAGE}
    return calls.call(values, "GET", "/packages/sizes", query=query, repeatable=True)


def _sizes_of(answer: Response) -> tuple[list[dict[str, Any]], bool]:
    # A page without results is a 404 (§8), as that of an account without sizes may be.
    return ([], False) if answer.status == 404 else offers.package_sizes(answer.json)  # noqa: PLR2004


LISTINGS = (
    Listing(
        name="delivery services",
        columns=("carrier", "service", "id", "increments"),
        call=_services,
        read=lambda answer: (offers.services(answer.json), False),
    ),
    Listing(
        name="return services",
        columns=("carrier", "service", "id"),
        call=_return_services,
        read=lambda answer: (offers.return_services(answer.json), False),
    ),
    Listing(
        name="package sizes",
        columns=("id", "name", "length", "width", "height", "active"),
        call=_sizes,
        read=_sizes_of,
    ),
)
