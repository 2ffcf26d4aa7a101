"""Signed sample webhooks of invented people, sent to the running server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plugin import sandbox, storefronts
from plugin.core.errors import ConfigError
from plugin.core.response import Failure
from plugin.core.step import Request
from plugin.operations.stores import webhook_path, webhook_url
from plugin.storage.stores import require_store
from plugin.transport import single_call

if TYPE_CHECKING:
    from plugin.services import Services


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
    # Numbers that no earlier call used, so that every sample is an order of its own.
    first = int(time.time() * 10) % 10**9 * 1000
    path, statuses = webhook_path(platform, store_id), []
    for number in range(first, first + count):
        try:
            sample = sandbox.sample(platform, topic, number, secrets[0], store.address)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        request = Request(method="POST", path=path, headers=dict(sample.headers), body=sample.body)
        result = single_call.ask(request, opened.settings.base_url)
        if isinstance(result, Failure):
            address = webhook_url(opened, platform, store_id)
            raise ConfigError(f"nothing answers at {address}: is `crossdock up` running, and BASE_URL right?")
        statuses.append(result.status)
    return statuses
