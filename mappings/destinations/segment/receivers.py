"""What the receivers of Segment's wire format differ in (docs/vendors/segment.md §3, §7 and §11).

The messages themselves are the same everywhere, DUMPS is in `mappings/customer_data/message.py` and LOADS in
`mappings/customer_data/response.py`, since other destinations speak this format too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One kind of receiver, by the settings it has as defaults.

    Sizes are in bytes, an item stays below `item_bytes`, a body within `batch_bytes`. Where a vendor writes KB without
    saying which, a thousand are meant.
    """

    path: str = "batch"
    auth: str = "basic"
    batch_items: int = 2_500
    batch_bytes: int = 500_000
    item_bytes: int = 32_000
    reply: str = "status"

    def defaults(self) -> dict[str, str]:
        """Give the settings as text."""
        names = ("path", "auth", "batch_items", "batch_bytes", "item_bytes", "reply")
        return {name: str(getattr(self, name)) for name in names}


PRESETS: Final[dict[str, Receiver]] = {
    "segment": Receiver(),
    # Its batch may have 4 MB; how many items it may have is said nowhere.
    "rudderstack": Receiver(batch_bytes=4_000_000, reply="ok"),
    # Its Basic form is not described for keys that hold a colon, the header takes any.
    "jitsu": Receiver(auth="header", batch_bytes=1_000_000, item_bytes=1_000_000, reply="counted"),
    "customerio": Receiver(),
}
