"""What a message of Segment's wire format must look like (docs/vendors/segment.md §4, §8 and §10).

Segment itself answers 200 and drops some of what is wrong; strictness about the rest is ours, since a wrong type would
only be found out in a report months later.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin.sandbox.kit.checks import Check, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugin.sandbox.kit.call import JsonObject

MOST_PROPERTIES = 10_000
MOST_ID_CHARS = 99  # "under 100 characters" (§3)
_IDS = words("userId anonymousId")
_COMMON = words("type messageId userId anonymousId timestamp context integrations sentAt writeKey")
_OWN = {
    "identify": words("traits"),
    "track": words("event properties"),
    "alias": words("previousId"),
    "page": words("name category properties"),
    "screen": words("name category properties"),
    "group": words("groupId traits"),
}
TYPES = tuple(_OWN)


def bytes_of(item: object) -> int:
    """Measure a message as compact UTF-8."""
    return len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())


def has_id(item: JsonObject) -> bool:
    """Tell whether a message says whose it is."""
    return any(item.get(name) for name in _IDS)


def complaint(item: object, *, strict: bool, longest_event: int | None) -> str:
    """Return why a message is dropped, or ""; without `strict` only for what the page says is dropped."""
    if not isinstance(item, dict):
        return "a message must be an object"
    return _documented(item, longest_event) or (_ours(item) if strict else "")


def _documented(item: JsonObject, longest_event: int | None) -> str:
    kind, event = item.get("type"), item.get("event")
    if kind not in _OWN:
        return "type is missing or unknown"
    if not has_id(item):
        return "userId or anonymousId is required"
    if kind == "track" and not event:
        return "event is required"
    if longest_event is not None and isinstance(event, str) and len(event) > longest_event:
        return f"event is longer than {longest_event} characters"
    if len(str(item.get("messageId") or "")) > MOST_ID_CHARS:
        return "messageId must be under 100 characters"
    return "previousId is required" if kind == "alias" and not item.get("previousId") else ""


def _ours(item: JsonObject) -> str:
    unknown = sorted(set(item) - {*_COMMON, *_OWN[str(item["type"])]})
    if unknown:
        return f"{unknown[0]} is not a field of {item['type']}"
    for name, check in _MESSAGE.items():
        if item.get(name) is not None and (wrong := check(item[name])):
            return f"{name} {wrong}"
    return ""


def _string(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "must be a string that says something"


def _number(value: object) -> str | None:
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return None if fine else "must be a number"


def _whole(value: object) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _currency(value: object) -> str | None:
    return None if isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value) else "must be an ISO 4217 code"


def moment(value: object) -> str | None:
    """Accept ISO 8601 with a zone (§6)."""
    try:
        zoned = datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return "must be an ISO 8601 time"
    return None if zoned else "must have a time zone"


def _all_of(check: Check) -> Check:
    def every(value: object) -> str | None:
        if not isinstance(value, list):
            return "must be a list"
        return next((wrong for one in value if (wrong := check(one))), None)

    return every


def _shape(known: Mapping[str, Check], *, closed: bool = False) -> Check:
    """Accept an object whose `known` keys fit; `closed`: it has no others."""

    def shaped(value: object) -> str | None:
        if not isinstance(value, dict):
            return "must be an object"
        if closed and (unknown := sorted(set(value) - set(known))):
            return f"has an unknown {unknown[0]}"
        found = ((name, known[name](value[name])) for name in known if name in value)
        return next((f"{name} {wrong}" for name, wrong in found if wrong), None)

    return shaped


def _each(names: str, check: Check) -> dict[str, Check]:
    return dict.fromkeys(words(names), check)


def _switches(value: object) -> str | None:
    fine = isinstance(value, dict) and all(isinstance(one, (bool, dict)) for one in value.values())
    return None if fine else "must switch each name by true, false or options"


_PRODUCT = _shape(
    _each("product_id variant_id line_item_id sku category name brand variant coupon url image_url", _string)
    | _each("price discount tax", _number)
    | _each("quantity position", _whole)
)
_PROPERTIES: dict[str, Check] = {
    **_each("order_id checkout_id cart_id refund_id order_number affiliation coupon email coupon_id", _string),
    **_each("product_id variant_id sku name brand variant shipping_method payment_method", _string),
    **_each("subtotal total revenue value shipping tax discount tip duties fees refund_amount price", _number),
    **_each("quantity position step", _whole),
    **_each("currency presentment_currency", _currency),
    "products": _all_of(_PRODUCT),
}
_ADDRESS = _shape(_each("street city state postalCode country", _string), closed=True)
_TRAITS: dict[str, Check] = {
    **_each("email firstName lastName name phone avatar gender title username website description id", _string),
    **_each("createdAt birthday", moment),
    "address": _ADDRESS,
}
_CAMPAIGN = _shape(_each("name source medium term content", _string), closed=True)
_PAGE = _shape(_each("path referrer search title url", _string), closed=True)
_OBJECT = _shape({})
_EXTERNAL_ID = _shape(_each("id type collection encoding", _string), closed=True)
_CONTEXT: dict[str, Check] = {
    **_each("ip locale timezone groupId userAgent channel", _string),
    **_each("active direct", _flag),
    **_each("app device network os referrer screen userAgentData traits", _OBJECT),
    "library": _shape(_each("name version", _string), closed=True),
    "campaign": _CAMPAIGN,
    "page": _PAGE,
    "externalIds": _all_of(_EXTERNAL_ID),
}
_MESSAGE: Mapping[str, Callable[[object], str | None]] = {
    **_each("messageId userId anonymousId previousId event name category groupId writeKey", _string),
    **_each("timestamp sentAt", moment),
    "context": _shape(_CONTEXT, closed=True),
    "integrations": _switches,
    "properties": _shape(_PROPERTIES),
    "traits": _shape(_TRAITS),
}


def corrected(received: datetime, sent_at: object, stamped: object) -> datetime:
    """Return `receivedAt - (sentAt - originalTimestamp)` (§6); now for a message without a time."""
    try:
        return received - (datetime.fromisoformat(str(sent_at)) - datetime.fromisoformat(str(stamped)))
    except (ValueError, TypeError):
        return received


def text(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
