"""Chaos: orders through vendors that fail one call in five, while worker, web and Redis are killed at random.

`python -m tests.chaos` runs ten seeds of 1,000 orders and prints a line for each; `make chaos` calls it.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from sqlalchemy import update

from plugin.core import log
from plugin.runtime.embedded_redis import EmbeddedRedis
from plugin.runtime.supervisor import Supervisor
from plugin.sandbox import Fault, Sandbox
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import queries
from plugin.storage.tables import deliveries
from tests.support.chaos_verdict import Report, calls, troubles
from tests.support.running_line import PAST
from tests.support.shop import ADDRESS, PACKAGE, SECRET, connect, headers, sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROLES = ("worker", "web", "redis")
FIRST = 7_000_000_000_000_000_001
_SENDERS = 4
# Seconds between two kills.
_LEAST_GAP, _LARGEST_GAP = 1.0, 4.0
_LONGEST = 420.0
_SETTINGS = {"rate": "1000/1s", "timeout": "1", "retry": "1s/2s/60/4d"}
# Together one call in five; a 429 closes the lane for a second, so there are fewer of them.
_FAULTS = (
    Fault("status", status=503, chance=0.05, times=None),
    Fault("status", status=429, retry_after=1, chance=0.01, times=None),
    Fault("reset_before", chance=0.04, times=None),
    Fault("reset_after", chance=0.04, times=None),
    Fault("timeout_after", seconds=1.5, chance=0.03, times=None),
    Fault("garbage", chance=0.04, times=None),
)


class Storefront:
    """Sends orders evenly over a time, and as a storefront does, again what was not answered 200."""

    def __init__(self, base_url: str, orders: int) -> None:
        self._address = f"{base_url}/webhooks/shopify"
        self._owed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._orders = orders
        self._pause = 0.0
        self._lock = threading.Lock()
        self._left = orders
        self.statuses: Counter[int | None] = Counter()
        for number in range(orders):
            self._owed.put(number)
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(_SENDERS)]

    def start(self, seconds: float) -> None:
        """Begin to send, evenly over these seconds."""
        self._pause = seconds * _SENDERS / max(1, self._orders)
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until every order was answered 200."""
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _send(self) -> None:
        with requests.Session() as session:
            while self._left:
                with suppress(queue.Empty):
                    number = self._owed.get(timeout=0.1)
                    status = _post(session, self._address, number)
                    with self._lock:
                        self.statuses[status] += 1
                        self._left -= status == requests.codes.ok
                    if status != requests.codes.ok:
                        self._owed.put(number)
                    time.sleep(self._pause)


def _post(session: requests.Session, address: str, number: int) -> int | None:
    raw = json.dumps(order(number)).encode()
    with suppress(requests.RequestException):
        named = headers(raw, "orders/create", f"order {number}")
        return session.post(address, data=raw, headers=named, timeout=5).status_code
    return None


def order(number: int) -> dict[str, object]:
    """Return an order of its own, of a customer of its own."""
    template = sent("orders_create")
    changed = template | {"id": FIRST + number, "name": f"#{number}"}
    return changed | {"customer": template["customer"] | {"id": FIRST + number}}


def refs(orders: int) -> set[str]:
    """Return what destinations call these orders."""
    return {str(FIRST + number) for number in range(orders)}


class World:
    """The whole line with its supervisor, and vendors for it."""

    def __init__(self, running: Supervisor, services: Services, sandbox: Sandbox) -> None:
        self.running = running
        self.services = services
        self.sandbox = sandbox
        self.kills: Counter[str] = Counter()
        self._ended: list[int] = []

    def kill(self, role: str, *, wholly: bool) -> None:
        """Kill one of ours with -9; a worker alone, or `wholly` with its round."""
        pid = self.running.pids()[role]
        self.kills[role] += 1
        rounds = _children(pid) if role == "worker" and wholly else []
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        for one in (*rounds, pid):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.kills["round"] += len(rounds)
        self._ended += rounds

    def end_leases(self) -> None:
        """Let the time pass that the leases of killed rounds would last."""
        with self.services.database.write() as db:
            for pid in self._ended:
                theirs = deliveries.c.lease.like(f"%:{pid}:%")
                db.execute(update(deliveries).where(theirs).values(leased_until=PAST))

    def await_idle(self, seconds: float) -> None:
        """Wait until nothing is left to do."""
        ends = time.monotonic() + seconds
        while not queries.is_idle(self.services.database) and time.monotonic() < ends:
            time.sleep(0.2)


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


