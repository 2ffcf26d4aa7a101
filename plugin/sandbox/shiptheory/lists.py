"""How Shiptheory lists and searches (docs/vendors/shiptheory.md §8), and pages (`/packages/sizes` of §9)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from math import ceil
from typing import Any

from plugin.sandbox.kit.call import Call, JsonObject, VendorError
from plugin.sandbox.shiptheory.shipment import ADDRESS, STATUSES, Shipment

_LARGEST_PAGE, _USUAL_PAGE = 100, 25
_DETAILS = ("parcels", "weight", "value", "duty_tax_number", "duty_tax_number_type", "channel_reference_id_3")


def _at(*keys: str) -> Callable[[JsonObject], object]:
    """Return what reads a value inside an entry."""

    def read(item: Any) -> object:  # noqa: ANN401 - any JSON value
        for key in keys:
            item = (item or {}).get(key)
        return item

    return read


_FILTERS: dict[str, Callable[[JsonObject], object]] = {
    **{name: _at(name) for name in ("status", "channel_name", "channel_reference_id", "channel_reference_id_2")},
    **{f"ShipmentDetails.{name}": _at("shipment_detail", name) for name in _DETAILS},
    "Couriers.couriername": _at("courier", "couriername"),
    "Countries.code": _at("delivery_address", "country", "code"),
    **{f"DeliveryAddress.{name}": _at("delivery_address", name) for name in (*ADDRESS, "what_3_words")},
}


def listing(call: Call, shipments: Iterable[Shipment]) -> JsonObject:
    """Answer `/shipments/list`: all that fits, a page of it, and the pagination block."""
    query = dict(call.query)
    created, modified = query.pop("created", None), query.pop("modified", None)
    order = _sorting(query, ("created", "modified"))
    page, limit = _page(query)
    found = _chosen(query, (one.listed(products=False) for one in shipments))
    found = [item for item in found if _on(item["created"], created) and _on(item["modified"], modified)]
    found.sort(key=lambda item: item[order[0]], reverse=order[1])
    return {"shipments": _cut(found, page, limit), "pagination": _pagination(found, page, limit)}


def search(call: Call, shipments: Iterable[Shipment], days: int) -> JsonObject:
    """Answer `/shipments/search`: a window of days, newest first (our choice), no pages."""
    query = dict(call.query)
    first, last = (_day(query.pop(name, ""), name) for name in ("created_from", "created_to"))
    if (last - first).days > days or last < first:
        raise VendorError(400, f"created_to must be within {days} days of created_from")
    products = query.pop("include_products", "0") == "1"
    _, limit = _page(query)
    found = _chosen(query, (one.listed(products=products) for one in shipments))
    within = [item for item in found if first <= date.fromisoformat(item["created"][:10]) <= last]
    return {"shipments": within[::-1][:limit]}


def paged(call: Call, items: Sequence[JsonObject], name: str, sortable: Sequence[str]) -> JsonObject:
    """Answer any other list with pages."""
    query = dict(call.query)
    by, backwards = _sorting(query, sortable)
    page, limit = _page(query)
    if query:
        raise VendorError(400, f"{next(iter(query))} is not a known parameter")
    found = sorted(items, key=lambda item: item[by], reverse=backwards)
    return {name: _cut(found, page, limit), "pagination": _pagination(found, page, limit)}


def _chosen(query: dict[str, str], items: Iterable[JsonObject]) -> list[JsonObject]:
    """Return what fits every filter exactly; statuses and carriers are case-sensitive (§8)."""
    for name, value in query.items():
        if name not in _FILTERS:
            raise VendorError(400, f"{name} is not a known parameter")
        if name == "status" and value not in STATUSES:
            raise VendorError(400, f"status must be one of: {', '.join(STATUSES)}")
    return [item for item in items if all(str(_FILTERS[name](item)) == value for name, value in query.items())]


def _sorting(query: dict[str, str], allowed: Sequence[str]) -> tuple[str, bool]:
    by, direction = query.pop("sort", allowed[0]), query.pop("direction", "asc")
    if by not in allowed or direction not in ("asc", "desc"):
        raise VendorError(400, f"sort must be one of: {', '.join(allowed)}; direction asc or desc")
    return by, direction == "desc"


def _page(query: dict[str, str]) -> tuple[int, int]:
    page, limit = query.pop("page", "1"), query.pop("limit", str(_USUAL_PAGE))
    if not page.isdecimal() or not limit.isdecimal() or int(page) < 1 or not 1 <= int(limit) <= _LARGEST_PAGE:
        raise VendorError(400, f"page starts at 1, limit is 1 to {_LARGEST_PAGE}")
    return int(page), int(limit)


def _cut(found: list[JsonObject], page: int, limit: int) -> list[JsonObject]:
    # "404 means you have specified a page number without results"; for the first page too: our choice.
    if (page - 1) * limit >= len(found):
        raise VendorError(404, "Not Found")
    return found[(page - 1) * limit : page * limit]


def _pagination(found: list[JsonObject], page: int, limit: int) -> JsonObject:
    pages, results = ceil(len(found) / limit), len(found)
    return {"page": page, "pages": pages, "results": results, "results_per_page": limit, "limit": limit}


def _on(moment: str, wanted: str | None) -> bool:
    return wanted is None or moment[:10] == _day(wanted, "date").isoformat()


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise VendorError(400, f"{name} must be YYYY-MM-DD") from None
