"""Intake: webhooks answered 200 a second, and how long each took.

Ours (`crossdock web` on each database) beside others that get the very same signed orders, each webhook with an id of
its own: a bare WSGI function (what the server itself can do); Flask that checks the signature and keeps nothing (what a
receiver costs before it stores anything), by Granian as it starts unless told otherwise, and as we start it; and the
stack of the tutorials (gunicorn's sync workers, Flask, the ORM, one commit and one RQ job for each event) on the same
database: with one process, as ours and as gunicorn starts unless told otherwise, and with as many as its documentation
advises (then SQLite in WAL mode, which serves it best). No worker runs meanwhile.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks import _load
from benchmarks._figures import Figures
from benchmarks._places import SQLITE, Place, databases, place
from benchmarks._processes import free_port, is_listening, python, run, running, wait_until
from benchmarks._serving import our_web, served_as_ours
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._figures import Plan

SHOP, SECRET = "bench.myshopify.com", "the app's secret"
CONNECTIONS = (8, 1, 32)
_BARE, _FLASK, _FLASK_AS_OURS = "bare WSGI", "Flask + HMAC", "Flask + HMAC, as ours"
# Twice the cores and one.
_ADVISED = 2 * (os.cpu_count() or 1) + 1
# How many webhooks one repeat sends, by connections, so that each takes about a second.
_COUNTS = {1: 300, 8: 1000, 32: 2000}
_SMALL = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """One side, listening. `share`: how many of the webhooks it gets, since it would take long with all of them."""

    name: str
    port: int
    share: float


def run_benchmark(plan: Plan) -> Figures:
    """Measure every side in turn, so that whatever else the machine does meets all alike."""
    figures = Figures("intake", "webhooks answered 200 a second")
    kinds = databases(plan, figures)
    with contextlib.ExitStack() as stack:
        servers = _servers(plan, stack, kinds, figures)
        for server in servers:
            _measure(server, 8, plan.size(300, _SMALL))
        for _ in range(plan.repeats):
            for connections in sorted(plan.some(*CONNECTIONS)):
                for server in servers:
                    count = max(_SMALL, int(plan.size(_COUNTS[connections], _SMALL) * server.share))
                    figures.add(_case(server.name, connections), **_measure(server, connections, count))
    for connections in sorted(plan.some(*CONNECTIONS)):
        for kind in kinds:
            ours = _case(f"crossdock {kind}", connections)
            for other in (*(_tutorial_name(kind, number) for number in plan.some(1, _ADVISED)), _FLASK, _FLASK_AS_OURS):
                figures.ratio(ours, _case(other, connections), "per_second")
    return figures


def _measure(server: _Server, connections: int, count: int) -> dict[str, float]:
    return _load.measure(server.port, SHOP, SECRET, connections=connections, count=count)


def _case(name: str, connections: int) -> str:
    return f"{name}, {connections} conn."


def _servers(plan: Plan, stack: contextlib.ExitStack, kinds: list[str], figures: Figures) -> list[_Server]:
    first = stack.enter_context(place(SQLITE))
    servers = [
        stack.enter_context(_as_ours(first, "bare", _BARE, 2)),
        stack.enter_context(_by_granian(first, "flask_hmac", _FLASK)),
        stack.enter_context(_as_ours(first, "flask_hmac", _FLASK_AS_OURS, 1)),
    ]
    figures.given[f"{_BARE}, {_FLASK_AS_OURS}, crossdock"] = "`crossdock web`: Granian, WSGI, one process on one core"
    figures.given[_FLASK] = "`granian --interface wsgi`, one process, its own settings"
    for kind in kinds:
        servers.append(stack.enter_context(_ours(stack.enter_context(place(kind)), kind)))
        if find_spec("gunicorn"):
            servers += [
                stack.enter_context(_tutorial(stack.enter_context(place(kind)), kind, number))
                for number in plan.some(1, _ADVISED)
            ]
            figures.given["tutorial"] = "gunicorn's sync workers, which close each connection after its answer"
        else:
            figures.note("gunicorn is not installed (requirements-bench.txt), so the tutorial stack is left out")
    return servers


def _tutorial_name(kind: str, workers: int) -> str:
    return f"tutorial {kind}, {workers} proc."


@contextlib.contextmanager
def _as_ours(at: Place, module: str, name: str, share: float) -> Iterator[_Server]:
    """Another application, served as ours is."""
    with served_as_ours(at, module, {"SHOPIFY_API_SECRET": SECRET}) as port:
        yield _Server(name=name, port=port, share=share)


@contextlib.contextmanager
def _by_granian(at: Place, module: str, name: str) -> Iterator[_Server]:
    """Another application served by Granian as it starts by itself."""
    port = free_port()
    where = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
    command = python("-m", "granian", *where, f"benchmarks.stacks.{module}:app")
    with running(command, at.folder, at.environment | {"SHOPIFY_API_SECRET": SECRET}):
        wait_until(lambda: is_listening(port), 30, f"{name} does not listen")
        yield _Server(name=name, port=port, share=1)


@contextlib.contextmanager
def _ours(at: Place, kind: str) -> Iterator[_Server]:
    services = Services.open(Settings.from_env(at.environment))
    migrate(services.database)
    services.stores.add("shopify", SHOP, {"secret": SECRET}, None)
    services.close()
    with our_web(at) as port:
        yield _Server(name=f"crossdock {kind}", port=port, share=1)


@contextlib.contextmanager
def _tutorial(at: Place, kind: str, workers: int) -> Iterator[_Server]:
    port = free_port()
    environment = at.environment | {"SHOPIFY_API_SECRET": SECRET, "TUTORIAL_WAL": "yes" if workers > 1 else ""}
    run(python("-m", "benchmarks.stacks.tutorial"), at.folder, environment)
    command = python("-m", "gunicorn", "--workers", str(workers), "--bind", f"127.0.0.1:{port}")
    with running([*command, "--log-level", "warning", "benchmarks.stacks.tutorial:app"], at.folder, environment):
        wait_until(lambda: is_listening(port), 30, "gunicorn does not listen")
        yield _Server(name=_tutorial_name(kind, workers), port=port, share=0.1)
