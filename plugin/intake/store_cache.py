"""The cache of stores in a web process, for two seconds each, so that a webhook costs no look-up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugin.storage.stores import Store, Stores

_SECONDS = 2.0
_MOST = 10_000


class StoreCache:
    """Stores by address and id; `fresh` asks the database even when one is cached. Safe to use from any thread."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._stored: dict[tuple[str, str], tuple[float, Store]] = {}

    def by_address(self, platform: str, address: str, *, fresh: bool = False) -> Store | None:
        """Return the store with this address, whatever its state; None if there is none."""
        cached = None if fresh else self._cached((platform, address))
        return cached or self._keep((platform, address), self._stores.by_address(platform, address))

    def by_id(self, store_id: str, *, fresh: bool = False) -> Store | None:
        """Return the store with this id, whatever its state; None if there is none."""
        cached = None if fresh else self._cached(("", store_id))
        return cached or self._keep(("", store_id), self._stores.by_id(store_id))

    def _cached(self, name: tuple[str, str]) -> Store | None:
        until, store = self._stored.get(name, (0.0, None))
        return store if time.monotonic() < until else None

    def _keep(self, name: tuple[str, str], store: Store | None) -> Store | None:
        """Keep a store and return it; None is not kept, since a store that was just added must be found at once."""
        if store is not None:
            if len(self._stored) >= _MOST:
                self._stored.clear()
            self._stored[name] = (time.monotonic() + _SECONDS, store)
        return store
