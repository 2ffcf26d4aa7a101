"""Real parts: SQLite with the embedded Redis always; PostgreSQL with a separate Redis where a server answers."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from redis import Redis, RedisError
from sqlalchemy import delete, false, func, select

from plugin.app import create_app
from plugin.delivery.round import Worker
from plugin.runtime.embedded_redis import EmbeddedRedis, server_program
from plugin.sandbox import Sandbox
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import queries
from plugin.storage.database import Database
from plugin.storage.migrate import migrate
from plugin.storage.tables import metadata
from tests.support.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask


_SLOWEST = 10


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the files whose tests took longest together: where there is something to gain."""
    spent: defaultdict[str, float] = defaultdict(float)
    for report in itertools.chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            spent[report.nodeid.partition("::")[0]] += report.duration
    terminalreporter.section(f"the {_SLOWEST} slowest files")
    for file, seconds in sorted(spent.items(), key=lambda item: -item[1])[:_SLOWEST]:
        terminalreporter.line(f"{seconds:7.1f} s  {file}")


@dataclass(frozen=True)
class Backend:
    """Where a test keeps things. `database_url` is None for a new SQLite file for each test."""

    name: str
    database_url: str | None
    redis_url: str


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Yield the defaults of `crossdock up`: SQLite, and the Redis from the wheel on a Unix socket."""
    folder = tmp_path_factory.mktemp("r")
    with EmbeddedRedis(folder / "s", folder):
        yield Backend("embedded", None, f"unix://{folder / 's'}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """PostgreSQL as libpq's own variables name it (a database of our own on it), and a Redis on a TCP port."""
    name = f"crossdock_test_{secrets.token_hex(4)}"
    try:
        admin = psycopg.connect(
            os.environ.get("TEST_POSTGRES", ""), dbname="postgres", autocommit=True, connect_timeout=3
        )
    except psycopg.OperationalError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no PostgreSQL answers here (set PGHOST and PGUSER, or TEST_POSTGRES)")
    with admin, _tcp_redis(tmp_path_factory.mktemp("redis")) as redis_url:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        info = admin.info
        url = f"postgresql://{info.user}:{info.password}@/{name}?host={info.host}&port={info.port}"
        with contextlib.closing(Database(url)) as database:
            migrate(database)
        yield Backend("server", url, redis_url)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def _tcp_redis(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    arguments = [server_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        wait_until(lambda: _answers(url))
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    with Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


@pytest.fixture(params=["embedded", "server"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both kinds of places to keep things; every test that uses it runs on each."""
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session", autouse=True)
def shared_engines() -> Iterator[None]:
    """Open the database at one address once in this process: each test would compile the same statements anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugin.services.Database", functools.cache(Database))
        yield


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the tests of this process have their SQLite file, each a new one."""
    return tmp_path_factory.mktemp("sqlite") / "crossdock.db"


@pytest.fixture
def environment(backend: Backend, sqlite_file: Path) -> dict[str, str]:
    """Return the variables with which any of our processes finds this test's database and Redis."""
    for left in sqlite_file.parent.iterdir():
        left.unlink()
    return {
        "DATABASE_URL": backend.database_url or f"sqlite:///{sqlite_file}",
        "REDIS_URL": backend.redis_url,
        "SECRET_KEY": "a key for tests",
        "LOG_LEVEL": "WARNING",
    }


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with our schema and nothing in it: copying it takes a hundredth of migrating another one."""
    path = tmp_path_factory.mktemp("empty") / "crossdock.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def services(environment: dict[str, str], empty_sqlite: Path, sqlite_file: Path) -> Iterator[Services]:
    """Services on an empty database and an empty Redis."""
    opened = Services.open(Settings.from_env(environment))
    if opened.database.is_postgresql:
        _empty(opened.database)
    else:
        shutil.copyfile(empty_sqlite, sqlite_file)
    opened.redis.flushdb()
    yield opened
    opened.close()


def _empty(database: Database) -> None:
    """Delete every row and count from 1 again, in a hundredth of the time of TRUNCATE, which makes new files."""
    with database.write() as db:
        for table in reversed(metadata.sorted_tables):
            db.execute(delete(table))
            if table.autoincrement_column is not None:
                db.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), 1, false())))


@pytest.fixture
def app(services: Services) -> Iterator[Flask]:
    """Yield the WSGI application on this test's database."""
    made = create_app(services.settings)
    yield made
    made.extensions["crossdock"].close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Every emulated vendor on a real loopback socket."""
    with Sandbox() as emulated:
        yield emulated


@pytest.fixture
def shop(services: Services, sandbox: Sandbox, app: Flask) -> Shop:
    """Return a Shopify shop whose orders go to the emulated Chit Chats and chrts."""
    return Shop.open(services, sandbox, app)


@pytest.fixture
def drain(services: Services) -> Iterator[Callable[[], None]]:
    """Work until nothing is left that the line can do, in this process."""
    worker = Worker(services)

    def work() -> None:
        ends = time.monotonic() + 60
        while not queries.is_idle(services.database):
            assert time.monotonic() < ends, queries.counts(services.database)
            worker.round(5)

    yield work
    worker.close()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait on a condition; fail when it does not come true."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
