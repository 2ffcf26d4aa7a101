"""The tokens that calls carry: sealed, one for each lane, renewed by one process at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from plugin.core.vault import Vault
    from plugin.storage.database import Database
from plugin.storage.tables import tokens

# Longer than the longest call: whoever may still be logging in still has the claim.
CLAIM = timedelta(seconds=30)
# A token that ended this long ago belongs to a lane that nobody uses any more.
_FORGOTTEN = timedelta(days=1)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One token; `refusals` is how many in a row, this one's forerunners, were refused before their time."""

    number: int
    value: str = field(repr=False)
    expires_at: datetime
    refusals: int = 0


class LoginTokens:
    """The tokens table. Every method may raise `Unavailable`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def look(self, lane: str) -> Kept | None:
        """Return the token that a lane has, still good or not; None where there is none that can be read."""
        with self._database.read() as db:
            row = db.execute(select(tokens).where(tokens.c.lane == lane)).first()
        if row is None or not row.sealed:
            return None
        try:
            value = self._vault.open(row.sealed)["token"]
        except ConfigError:
            # Sealed with a key that is gone: as good as none.
            self.void(lane, row.number)
            return None
        return Kept(number=row.number, value=value, expires_at=row.expires_at, refusals=row.refusals)

    def claim(self, lane: str, early: timedelta) -> bool:
        """Return whether this caller is to log in; no other is until it is done or `CLAIM` has passed."""
        first = {"lane": lane, "number": 0, "sealed": "", "refusals": 0}
        insert = self._database.insert(tokens).values(**first, expires_at=_NEVER, renewing_until=_NEVER)
        with self._database.write() as db:
            now = self._database.now(db)
            db.execute(insert.on_conflict_do_nothing(index_elements=["lane"]))
            due = (tokens.c.lane == lane, tokens.c.expires_at <= now + early, tokens.c.renewing_until <= now)
            return db.execute(update(tokens).where(*due).values(renewing_until=now + CLAIM)).rowcount > 0

    def keep(self, lane: str, value: str, expires_at: datetime) -> None:
        """Put a new token in the place of the former one, and end the claim."""
        fresh = {"sealed": self._vault.seal({"token": value}), "expires_at": expires_at, "renewing_until": _NEVER}
        with self._database.write() as db:
            db.execute(update(tokens).where(tokens.c.lane == lane).values(number=tokens.c.number + 1, **fresh))
            db.execute(delete(tokens).where(tokens.c.expires_at < self._database.now(db) - _FORGOTTEN))

    def release(self, lane: str) -> None:
        """End a claim that led to nothing."""
        with self._database.write() as db:
            db.execute(update(tokens).where(tokens.c.lane == lane).values(renewing_until=_NEVER))

    def refuse(self, lane: str, number: int) -> bool:
        """Note that the vendor refuses a token before its time; return whether another one is worth fetching.

        It is, unless the one before was refused as well: then it is not the token that is wrong.
        """
        with self._database.write() as db:
            this = (tokens.c.lane == lane, tokens.c.number == number)
            spent = {"expires_at": _NEVER, "refusals": tokens.c.refusals + 1}
            db.execute(update(tokens).where(*this).values(spent))
            row = db.execute(select(tokens.c.number, tokens.c.refusals).where(tokens.c.lane == lane)).first()
        return row is None or row.number != number or row.refusals <= 1

    def prove(self, lane: str, number: int) -> None:
        """Note that the vendor takes a token that followed a refused one."""
        with self._database.write() as db:
            db.execute(update(tokens).where(tokens.c.lane == lane, tokens.c.number == number).values(refusals=0))

    def void(self, lane: str, number: int) -> None:
        """Have a token renewed by whoever needs one next."""
        with self._database.write() as db:
            this = (tokens.c.lane == lane, tokens.c.number == number)
            db.execute(update(tokens).where(*this).values(expires_at=_NEVER, sealed=""))
