"""The reception of webhooks: verify the signature over the raw bytes, then commit, then the sender gets its 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.canonical.orders import COMPLIANCE_TOPICS
from plugin import storefronts
from plugin.core import log
from plugin.core.errors import ConfigError, UnknownEndpoint, Unverified
from plugin.storage.inbox import Incoming
from plugin.storage.stores import StoreState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugin.intake.group_commit import GroupCommit
    from plugin.intake.store_cache import StoreCache
    from plugin.storage.stores import Store
    from plugin.storefronts.base import Storefront


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What stores webhooks; `environment` holds the apps' own secrets. Safe to use from any thread."""

    store_cache: StoreCache
    group_commit: GroupCommit
    environment: Mapping[str, str]

    def receive(
        self,
        platform: str,
        store_id: str | None,
        headers: Mapping[str, str],
        read_body: Callable[[], bytes],
    ) -> bool:
        """Store one webhook; return whether it was new. When this returns, the webhook survives any crash.

        Raises:
            Unverified: the signature is missing, malformed (both before the body is read) or of another secret.
            UnknownEndpoint: no such platform or store.
            TooLarge: from `read_body`.
            Unavailable: the database can't be reached, so the sender has to keep it.
        """
        storefront = _storefront(platform)
        signature = storefront.signature(headers)
        store = self._claimed_store(storefront, store_id, headers)
        secrets = self._secrets(storefront, store)
        if not secrets:
            raise UnknownEndpoint("unknown store")
        raw = read_body()
        if not storefront.verify(signature, raw, secrets):
            # The secret may have been changed since this process last looked.
            store = self._claimed_store(storefront, store_id, headers, fresh=True)
            if not storefront.verify(signature, raw, self._secrets(storefront, store)):
                raise Unverified("the signature was not made with this store's secret")
        envelope = storefront.envelope(headers, raw)
        if store is None or not _listens(storefront, store, envelope.platform_topic):
            raise UnknownEndpoint("unknown store")
        is_new = self.group_commit.put(Incoming(store_id=store.id, envelope=envelope, body=raw))
        log.step("stored" if is_new else "stored before", store=store.id, topic=envelope.platform_topic[:100])
        return is_new

    def _claimed_store(
        self,
        storefront: Storefront,
        store_id: str | None,
        headers: Mapping[str, str],
        *,
        fresh: bool = False,
    ) -> Store | None:
        """Return the store that the URL names, which must not contradict the headers; else the one the headers name."""
        claimed = storefront.address(headers)
        if store_id is None:
            return self.store_cache.by_address(storefront.name, claimed, fresh=fresh) if claimed else None
        # An address may hold anything, even what a database refuses to compare.
        store = self.store_cache.by_id(store_id, fresh=fresh) if store_id.isalnum() else None
        if store is None or store.platform != storefront.name or claimed not in (None, store.address):
            return None
        return store

    def _secrets(self, storefront: Storefront, store: Store | None) -> Sequence[str]:
        own = [store.secrets[name] for name in ("secret", "previous") if store.secrets.get(name)] if store else []
        # A store's own may be the app's, and each is tried on the whole body.
        return tuple(dict.fromkeys([*own, *storefront.app_secrets(self.environment)]))


def _storefront(platform: str) -> Storefront:
    try:
        return storefronts.get(platform)
    except ConfigError:
        raise UnknownEndpoint("unknown platform") from None


def _listens(storefront: Storefront, store: Store, platform_topic: str) -> bool:
    """Return whether a store takes a topic; a removed one still takes privacy requests, which come 48 hours later."""
    return store.state is not StoreState.REMOVED or storefront.topics.get(platform_topic) in COMPLIANCE_TOPICS