@contextmanager
def world(folder: Path, redis_url: str | None = None) -> Iterator[World]:
    """Everything started and connected; a supervisor starts again what dies."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {"DATABASE_URL": f"sqlite:///{folder}/crossdock.db", "PORT": str(port), "REDIS_URL": redis_url or ""}
    settings = Settings.from_env(environment)
    log.set_up("ERROR")
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox())
        sandbox.emulators["chitchats"].window.set(None)
        running = stack.enter_context(Supervisor(settings, port, quiet=True))
        services = Services.open(settings)
        stack.callback(services.close)
        store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
        connect(services, store, "chitchats", sandbox.base_url, client_id="1", token="t", **PACKAGE, **_SETTINGS)
        connect(services, store, "chrts", sandbox.base_url, api_key="k", **_SETTINGS)
        stopping = threading.Event()
        watching = threading.Thread(target=running.watch, args=(stopping,))
        watching.start()
        stack.callback(watching.join)
        stack.callback(stopping.set)
        yield World(running, services, sandbox)


def run(seed: int, orders: int, kills: int, *, outage: float = 0.0, hurried: bool = False) -> Report:
    """Send `orders` while each of `ROLES` is killed `kills` times; report what it came to.

    With `outage` Redis is not killed but stopped for so many seconds. `hurried` lets the leases of killed rounds end at
    once when all is sent, instead of after their 45 seconds.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="crossdock-chaos-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        redis = StoppableRedis(folder) if outage else None
        if redis:
            stack.callback(redis.stop)
        made = stack.enter_context(world(folder, redis.url if redis else None))
        for emulator in made.sandbox.emulators.values():
            emulator.faults.add(*_FAULTS)
        storefront = Storefront(made.running.base_url, orders)
        plan = _plan(seed, kills, ROLES[:2] if redis else ROLES)
        storefront.start(sum(gap for gap, _, _ in plan) + outage)
        if redis:
            redis.stop()
            time.sleep(outage)
            redis.start()
        _disturb(made, plan)
        if hurried:
            made.end_leases()
        storefront.join(_LONGEST)
        made.await_idle(_LONGEST)
        found, twice = troubles(made.services, made.sandbox, refs(orders))
        total, failed = calls(made.sandbox)
        return Report(
            seed=seed,
            orders=orders,
            seconds=time.monotonic() - began,
            kills=made.kills,
            resent=storefront.statuses.total() - orders,
            calls=total,
            failed=failed,
            twice=twice,
            troubles=found,
        )


class StoppableRedis:
    """A Redis that nobody starts again but us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "redis"
        self.url = f"unix://{folder}/r.sock"
        self._socket = folder / "r.sock"
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        """Start it, with what it had written down."""
        self._stack.enter_context(EmbeddedRedis(self._socket, self._folder))

    def stop(self) -> None:
        """Stop it; nobody listens any more."""
        self._stack.close()


def _plan(seed: int, kills: int, roles: Sequence[str]) -> list[tuple[float, str, bool]]:
    """When to kill whom, and whether a worker goes with its round."""
    dice = random.Random(seed)  # noqa: S311  (the same for the same seed)
    chosen = [*roles] * kills
    dice.shuffle(chosen)
    return [(dice.uniform(_LEAST_GAP, _LARGEST_GAP), role, dice.random() < 0.5) for role in chosen]


def _disturb(made: World, plan: list[tuple[float, str, bool]]) -> None:
    for gap, role, wholly in plan:
        time.sleep(gap)
        made.kill(role, wholly=wholly)
    # What a killed round had sent arrives meanwhile.
    time.sleep(_LARGEST_GAP)


def main() -> None:
    """Print a line for each seed as it ends; exit status 1 if any of them saw what must not happen."""
    asked = argparse.ArgumentParser(prog="make chaos")
    asked.add_argument("--seeds", type=int, default=10, help="how many runs, with the seeds 1, 2, …")
    asked.add_argument("--orders", type=int, default=1000)
    asked.add_argument("--kills", type=int, default=5, help="of each of worker, web and Redis")
    asked.add_argument(
        "--outage", type=float, default=0.0, help="seconds for which Redis is stopped, instead of killed"
    )
    given = asked.parse_args()
    is_well = True
    for seed in range(1, given.seeds + 1):
        report = run(seed, given.orders, given.kills, outage=given.outage)
        print(report, flush=True)  # noqa: T201  (what the command is for)
        is_well = is_well and not report.troubles
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
