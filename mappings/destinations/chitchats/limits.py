"""What Chit Chats would refuse although it is there; found before it is sent, and named.

See docs/vendors/chitchats.md §4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mappings.destinations.chitchats.shipment import WIDEST
from mappings.shipping.provinces import is_postal_code, is_province

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Decimal text; how much is too much is unknown, so this is plausibility.
_AMOUNT: Final = re.compile(r"\d{1,9}\.\d{2}")


def complaints(body: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a complete request; values are never quoted."""
    country = body["country_code"]
    found = list(_too_long(body, ""))
    if not is_province(country, body.get("province_code", "")):
        found.append(f"province_code: the shipping address names none of {country}")
    if not is_postal_code(country, body.get("postal_code", "")):
        found.append(f"postal_code: the one in the shipping address is none of {country}")
    if not _AMOUNT.fullmatch(body["value"]):
        found.append("value: not a plausible value for one parcel")
    for place, item in enumerate(body["line_items"]):
        path = f"line_items[{place}]."
        found += _too_long(item, path)
        if not _AMOUNT.fullmatch(item["value_amount"]):
            found.append(f"{path}value_amount: not a plausible value for one unit")
        if "currency_code" not in item:
            found.append(f"{path}currency_code: Chit Chats takes cad and usd only")
    return found


def _too_long(part: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in part.items():
        if isinstance(value, str) and len(value) > WIDEST:
            yield f"{path}{name}: longer than {WIDEST} characters"
