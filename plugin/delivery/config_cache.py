"""The cache of stores, connections and lane policies of one round, which lives for two seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.core.errors import Unavailable
from plugin.delivery.lane_limits import limits_of_lane, most_in_flight

if TYPE_CHECKING:
    from plugin.core.rates import RateLimit
    from plugin.core.step import StoreFacts
    from plugin.core.vendor_profile import Batch, VendorProfile
    from plugin.services import Services
    from plugin.storage.stores import Connection, Store

# Settings that were changed this lately may still be used; what is owed never depends on this cache.
_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePolicy:
    """Limits, calls at once and batching of a lane: what all its connections ask for together."""

    limits: tuple[RateLimit, ...]
    most_in_flight: int | None
    batch: Batch | None
    learns: bool


class ConfigCache:
    """Stores, connections and lane policies from SQL, looked up again after two seconds. Not for two threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stores: dict[str, Store] = {}
        self._facts: dict[str, StoreFacts] = {}
        self._connections: dict[str, Connection] = {}
        self._former: dict[str, Connection] = {}
        self._profiles: dict[str, VendorProfile] = {}
        self._policies: dict[str, LanePolicy] = {}
        self._fresh_until = 0.0

    def store(self, store_id: str) -> Store:
        """Return the store of this id; raise `PayloadRejected` when it is gone."""
        self._expire()
        if store_id not in self._stores:
            store = self._services.stores.by_id(store_id)
            if store is None:
                raise PayloadRejected("the store is gone")
            self._stores[store_id] = store
        return self._stores[store_id]

    def facts(self, store_id: str) -> StoreFacts:
        """Return what a mapping may know of a store; raise `PayloadRejected` when it is gone."""
        self._expire()
        if store_id not in self._facts:
            self._facts[store_id] = self.store(store_id).facts
        return self._facts[store_id]

    def connection(self, connection_id: str) -> Connection:
        """Return the connection of this id; raise `PayloadRejected` if it is gone or can't be decrypted."""
        found = self._all().get(connection_id)
        if found is None:
            raise PayloadRejected("the connection is gone")
        if found.unreadable:
            raise PayloadRejected(found.reason or "its credentials can't be read")
        return found

    def profile(self, connection: Connection) -> VendorProfile:
        """Return how the vendor differs from most, for this connection."""
        if connection.id not in self._profiles:
            self._profiles[connection.id] = destinations.get(connection.destination).profile(connection.values)
        return self._profiles[connection.id]

    def policy(self, lane: str) -> LanePolicy:
        """Return the limits and the batching of a lane."""
        everything = self._all()
        if lane not in self._policies:
            sharing = [item for item in everything.values() if item.lane == lane]
            readable = [item for item in sharing if not item.unreadable]
            self._policies[lane] = LanePolicy(
                limits=limits_of_lane(sharing),
                most_in_flight=most_in_flight(sharing),
                batch=next((batch for item in readable if (batch := self.profile(item).batch)), None),
                learns=any(self.profile(item).quota for item in readable),
            )
        return self._policies[lane]

    def _all(self) -> dict[str, Connection]:
        self._expire()
        if not self._connections:
            try:
                self._connections = {item.id: item for item in self._services.stores.connections()}
            except Unavailable:
                if not self._former:
                    raise
                # Calls in flight are still to be recorded; who needs more than this finds out anyway.
                self._connections = self._former
            self._former = self._connections
        return self._connections

    def _expire(self) -> None:
        if time.monotonic() > self._fresh_until:
            self._stores.clear()
            self._facts.clear()
            self._connections = {}
            self._profiles.clear()
            self._policies.clear()
            self._fresh_until = time.monotonic() + _SECONDS
