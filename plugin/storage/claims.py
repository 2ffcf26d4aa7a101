"""Which process has which orders and people at hand, so that several can route, and each order's events in order.

With SQLite there is one writer at a time, and so nothing to share.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from plugin.storage.handwritten_sql import CLAIM, CLAIM_SHARED, END_TURN_TO_TAKE, TRY_TURN_TO_TAKE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection as Sql

    from plugin.storage.database import Database

_Claimant = TypeVar("_Claimant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one event is about: names of people and orders of a store, or all that is the store's."""

    store_id: str
    names: frozenset[str]
    whole_store: bool

    @property
    def store(self) -> int:
        """Return the number of its store, shared by all who have something of it unless one needs it whole."""
        return _number(self.store_id)

    @property
    def keys(self) -> frozenset[int]:
        """Return the numbers of its names."""
        return frozenset(_number(f"{self.store_id} {name}") for name in self.names)


@contextmanager
def turn_to_take(database: Database, db: Sql) -> Iterator[bool]:
    """Yield whether no other process is just taking events; if so, none does before this context ends.

    Between taking an event and claiming what it is about, nobody may take a later one about the same.
    """
    if not database.is_postgresql:
        yield True
        return
    is_ours = bool(db.exec_driver_sql(TRY_TURN_TO_TAKE).scalar())
    try:
        yield is_ours
        if is_ours:
            db.exec_driver_sql(END_TURN_TO_TAKE)
    except BaseException:
        if is_ours:
            # In a transaction that failed nothing can be said any more; the lock ends with the session.
            db.invalidate()
        raise


def claim(database: Database, db: Sql, wanted: Sequence[tuple[_Claimant, Claim]]) -> list[_Claimant]:
    """Return those whose claims hold until the transaction ends, in their order.

    One that has to wait for another process holds back whatever follows it about the same.
    """
    if not database.is_postgresql or not wanted:
        return [claimant for claimant, _ in wanted]
    stores = _granted(db, CLAIM_SHARED, {one.store for _, one in wanted if not one.whole_store})
    whole = _granted(db, CLAIM, {one.store for _, one in wanted if one.whole_store})
    named = {key for _, one in wanted for key in one.keys}
    refused = named - _granted(db, CLAIM, named)
    refused |= {one.store for _, one in wanted if one.store not in (whole if one.whole_store else stores)}
    granted = []
    for claimant, one in wanted:
        if refused.isdisjoint({one.store, *one.keys}):
            granted.append(claimant)
        else:
            refused |= one.keys
    return granted


def _granted(db: Sql, statement: str, keys: Collection[int]) -> set[int]:
    return {row[0] for row in db.exec_driver_sql(statement, (list(keys),)) if row[1]} if keys else set()


def _number(name: str) -> int:
    """Return the number that a lock of PostgreSQL has instead of a name; two of one number wait for each other."""
    return int.from_bytes(hashlib.sha256(name.encode(errors="surrogatepass")).digest()[:8], "big", signed=True)
