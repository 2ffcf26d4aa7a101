"""How often Python looks for garbage that reference counts can't find: rarely, as there is next to none here."""

from __future__ import annotations

import gc

_ALLOCATIONS = 50_000


def collect_rarely() -> None:
    """For processes that serve: what a webhook or a call needs is gone a moment later, and none of it goes in circles.

    Looking for circles among it took a tenth of their time.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS)
