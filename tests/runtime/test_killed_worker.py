"""A worker that dies: real processes, killed with -9 while orders are on their way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from plugin.storage import queries
from plugin.storage.tables import deliveries
from tests.conftest import wait_until
from tests.support.running_line import expire
from tests.support.shop import Shop, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORDERS = 80


@contextmanager
def _process(role: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "plugin", role], env={**os.environ, **environment}, start_new_session=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


def _orders(shop: Shop, count: int) -> list[str]:
    """Send this many orders of as many customers; return the ids of the orders."""
    template = sent("orders_create")
    for number in range(count):
        order = template | {"id": 7_000_000_000_000_000_001 + number, "name": f"#{number}"}
        order["customer"] = template["customer"] | {"id": 8_000_000_000_000_000_001 + number}
        assert shop.post("orders/create", order).status_code == 200
    return [str(7_000_000_000_000_000_001 + number) for number in range(count)]


def _kill_alone(_: Shop, worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker and leave its round alive, which records its calls; its leases must not be ended."""
    worker.kill()


def _kill_with_round(shop: Shop, worker: subprocess.Popen[bytes]) -> None:
    """Kill the worker and its round, a child in a process group of its own, and let their leases run out."""
    worker.send_signal(signal.SIGSTOP)
    subprocess.run(["pkill", "-KILL", "-P", str(worker.pid)], check=True)
    worker.kill()
    worker.wait()
    expire(shop.services)


def _completed(shop: Shop) -> Counter[str]:
    return Counter(event["properties"]["order_id"] for event in shop.tracked("Order Completed"))


def _deliver(shop: Shop, environment: dict[str, str], kill: Callable[[Shop, subprocess.Popen[bytes]], None]) -> None:
    """Run clock and worker until everything is delivered; `kill` two workers on the way."""
    with _process("clock", environment):
        for already in (ORDERS // 5, ORDERS // 2):
            with _process("worker", environment) as worker:
                wait_until(lambda enough=already: len(shop.booked()) >= enough)  # type: ignore[misc]
                kill(shop, worker)
        with _process("worker", environment):
            wait_until(lambda: queries.is_idle(shop.services.database), 120)


@pytest.mark.timeout(240)
def test_a_killed_worker_loses_nothing_and_doubles_nothing(shop: Shop, environment: dict[str, str]) -> None:
    """The worker killed twice with 80 orders on their way: 80 bookings, 80 Order Completed, none twice."""
    shop.reconnect("chrts", rate="120/1s")
    ids = _orders(shop, ORDERS)
    _deliver(shop, environment, _kill_alone)
    assert Counter(item["order_id"] for item in shop.booked()) == dict.fromkeys(ids, 1)
    assert _completed(shop) == dict.fromkeys(ids, 1)


@pytest.mark.timeout(240)
def test_a_round_killed_in_the_middle_of_its_calls_books_nothing_twice(shop: Shop, environment: dict[str, str]) -> None:
    """Worker and round killed together: bookings exact; a track twice only where its answer was lost."""
    shop.reconnect("chrts", rate="120/1s")
    ids = _orders(shop, ORDERS)
    _deliver(shop, environment, _kill_with_round)
    assert Counter(item["order_id"] for item in shop.booked()) == dict.fromkeys(ids, 1)
    completed = _completed(shop)
    assert set(completed) == set(ids)
    with shop.services.database.read() as db:
        lost = db.execute(select(func.count()).select_from(deliveries).where(deliveries.c.losses > 0)).scalar_one()
    assert sum(completed.values()) - ORDERS <= lost
