"""The objects that one process works with, wired together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from plugin.broker import WakeUp, WakeUpThread
from plugin.core.vault import Vault
from plugin.intake.group_commit import GroupCommit
from plugin.intake.receive import Receiver
from plugin.intake.store_cache import StoreCache
from plugin.limiter.redis_limiter import RedisLimiter
from plugin.storage.database import Database
from plugin.storage.inbox import Inbox
from plugin.storage.ledger import LEASE, Ledger
from plugin.storage.login_tokens import LoginTokens
from plugin.storage.stores import Stores
from plugin.transport.login import Logins

if TYPE_CHECKING:
    from plugin.limiter.local_limiter import LocalLimiter
    from plugin.settings import Settings

# Redis is near, and nothing that it holds is worth making a storefront wait.
_REDIS_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The database and what is stored in it, Redis and what is kept there, and the logins of vendors."""

    settings: Settings
    database: Database
    stores: Stores
    store_cache: StoreCache
    inbox: Inbox
    group_commit: GroupCommit
    receiver: Receiver
    ledger: Ledger
    redis: Redis
    wake_up: WakeUp
    wake_up_thread: WakeUpThread
    limiter: RedisLimiter | LocalLimiter
    logins: Logins

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Build everything from the settings; nothing is connected before it is used."""
        database = Database(settings.database_url)
        vault = Vault(settings.secret_keys)
        stores, inbox = Stores(database, vault), Inbox(database)
        redis = connect_redis(settings.redis_address)
        wake_up = WakeUp(redis)
        store_cache, group_commit = StoreCache(stores), GroupCommit(inbox)
        return cls(
            settings=settings,
            database=database,
            stores=stores,
            store_cache=store_cache,
            inbox=inbox,
            group_commit=group_commit,
            receiver=Receiver(store_cache=store_cache, group_commit=group_commit, environment=settings.environment),
            ledger=Ledger(database),
            redis=redis,
            wake_up=wake_up,
            wake_up_thread=WakeUpThread(wake_up),
            limiter=RedisLimiter(redis, LEASE),
            logins=Logins(LoginTokens(database, vault)),
        )

    def close(self) -> None:
        """End the threads and close every connection."""
        self.group_commit.close()
        self.wake_up_thread.close()
        self.redis.close()
        self.database.close()


def connect_redis(address: str) -> Redis:
    """Return a client that gives up quickly; it raises `redis.RedisError` on use, not here."""
    return Redis.from_url(
        address,
        socket_connect_timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
