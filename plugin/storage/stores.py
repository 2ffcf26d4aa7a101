"""Stores and connections: who sends, and where it goes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select, update

from plugin.core.delivery import UNFINISHED, State
from plugin.core.errors import ConfigError
from plugin.core.step import StoreFacts
from plugin.storage.tables import connections, deliveries, stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection as Sql
    from sqlalchemy import Row

    from plugin.core.vault import Vault
    from plugin.storage.database import Database


class StoreState(StrEnum):
    """`uninstalled` was said by the platform, `removed` by the operator; both keep the id for late privacy requests."""

    ACTIVE = "active"
    UNINSTALLED = "uninstalled"
    REMOVED = "removed"


class ConnectionState(StrEnum):
    """`paused` waits for credentials to be mended; what it is owed waits too."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One installed shop. `secrets` holds `secret`, `previous` and `token`, as far as they are known."""

    id: str
    platform: str
    address: str
    state: StoreState
    api_url: str | None
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def facts(self) -> StoreFacts:
        """What a mapping may know of it."""
        return StoreFacts(id=self.id, platform=self.platform, address=self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A store's account at a destination; `values` are its settings and credentials together.

    `name` distinguishes several to one destination. `rules` are as `rules.rule_file` keeps them; none: every order.
    """

    id: str
    store_id: str
    destination: str
    name: str
    account: str
    lane: str
    base_url: str
    state: ConnectionState
    reason: str | None
    created_at: datetime
    updated_at: datetime
    values: Mapping[str, str] = field(repr=False)
    rules: str | None = None
    unreadable: bool = False


class Stores:
    """Reads and writes both; secrets are opened here and nowhere else."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def add(self, platform: str, address: str, given: Mapping[str, str], api_url: str | None) -> Store:
        """Add a store, or take it up again: the secret it had before stays valid beside the new one."""
        known = self.by_address(platform, address)
        kept = dict(known.secrets) if known else {}
        if kept.get("secret") and given.get("secret") not in (None, kept["secret"]):
            kept["previous"] = kept["secret"]
        sealed = self._vault.seal(kept | {name: value for name, value in given.items() if value})
        now = datetime.now(UTC)
        row = {"state": StoreState.ACTIVE, "sealed": sealed, "updated_at": now}
        insert = self._database.insert(stores).values(
            id=secrets.token_hex(6), platform=platform, address=address, api_url=api_url, created_at=now, **row
        )
        again = row | ({"api_url": api_url} if api_url else {})
        with self._database.write() as db:
            added = db.execute(
                insert.on_conflict_do_update(index_elements=["platform", "address"], set_=again).returning(stores)
            ).one()
        return self._store(added)

    def by_address(self, platform: str, address: str) -> Store | None:
        """Return the store with this address, whatever its state; None if there is none."""
        return self._one(stores.c.platform == platform, stores.c.address == address)

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id, whatever its state; None if there is none."""
        return self._one(stores.c.id == store_id)

    def all(self) -> list[Store]:
        """Return every store, oldest first."""
        with self._database.read() as db:
            return [self._store(row) for row in db.execute(select(stores).order_by(stores.c.created_at))]

    def remove(self, store: Store) -> None:
        """Forget a store's API token and connections. The webhook secret stays: privacy requests come days later."""
        kept = {name: text for name, text in store.secrets.items() if name in ("secret", "previous")}
        now = datetime.now(UTC)
        gone = {"state": StoreState.REMOVED, "sealed": self._vault.seal(kept), "updated_at": now}
        cut = {"state": ConnectionState.REMOVED, "sealed": "", "updated_at": now}
        with self._database.write() as db:
            db.execute(update(stores).where(stores.c.id == store.id).values(gone))
            db.execute(update(connections).where(connections.c.store_id == store.id).values(cut))

    def connect(
        self,
        store: Store,
        *,
        destination: str,
        account: str,
        lane: str,
        base_url: str,
        plain: Mapping[str, str],
        secret: Mapping[str, str],
        name: str | None = None,
        rules: str | None = None,
    ) -> Connection:
        """Add a connection, or give the one of this name at this destination other settings; it becomes active.

        Without a name it has the destination's. Its rules stay when none are given; empty ones remove them. What was
        held is tried again with the new settings.
        """
        now = datetime.now(UTC)
        row = {
            "account": account,
            "lane": lane,
            "base_url": base_url,
            "settings": dict(plain),
            "sealed": self._vault.seal(secret),
            "state": ConnectionState.ACTIVE,
            "reason": None,
            "updated_at": now,
            **({} if rules is None else {"rules": rules or None}),
        }
        new = {"id": secrets.token_hex(6), "store_id": store.id, "destination": destination, "created_at": now}
        insert = self._database.insert(connections).values(**new, name=name or destination, **row)
        upsert = insert.on_conflict_do_update(index_elements=["store_id", "destination", "name"], set_=row)
        with self._database.write() as db:
            made = self._connection(db.execute(upsert.returning(connections)).one())
            _move_owed(db, made)
            return made

    def connections(self, store_id: str | None = None) -> list[Connection]:
        """Return every connection that was not removed, oldest first."""
        query = select(connections).where(connections.c.state != ConnectionState.REMOVED)
        if store_id is not None:
            query = query.where(connections.c.store_id == store_id)
        with self._database.read() as db:
            return [self._connection(row) for row in db.execute(query.order_by(connections.c.created_at))]

    def pause(self, connection_id: str, reason: str, seen: datetime | None = None) -> None:
        """Stop sending until credentials are given anew; not if they were since the version `seen` was refused."""
        values = {"state": ConnectionState.PAUSED, "reason": reason}
        query = update(connections).where(connections.c.id == connection_id)
        with self._database.write() as db:
            db.execute((query if seen is None else query.where(connections.c.updated_at == seen)).values(values))

    def _one(self, *where: Any) -> Store | None:  # noqa: ANN401  (SQL conditions)
        with self._database.read() as db:
            row = db.execute(select(stores).where(*where)).first()
        return self._store(row) if row else None

    def _store(self, row: Row[Any]) -> Store:
        return Store(
            id=row.id,
            platform=row.platform,
            address=row.address,
            state=StoreState(row.state),
            api_url=row.api_url,
            secrets=self._vault.open(row.sealed),
        )

    def _opened(self, row: Row[Any]) -> tuple[dict[str, str] | None, ConnectionState, str | None]:
        """Return a stored connection; one that was sealed with a key nobody has counts as paused: the others go on."""
        try:
            return self._vault.open(row.sealed), ConnectionState(row.state), row.reason
        except ConfigError as error:
            return None, ConnectionState.PAUSED, str(error)

    def _connection(self, row: Row[Any]) -> Connection:
        secret, state, reason = self._opened(row)
        return Connection(
            id=row.id,
            store_id=row.store_id,
            destination=row.destination,
            name=row.name,
            account=row.account,
            lane=row.lane,
            base_url=row.base_url,
            state=state,
            reason=reason,
            created_at=row.created_at,
            updated_at=row.updated_at,
            values={**row.settings, **(secret or {})},
            rules=row.rules,
            unreadable=secret is None,
        )


def _move_owed(db: Sql, made: Connection) -> None:
    """Move what a connection is owed to its new lane, and make due again what was held."""
    owed = update(deliveries).where(deliveries.c.connection_id == made.id)
    db.execute(owed.where(deliveries.c.state.in_(UNFINISHED)).values(lane=made.lane, message=None))
    held = owed.where(deliveries.c.state == State.HELD, deliveries.c.action != "map")
    now = datetime.now(UTC)
    # What was tried before may have arrived.
    doubt = or_(deliveries.c.doubtful, deliveries.c.attempts > 0)
    again = {"state": State.WAITING, "attempts": 0, "doubtful": doubt, "due_at": now, "updated_at": now}
    db.execute(held.values(lane=made.lane, **again))


def require_store(stores: Stores, store_id: str) -> Store:
    """Return the store that an operator named; raise `ConfigError` when there is none."""
    store = stores.by_id(store_id)
    if store is None or store.state is StoreState.REMOVED:
        raise ConfigError(f"no store {store_id!r}: `crossdock store list` shows the ids")
    return store
