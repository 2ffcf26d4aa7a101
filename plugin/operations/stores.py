"""Stores: the shops whose webhooks are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin import storefronts
from plugin.core import validators
from plugin.core.errors import ConfigError
from plugin.operations.connections import check
from plugin.storage.stores import StoreState, require_store

if TYPE_CHECKING:
    from plugin.services import Services
    from plugin.storage.stores import Store


def webhook_path(platform: str, store_id: str) -> str:
    """Return the path below our own address that a store's webhooks go to."""
    return f"/webhooks/{platform}/{store_id}"


def webhook_url(opened: Services, platform: str, store_id: str) -> str:
    """Return the address that a store's webhooks go to."""
    return f"{opened.settings.base_url}{webhook_path(platform, store_id)}"


def add_store(
    opened: Services,
    platform: str,
    address: str,
    *,
    secret: str | None = None,
    token: str | None = None,
    api_url: str | None = None,
) -> dict[str, Any]:
    """Add a store, or give a known one a new secret, beside which the former one stays valid.

    Returns its row, with the `headers` that the platform has to send besides.

    Raises:
        ConfigError: no such platform, no such address there, a wrong `api_url`, or no secret that verifies webhooks.
    """
    storefront = storefronts.get(platform)
    if api_url is not None:
        check("--api-url", validators.http_url, api_url)
    if not secret and not storefront.app_secrets(opened.settings.environment):
        raise ConfigError(f"no secret: give --secret, or set {platform.upper()}_API_SECRET")
    given = {"secret": secret or "", "token": token or ""}
    added = opened.stores.add(platform, storefront.normal_address(address), given, api_url)
    return _row(opened, added) | {"headers": {}}


def list_stores(opened: Services) -> list[dict[str, Any]]:
    """Return every store that was not removed, oldest first."""
    return [_row(opened, store) for store in opened.stores.all() if store.state is not StoreState.REMOVED]


def remove_store(opened: Services, store_id: str) -> None:
    """Forget a store's API token and connections; its webhook secret stays, for privacy requests that come late."""
    opened.stores.remove(require_store(opened.stores, store_id))


def _row(opened: Services, store: Store) -> dict[str, Any]:
    return {
        "id": store.id,
        "platform": store.platform,
        "address": store.address,
        "state": store.state,
        "webhook_url": webhook_url(opened, store.platform, store.id),
    }
