"""What is wrong with one store, one account or one setting stays with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from plugin.core.errors import ConfigError
from plugin.core.rates import RateLimit
from plugin.core.vault import Vault
from plugin.delivery.lane_limits import limits_of_lane
from plugin.settings import Settings
from plugin.storage import queries
from plugin.storage.stores import ConnectionState
from plugin.storage.tables import connections
from tests.support.shop import Shop, connect, sent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_credentials_that_cannot_be_read_stop_only_their_own_connection(shop: Shop, drain: Callable[[], None]) -> None:
    """Sealed with a key nobody has: chrts waits for a person, the parcel goes out."""
    sealed = Vault(["another key"]).seal({"api_key": "k"})
    with shop.services.database.write() as db:
        db.execute(update(connections).where(connections.c.id == shop.chrts.id).values(sealed=sealed))
    shop.post("orders/create", sent("orders_create"))
    drain()
    assert len(shop.booked()) == 1
    held = queries.list_deliveries(shop.services.database, state="held")
    assert held
    assert all("SECRET_KEY" in item["reason"] for item in held)
    shop.reconnect("chrts")
    drain()
    assert len(shop.tracked("Order Completed")) == 1


def test_a_refusal_of_old_credentials_does_not_pause_the_new_ones(shop: Shop) -> None:
    """A call that left before the token was mended comes back refused afterwards."""
    mended = shop.reconnect("chitchats", token="the new one")
    shop.services.stores.pause(shop.chitchats.id, "401", seen=shop.chitchats.updated_at)
    states = {item.id: item.state for item in shop.services.stores.connections()}
    assert states[mended.id] is ConnectionState.ACTIVE


def test_stores_of_one_account_keep_each_other_s_limits(shop: Shop) -> None:
    """The vendor counts the calls of both: the narrower window is kept for both."""
    shop.reconnect("chitchats", rate="5/5m")
    other = shop.services.stores.add("shopify", "other.myshopify.com", {"secret": "s"}, None)
    settings = {"client_id": "1", "token": "t", "rate": "1000/1s"}
    connect(shop.services, other, "chitchats", shop.sandbox.base_url, **settings)
    of_account = [item for item in shop.services.stores.connections() if item.lane == shop.chitchats.lane]
    assert limits_of_lane(of_account) == (RateLimit(1000, 1), RateLimit(5, 300))


@pytest.mark.parametrize("folder", ["with a blank", "with#hash", "x" * 120])
def test_the_embedded_redis_listens_where_every_client_finds_it(tmp_path: Path, folder: str) -> None:
    """Paths that Redis' own lists or URLs can't hold are avoided, the same way for every process."""
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/{folder}/x.db", "SECRET_KEY": "k"}
    first, second = (Settings.from_env(environment).redis_socket for _ in range(2))
    assert first == second
    assert folder not in str(first)
    assert len(str(first)) < 104


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "localhost:6379"),
        ("PORT", "99999"),
        ("PORT", "x"),
        ("DATABASE_URL", "mysql://x"),
        ("LOG_LEVEL", "a"),
    ],
)
def test_a_variable_that_is_wrong_is_named(name: str, value: str) -> None:
    """In words, before anything starts."""
    with pytest.raises(ConfigError, match=name):
        Settings.from_env({"SECRET_KEY": "k", name: value})
