"""Signed sample webhooks of invented people, sent to the running server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import requests

from plugin import sandbox, storefronts
from plugin.core.errors import ConfigError
from plugin.storage.stores import require_store

if TYPE_CHECKING:
    from plugin.services import Services

_SECONDS = 10


def webhook_address(opened: Services, platform: str, store_id: str) -> str:
    """Return where the webhooks of a store go."""
    return f"{opened.settings.base_url}/webhooks/{platform}/{store_id}"


def send(opened: Services, platform: str, topic: str, store_id: str, count: int) -> list[int]:
    """Send `count` samples of a topic, each of its own, as the store would; return the statuses of the answers.

    Raises:
        ConfigError: no such platform, store or sample, no secret to sign with, or nothing listens at our address.
    """
    storefront = storefronts.get(platform)
    store = require_store(opened.stores, store_id)
    secrets = [*filter(None, [store.secrets.get("secret")]), *storefront.app_secrets(opened.settings.environment)]
    if not secrets:
        raise ConfigError(f"store {store_id} has no secret to sign with")
    address = webhook_address(opened, platform, store_id)
    # Numbers that no earlier call used, so that every sample is an order of its own.
    first = int(time.time() * 10) % 10**9 * 1000
    statuses = []
    with requests.Session() as session:
        for number in range(first, first + count):
            try:
                sample = sandbox.sample(platform, topic, number, secrets[0], store.address)
                answer = session.post(address, data=sample.body, headers=dict(sample.headers), timeout=_SECONDS)
            except ValueError as error:
                raise ConfigError(str(error)) from None
            except requests.RequestException:
                raise ConfigError(
                    f"nothing answers at {address}: is `crossdock up` running, and BASE_URL right?"
                ) from None
            statuses.append(answer.status_code)
    return statuses
