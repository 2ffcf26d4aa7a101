"""One engine for both databases: SQLite with durable commits, PostgreSQL through psycopg."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    InterfaceError,
    InternalError,
    OperationalError,
    PendingRollbackError,
    ProgrammingError,
)

from plugin.core.errors import Unavailable
from plugin.core.file_lock import lock, turn
from plugin.storage import handwritten_sql as sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

_BUSY_MILLISECONDS = 15_000
# PostgreSQL's SQLSTATEs; the driver's own classes would load it with SQLite too.
_UNDEFINED_TABLE, _READ_ONLY = "42P01", "25006"
Insert = sqlite.Insert | postgresql.Insert


class Database:
    """Transactions on the configured database."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_postgresql = self.engine.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a transaction that may write: all of it is committed at the end, or none.

        Raises:
            Unavailable: the database can't be reached.
        """
        with _named_trouble(), self._turn(), self.engine.connect() as connection:
            if not self.is_postgresql:
                connection = connection.execution_options(immediate=True)  # noqa: PLW2901  (the same connection)
            with connection.begin():
                yield connection

    def _turn(self) -> AbstractContextManager[None]:
        """Wait for the turn to write to SQLite, which lets one write at a time.

        By itself it would sleep for up to a tenth of a second before it tries again, while others come first.
        """
        file = None if self.is_postgresql else self.engine.url.database
        return turn(Path(f"{file}-turn"), _BUSY_MILLISECONDS / 1000) if file else nullcontext()

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """Yield a connection that commits each statement when it returns: one journey instead of three.

        Raises:
            Unavailable: the database can't be reached.
        """
        with _named_trouble(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection

    @contextmanager
    def reshape(self) -> Iterator[Connection]:
        """Yield a transaction that may rebuild tables which others refer to, as SQLite alters tables by replacing.

        The references are checked in the end instead of all along.
        """
        if self.is_postgresql:
            with self.write() as connection:
                yield connection
            return
        with _named_trouble(), self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            # Says nothing within a transaction, and SQLAlchemy would begin one.
            raw.execute(sql.FOREIGN_KEYS_OFF)
            try:
                immediate = connection.execution_options(immediate=True)
                with immediate.begin():
                    yield immediate
                    if immediate.exec_driver_sql(sql.FOREIGN_KEYS_CHECK).first():
                        raise RuntimeError("the schema's new version would leave references to nothing")
            finally:
                raw.execute(sql.FOREIGN_KEYS_ON)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a transaction that only reads, consistently; raise `Unavailable` when the database can't be reached."""
        with _named_trouble(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def held(self, name: str, folder: Path) -> Iterator[bool]:
        """Yield whether no other process holds `name`; if so, none gets it until the context or this process ends.

        With SQLite all processes are on one machine, and a file in `folder` is locked.
        """
        if not self.is_postgresql:
            with lock(folder / f"{name}.lock") or nullcontext() as file:
                yield file is not None
            return
        with self.statement() as connection:
            key = {"name": name}
            got = bool(connection.execute(text(sql.TRY_SESSION_LOCK), key).scalar())
            try:
                yield got
            finally:
                connection.execute(text(sql.END_SESSION_LOCKS))

    def now(self, db: Connection) -> datetime:
        """Return the time that all processes share: the server's, where there is one, since machines' clocks differ."""
        if not self.is_postgresql:
            return datetime.now(UTC)
        moment: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def insert(self, table: Table) -> Insert:
        """Return an INSERT that can say ON CONFLICT, in the words of the database at hand."""
        return postgresql.insert(table) if self.is_postgresql else sqlite.insert(table)

    def close(self) -> None:
        """Return every connection back."""
        self.engine.dispose()


@contextmanager
def _named_trouble() -> Iterator[None]:
    try:
        yield
    except (ProgrammingError, InternalError) as error:
        code = getattr(error.orig, "sqlstate", None)
        if code == _UNDEFINED_TABLE:
            raise Unavailable("the database's schema is missing: run `crossdock migrate`") from None
        if code == _READ_ONLY:
            raise Unavailable("the database is read-only: a standby, or set so") from None
        raise
    except (OperationalError, InterfaceError, PendingRollbackError, sqlite3.OperationalError) as error:
        # The driver's text may hold the statement and its values; only its kind is passed on.
        kind = type(getattr(error, "orig", error)).__name__
        raise Unavailable(f"the database can't be reached: {kind}") from None


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed, pool_pre_ping=True, pool_size=10, connect_args={"connect_timeout": 5}, hide_parameters=True
        )
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgresql(connection: Any, _: object) -> None:  # noqa: ANN401  (the driver's own type)
    """Turn compiling off: no statement of ours runs long enough, whatever PostgreSQL expects of a long backlog.

    With 200,000 deliveries waiting it took 170 ms to compile a lease of 512 of them that then took 8. Said to the
    session and not when it starts, which poolers refuse; behind one that gives each transaction another session,
    `ALTER DATABASE … SET jit = off` is surer.
    """
    connection.autocommit = True
    connection.execute(sql.NO_JIT)
    connection.autocommit = False


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401  (the driver's own type)
    # The driver would begin transactions by itself, too late for BEGIN IMMEDIATE.
    connection.isolation_level = None
    connection.execute(sql.BUSY_TIMEOUT.format(_BUSY_MILLISECONDS))
    for pragma in sql.SQLITE_SESSION:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once if somebody else wrote in between.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql(sql.BEGIN_IMMEDIATE if immediate else sql.BEGIN)
