"""Where a run keeps things: a temporary folder with a Redis, and a new SQLite file or PostgreSQL database."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from plugin.runtime.embedded_redis import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._figures import Figures, Plan

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One database and one Redis, for all processes of one side."""

    folder: Path
    database_url: str
    redis_url: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which any process finds them."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": "a key for benchmarks",
            "LOG_LEVEL": "WARNING",
        }


def databases(plan: Plan, figures: Figures) -> list[str]:
    """Return the kinds of databases to measure with; what is left out is noted."""
    if plan.small:
        figures.note("a quick run leaves PostgreSQL out")
        return [SQLITE]
    try:
        _admin().close()
    except psycopg.OperationalError:
        figures.note("no PostgreSQL answers here (set PGHOST and PGUSER, or TEST_POSTGRES), so it is left out")
        return [SQLITE]
    return [SQLITE, POSTGRESQL]


@contextlib.contextmanager
def place(kind: str) -> Iterator[Place]:
    """Yield an empty place, gone when the context ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(EmbeddedRedis(folder / "redis.sock", folder / "redis"))
        url = f"sqlite:///{folder}/bench.db" if kind == SQLITE else stack.enter_context(_own_database())
        yield Place(folder=folder, database_url=url, redis_url=f"unix://{folder}/redis.sock")


@contextlib.contextmanager
def copied(original: Place) -> Iterator[Place]:
    """Yield the same database once more, with an empty Redis; nobody may be using the original meanwhile."""
    with place(SQLITE) as made, contextlib.ExitStack() as stack:
        if original.database_url.startswith("sqlite"):
            shutil.copy(original.folder / "bench.db", made.folder / "bench.db")
            yield made
        else:
            template = make_url(original.database_url).database or ""
            yield replace(made, database_url=stack.enter_context(_own_database(template)))


@contextlib.contextmanager
def _own_database(template: str = "template1") -> Iterator[str]:
    name = f"crossdock_bench_{secrets.token_hex(4)}"
    with _admin() as admin:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        admin.execute(made)
        info = admin.info
        try:
            yield f"postgresql+psycopg://{info.user}:{info.password}@/{name}?host={info.host}&port={info.port}"
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _admin() -> psycopg.Connection:
    return psycopg.connect(os.environ.get("TEST_POSTGRES", ""), dbname="postgres", autocommit=True, connect_timeout=3)
