"""The job that every queue beside ours runs: load the row, call, mark it done, commit."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import Engine, LargeBinary, create_engine, event, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADERS = {"Authorization": "Bearer key", "Content-Type": "application/json"}
_MOST_CONNECTIONS = 256


class Base(DeclarativeBase):
    """The table of the job."""


class Owed(Base):
    """One call to make; `done` is what makes it durable."""

    __tablename__ = "tutorial_owed"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    done: Mapped[bool]


def open_engine(url: str) -> Engine:
    """Return the database with the same promises as ours: WAL and a flush for each commit on SQLite."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=20, max_overflow=_MOST_CONNECTIONS)
    engine = create_engine(url, pool_size=20, max_overflow=_MOST_CONNECTIONS, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401  (the driver's own type)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


@functools.cache
def engine() -> Engine:
    """One a process, opened with its first job."""
    return open_engine(os.environ["DATABASE_URL"])


@functools.cache
def http() -> requests.Session:
    """One kept-alive session a process."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=_MOST_CONNECTIONS))
    return session


def deliver(row_id: int) -> None:
    """One delivery."""
    with Session(engine()) as session:
        row = session.get_one(Owed, row_id)
        http().post(row.url, data=row.body, headers=_HEADERS, timeout=15).raise_for_status()
        row.done = True
        session.commit()


def owe(owing: Engine, url: str, body: bytes, count: int) -> None:
    """Write down `count` calls."""
    Base.metadata.create_all(owing)
    with Session(owing) as session:
        session.execute(insert(Owed), [{"url": url, "body": body, "done": False} for _ in range(count)])
        session.commit()


def read_owed() -> Sequence[int]:
    """Return the ids of all that is owed."""
    with Session(engine()) as session:
        return session.scalars(select(Owed.id).where(Owed.done.is_(False)).order_by(Owed.id)).all()


def is_unfinished(owing: Engine) -> bool:
    """Whether anything is still owed."""
    with Session(owing) as session:
        return session.scalar(select(Owed.id).where(Owed.done.is_(False)).limit(1)) is not None
