"""Redis or the database is away for a while: what was answered 200 is delivered, the rest is refused with 503."""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event
from sqlalchemy.engine import make_url

from tests.chaos import FIRST, StoppableRedis, Storefront, order, refs, world
from tests.conftest import wait_until
from tests.support.chaos_verdict import troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Backend
    from tests.support.shop import Shop


def test_without_redis_every_webhook_is_taken(tmp_path: Path) -> None:
    """Stopped under load: each answered 200 at its first try, the worker goes on alone; once it is back, none twice."""
    redis = StoppableRedis(tmp_path)
    try:
        with world(tmp_path, redis.url) as made:
            storefront = Storefront(made.running.base_url, 60)
            storefront.start(3)
            wait_until(lambda: storefront.statuses.total() > 5)
            redis.stop()
            storefront.join(30)
            assert storefront.statuses == {200: 60}
            made.await_idle(60)
            assert troubles(made.services, made.sandbox, refs(60)) == ([], 0)
            redis.start()
            storefront = Storefront(made.running.base_url, 90)
            storefront.start(3)
            storefront.join(30)
            assert storefront.statuses == {200: 90}
            made.await_idle(60)
            assert troubles(made.services, made.sandbox, refs(90)) == ([], 0)
    finally:
        redis.stop()


@contextmanager
def _stopped(url: str) -> Iterator[None]:
    """Have the database refuse connections and cut the open ones; lock it where it is a file."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
        return
    name = make_url(url).database or ""
    own = psycopg.conninfo.make_conninfo(url.replace("+psycopg", ""), dbname="postgres")
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(own, autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@pytest.fixture(params=["embedded", "server"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Either kind of database; a file that is locked is given up at once."""
    monkeypatch.setattr("plugin.storage.database._BUSY_MILLISECONDS", 50)
    found: Backend = request.getfixturevalue(request.param)
    return found


def test_without_the_database_webhooks_are_refused(shop: Shop, drain: Callable[[], None]) -> None:
    """503 while it is away, so that the sender keeps them; nothing that was answered 200 is missing afterwards."""
    assert [shop.post("orders/create", order(number)).status_code for number in range(5)] == [200] * 5
    with _stopped(shop.services.settings.database_url):
        assert [shop.post("orders/create", order(number)).status_code for number in range(3, 10)] == [503] * 7
    assert [shop.post("orders/create", order(number)).status_code for number in range(5, 10)] == [200] * 5
    drain()
    assert Counter(one["order_id"] for one in shop.booked()) == {str(FIRST + number): 1 for number in range(10)}


@pytest.mark.parametrize("backend", ["embedded"], indirect=True)
def test_on_a_full_disk_webhooks_are_refused(shop: Shop, drain: Callable[[], None]) -> None:
    """503 from the statement that finds no room; once there is room again the same webhook is taken."""
    engine = shop.app.extensions["crossdock"].database.engine
    room: list[int] = []
    event.listen(engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={room[-1]}") if room else None)
    with engine.connect() as connection:
        room.append(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    # Nothing that deflates.
    large = order(0) | {"note": secrets.token_hex(200_000)}
    assert shop.post("orders/create", large).status_code == 503
    room.append(1_000_000)
    assert shop.post("orders/create", large).status_code == 200
    drain()
    assert [one["order_id"] for one in shop.booked()] == [str(FIRST)]
