"""Wiring: what a process of ours works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from plugin.broker import Bell, Ringer
from plugin.core.vault import Vault
from plugin.intake.group_commit import Intake
from plugin.intake.receive import Receiver
from plugin.intake.store_cache import Directory
from plugin.limiter.redis_limiter import Pace
from plugin.storage.database import Database
from plugin.storage.inbox import Inbox
from plugin.storage.ledger import LEASE, Ledger
from plugin.storage.login_tokens import TokenBox
from plugin.storage.stores import Shops
from plugin.transport.login import Tokens

if TYPE_CHECKING:
    from plugin.limiter.local_limiter import Alone
    from plugin.settings import Settings

# Redis is near, and nothing that it holds is worth making a storefront wait.
_REDIS_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The database with its views, and Redis."""

    settings: Settings
    database: Database
    shops: Shops
    directory: Directory
    inbox: Inbox
    intake: Intake
    receiver: Receiver
    ledger: Ledger
    redis: Redis
    bell: Bell
    ringer: Ringer
    pace: Pace | Alone
    tokens: Tokens

    @classmethod
    def open(cls, settings: Settings) -> Services:
        """Connects lazily: nothing is reached before it is used."""
        database = Database(settings.database_url)
        vault = Vault(settings.secret_keys)
        shops, inbox = Shops(database, vault), Inbox(database)
        redis = connect_redis(settings.redis_address)
        bell = Bell(redis)
        directory, intake = Directory(shops), Intake(inbox)
        return cls(
            settings=settings,
            database=database,
            shops=shops,
            directory=directory,
            inbox=inbox,
            intake=intake,
            receiver=Receiver(directory=directory, intake=intake, environment=settings.environment),
            ledger=Ledger(database),
            redis=redis,
            bell=bell,
            ringer=Ringer(bell),
            pace=Pace(redis, LEASE),
            tokens=Tokens(TokenBox(database, vault)),
        )

    def close(self) -> None:
        """Give every connection back."""
        self.intake.close()
        self.ringer.close()
        self.redis.close()
        self.database.close()


def connect_redis(address: str) -> Redis:
    """A client that gives up quickly; raises `redis.RedisError` on use, not here."""
    return Redis.from_url(
        address,
        socket_connect_timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
