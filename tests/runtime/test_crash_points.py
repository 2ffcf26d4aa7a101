"""A real process dies at each crash point; started again, it ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import requests
from sqlalchemy import func, select

from plugin.runtime.clock import tick
from plugin.runtime.crash_points import POINTS
from plugin.sandbox import Fault
from plugin.storage import queries
from plugin.storage.tables import deliveries
from tests.conftest import wait_until
from tests.destinations.chitchats.connected_shop import BUYING, configure, purchases
from tests.support.console import crossdock
from tests.support.folders import DOCS
from tests.support.running_line import expire, hurry, is_listening, running, work_off
from tests.support.shop import headers, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Backend
    from tests.support.shop import Shop

TABLE = DOCS / "crash-windows.md"
ORDER = sent("orders_create")


@dataclass(frozen=True)
class Case:
    """Where to die, the `passing`-th time, with `only` one destination at work, and what its vendor does then."""

    point: str
    what: str = ""
    passing: int = 1
    only: str | None = None
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"{self.point} {self.what}".rstrip()


WEB = [
    Case("receive.verified"),
    Case("receive.committed"),
    Case("receive.stored"),
    Case("wake_up.missing"),
    Case("wake_up.set"),
    Case("wake_up.enqueued"),
]
WORKER = [
    Case("round.taken"),
    Case("round.answered"),
    Case("route.taken"),
    Case("route.planned"),
    Case("route.planned", "second step", passing=2),
    Case("route.committed"),
    Case("lease.taken"),
    Case("lease.committed"),
    Case("slot.claimed", "booking", only="chitchats"),
    Case("intent.committed", "booking", only="chitchats"),
    Case("intent.committed", "purchase", passing=2, only="chitchats"),
    Case("intent.committed", "track", passing=2, only="chrts"),
    Case("call.sent", "booking", only="chitchats"),
    Case("call.sent", "purchase", passing=2, only="chitchats"),
    Case("call.sent", "identify", only="chrts"),
    Case("call.sent", "track", passing=2, only="chrts"),
    Case("call.answered", "booking", only="chitchats"),
    Case("call.answered", "track", passing=2, only="chrts"),
    Case("slot.stamped", "booking", only="chitchats"),
    Case("slot.stamped", "track", passing=2, only="chrts"),
    Case("block.missing", only="chitchats", fault=Fault("status", status=429, retry_after=1)),
    Case("record.settled", "booking", only="chitchats"),
    Case("record.shipment", "booking", only="chitchats"),
    Case("record.planned", "purchase", passing=2, only="chitchats"),
    Case("record.committed", "booking", only="chitchats"),
    Case("pause.missing", only="chitchats", fault=Fault("status", status=401)),
]


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """SQLite and its Redis alone: what is committed when does not depend on the database."""
    return embedded


@pytest.fixture
def buyer(shop: Shop) -> Shop:
    """Prepare a shop that also buys the postage, so that a booking has several steps and costs money."""
    shop.reconnect("chitchats", **BUYING)
    configure(shop, buy_seconds=0.0)
    return shop


def _died(log: Path, point: str) -> bool:
    return any('"dies on purpose"' in line and f'"{point}"' in line for line in log.read_text().splitlines())


@contextmanager
def _doomed(role: str, environment: dict[str, str], case: Case, log: Path, *arguments: str) -> Iterator[None]:
    """Run a process that dies at a point; whatever is left of it is killed in the end."""
    armed = environment | {"CROSSDOCK_DIE_AT": f"{case.point}:{case.passing}"}
    with running(role, armed, *arguments, log=log) as process:
        yield
        wait_until(lambda: _died(log, case.point))
        # Its whole session: killed alone, a web process leaves the one behind with which it replaced the dead one.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _finish(shop: Shop) -> None:
    """Let time pass and work on, in this process: leases and the wake-up have run out, pauses are over."""
    expire(shop.services)
    shop.services.wake_up.clear()
    work_off(shop.services)


def _finish_from_outside(shop: Shop, environment: dict[str, str]) -> None:
    """Let time pass and start a worker again, which has to be told of what is due."""
    expire(shop.services)
    shop.services.wake_up.clear()
    with running("worker", environment):
        wait_until(lambda: _pushed_to_its_end(shop))


def _pushed_to_its_end(shop: Shop) -> bool:
    hurry(shop.services)
    tick(shop.services)
    return queries.is_idle(shop.services.database)


def _check(shop: Shop) -> None:
    """One booking, bought once; one Order Completed, or a second one where the ledger says why; nothing is left."""
    (shipment,) = shop.booked()
    assert shipment["order_id"] == str(ORDER["id"])
    assert shipment["status"] == "ready"
    assert purchases(shop) == 1
    with shop.services.database.read() as db:
        lost = db.execute(select(func.sum(deliveries.c.losses)).where(deliveries.c.action == "track")).scalar_one()
    assert 1 <= len(shop.tracked("Order Completed")) <= 1 + min(1, lost)
    found = queries.list_deliveries(shop.services.database)
    # Looking at purchases ends by itself when none is under way.
    assert {one["state"] for one in found if one["action"] != "poll"} <= {"done", "waiting"}, found


def _let_only(shop: Shop, destination: str | None) -> Callable[[], None]:
    """Leave one destination at work; the result lets the other one work again."""
    if destination is None:
        return lambda: None
    other = {shop.chitchats.destination: shop.chrts, shop.chrts.destination: shop.chitchats}[destination]
    values = BUYING if other is shop.chitchats else {}
    shop.services.stores.pause(other.id, "not yet")

    def resume() -> None:
        shop.reconnect(other.destination, **values)

    return resume


@pytest.mark.parametrize("case", WORKER, ids=str)
def test_a_worker_that_died_is_replaced(case: Case, buyer: Shop, environment: dict[str, str], tmp_path: Path) -> None:
    """Whatever was committed, sent, answered or written down when the round died: it is finished, and nothing twice."""
    resume = _let_only(buyer, case.only)
    if case.fault:
        buyer.sandbox.emulators[case.only or ""].faults.add(case.fault)
    with _doomed("worker", environment, case, tmp_path / "log"):
        assert buyer.post("orders/create", ORDER).status_code == 200
    resume()
    _finish(buyer)
    _check(buyer)


@pytest.mark.parametrize("point", ["intent.committed", "call.sent", "call.answered"])
def test_a_worker_that_died_while_it_looked_up_is_replaced(
    point: str, buyer: Shop, environment: dict[str, str], tmp_path: Path
) -> None:
    """The booking arrived, but nobody wrote it down, nor what the first look at it found: it is looked up again."""
    resume = _let_only(buyer, "chitchats")
    with _doomed("worker", environment, Case("call.answered"), tmp_path / "sent"):
        assert buyer.post("orders/create", ORDER).status_code == 200
    expire(buyer.services)
    buyer.services.wake_up.clear()
    with _doomed("worker", environment, Case(point), tmp_path / "looked"):
        wait_until(lambda: _died(tmp_path / "looked", point) or _pushed_to_its_end(buyer))
    resume()
    _finish(buyer)
    _check(buyer)


def _answer(port: int) -> int | None:
    """Post the order; return the status, or None when the connection was cut before an answer."""
    raw = json.dumps(ORDER).encode()
    with suppress(requests.RequestException):
        address = f"http://127.0.0.1:{port}/webhooks/shopify"
        return requests.post(address, data=raw, headers=headers(raw, "orders/create", "one"), timeout=20).status_code
    return None


@pytest.mark.parametrize("case", WEB, ids=str)
def test_a_web_process_that_died_is_replaced(
    case: Case, buyer: Shop, environment: dict[str, str], tmp_path: Path, free_port: int
) -> None:
    """Nothing that was answered 200 is missing, and what was not answered is stored once when it comes again."""
    where = ("--host", "127.0.0.1", "--port", str(free_port))
    with _doomed("web", environment, case, tmp_path / "log", *where):
        wait_until(lambda: is_listening(free_port))
        answered = _answer(free_port)
    if answered != 200:
        with running("web", environment, *where):
            wait_until(lambda: _answer(free_port) == 200)
    _finish_from_outside(buyer, environment)
    _check(buyer)


def test_a_clock_that_died_is_replaced(buyer: Shop, environment: dict[str, str], tmp_path: Path) -> None:
    """It keeps nothing: whoever ticks next finds the same."""
    buyer.services.redis.set("crossdock:wake-up", 1)
    assert buyer.post("orders/create", ORDER).status_code == 200
    with _doomed("clock", environment, Case("wake_up.missing"), tmp_path / "log"):
        pass
    _finish_from_outside(buyer, environment)
    _check(buyer)


def test_the_documentation_names_every_point_and_its_tests() -> None:
    """docs/crash-windows.md, `plugin.runtime.crash_points` and the cases above speak of the same points."""
    rows = re.findall(r"^\| `([a-z_.]+)` \|.*\| ([^|]*) \|$", TABLE.read_text(), re.MULTILINE)
    assert [name for name, _ in rows] == list(POINTS)
    cases: dict[str, list[str]] = {}
    for case in (*WEB, *WORKER):
        cases.setdefault(case.point, []).append(f"`{case}`")
    assert {name: tests.split(", ") for name, tests in rows} == cases


@pytest.mark.parametrize("role", ["worker", "clock"])
def test_a_point_that_does_not_exist_is_an_error(role: str, environment: dict[str, str]) -> None:
    """A misspelt name would look like a process that survives."""
    assert "receive.verified" in crossdock(environment | {"CROSSDOCK_DIE_AT": "nowhere"}, role).complaint
