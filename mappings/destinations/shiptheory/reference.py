"""Our key at Shiptheory: up to 25 characters, readable, unique for ever in the account.

See docs/vendors/shiptheory.md §3 and §5.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Final

from mappings.schemas.schema import BodyIncomplete

if TYPE_CHECKING:
    from mappings.canonical.orders import Order

LONGEST: Final = 25
# What stays free for `-2` to `-99`.
_ROOM: Final = LONGEST - len("-99")
_HASH_CHARS: Final = 8
# It is part of an address, and whether its case counts is unknown, so nothing depends on it.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._]+")


def base(order: Order, prefix: str = "") -> str:
    """Return the reference of an order's first booking: its number as people know it, such as `1001`.

    A number too long for the vendor is cut and told apart by a hash of the order's id, never by cutting alone.
    """
    text = _UNSAFE.sub("-", prefix + order.number.lstrip("#")).strip("-") or _UNSAFE.sub("-", order.ref).strip("-")
    if text and len(text) <= _ROOM and not text.startswith("."):
        return text
    digest = base64.b32encode(hashlib.sha256(f"{text} {order.ref}".encode()).digest()).decode()
    return f"{text.strip('.')[: _ROOM - _HASH_CHARS - 1]}-{digest[:_HASH_CHARS]}".lstrip("-")


def following(first: str, last: str | None) -> str:
    """Return the reference of the booking after `last`, always the same: `1001` after none, then `1001-2`.

    Raises:
        BodyIncomplete: it would be too long.
    """
    match = re.fullmatch(rf"{re.escape(first)}(?:-(\d+))?", last or "")
    if match is None:
        return first
    found = f"{first}-{int(match[1] or 1) + 1}"
    if len(found) > LONGEST:
        raise BodyIncomplete(f"reference: {found} is longer than {LONGEST} characters; this order was booked too often")
    return found
