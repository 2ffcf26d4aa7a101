"""Stores as a web process remembers them for a moment, so that a webhook costs no look-up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin.storage.stores import Store, Stores

_SECONDS = 2.0
_MOST = 10_000


class StoreCache:
    """Finds stores; `fresh` asks the database even when an answer is at hand. Safe to use from any thread."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._known: dict[tuple[str, str], tuple[float, Store]] = {}

    def by_address(self, platform: str, address: str, *, fresh: bool = False) -> Store | None:
        """The store with this address, whatever its state."""
        known = None if fresh else self._recall((platform, address))
        return known or self._remember((platform, address), self._stores.by_address(platform, address))

    def by_id(self, store_id: str, *, fresh: bool = False) -> Store | None:
        """The store with this id, whatever its state."""
        known = None if fresh else self._recall(("", store_id))
        return known or self._remember(("", store_id), self._stores.by_id(store_id))

    def _recall(self, name: tuple[str, str]) -> Store | None:
        until, store = self._known.get(name, (0.0, None))
        return store if time.monotonic() < until else None

    def _remember(self, name: tuple[str, str], store: Store | None) -> Store | None:
        """Strangers are not remembered: one that was just added must be known at once."""
        if store is not None:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[name] = (time.monotonic() + _SECONDS, store)
        return store
