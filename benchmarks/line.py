"""The whole line: orders a second from the first webhook to the arrival of the last message they lead to.

Every order is of a person of its own and leads to three messages for one Segment connection. Beside ours, with one
worker and on a server with two, a plain script does the same in the same run (`stacks/plain_line.py`): it checks the
signature, keeps the webhook durably in the same kind of database, and makes three posts for each, one after the other.
Both are served by `crossdock web`. Webhooks come over eight connections, each as soon as the last one is answered.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from benchmarks import _load
from benchmarks._figures import Figures
from benchmarks._line import SECRET, SHOP, UNLIMITED, line
from benchmarks._places import SQLITE, databases, place
from benchmarks._processes import python, running, wait_until
from benchmarks._receiver import receiver
from benchmarks._serving import our_web, served_as_ours
from benchmarks._sink import Rule
from benchmarks.stacks import orm, plain_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks._figures import Plan
    from benchmarks._receiver import Receiver

_ORDERS, _SMALL = 1_500, 20
_CONNECTIONS = 8
# Orders beforehand, with which every process loads what it needs.
_WARM = 16
_PATIENCE = 240.0
_PLAIN, _OURS = "plain script", "crossdock"


def run_benchmark(plan: Plan) -> Figures:
    """Measure every side in turn on an empty place, so that whatever else the machine does meets all alike."""
    figures = Figures("line", "orders a second from the first webhook to the last message")
    kinds, count = databases(plan, figures), plan.size(_ORDERS, _SMALL)
    figures.given[_PLAIN] = "Flask, the ORM, requests' kept-alive session; one commit a webhook and one an order"
    with place(SQLITE) as at, receiver(at.folder, {"all": Rule()}) as sink:
        for _ in range(plan.repeats):
            for kind in kinds:
                figures.add(f"{_PLAIN}, {kind}", **_plain(kind, sink, count))
                for workers in (1,) if kind == SQLITE else (1, 2):
                    figures.add(_case(kind, workers), **_ours(kind, sink, count, workers))
    for kind in kinds:
        for workers in (1, 2):
            figures.ratio(_case(kind, workers), f"{_PLAIN}, {kind}", "per_second")
    return figures


def _case(kind: str, workers: int) -> str:
    return f"{_OURS} {kind}, {workers} proc."


def _ours(kind: str, sink: Receiver, count: int, workers: int) -> dict[str, float]:
    with place(kind) as at, line(at) as ours, contextlib.ExitStack() as stack:
        ours.connect("segment", sink.url("all"), shop=SHOP, write_key="key", rate=UNLIMITED)
        port = stack.enter_context(our_web(at))
        stack.enter_context(ours.workers(workers))
        ours.await_workers(workers)
        return _measure(port, sink, count, ours.is_unfinished)


def _plain(kind: str, sink: Receiver, count: int) -> dict[str, float]:
    with place(kind) as at, contextlib.ExitStack() as stack:
        own = {"SHOPIFY_API_SECRET": SECRET, "SINK_URL": sink.url("all") + "/v1/batch"}
        script = python("-m", "benchmarks.stacks.plain_line")
        owing = orm.open_engine(at.database_url)
        stack.callback(owing.dispose)
        plain_line.Base.metadata.create_all(owing)
        stack.enter_context(running(script, at.folder, at.environment | own))
        port = stack.enter_context(served_as_ours(at, "plain_line", own))
        return _measure(port, sink, count, lambda: plain_line.is_unfinished(owing))


def _measure(port: int, sink: Receiver, count: int, is_unfinished: Callable[[], bool]) -> dict[str, float]:
    """Send so many orders; return orders a second, and what the webhooks saw meanwhile."""
    orders = _load.requests(SHOP, SECRET, count + _WARM, bodies=count + _WARM)
    _load.Load(port, _CONNECTIONS, orders[count:]).run()
    wait_until(lambda: not is_unfinished(), _PATIENCE, "the first orders do not come to rest")
    sink.forget()
    load = _load.Load(port, _CONNECTIONS, orders[:count])
    began = time.monotonic()
    load.run()
    answered = time.monotonic()
    wait_until(lambda: not is_unfinished(), _PATIENCE, "the line does not come to rest", every=0.05)
    seen = sink.seen("all")
    waited = sorted(load.seconds)
    return {
        "per_second": count / (seen.taken[-1] - began),
        "webhooks_per_second": count / (answered - began),
        "webhook_p99_ms": waited[len(waited) * 99 // 100] * 1000,
        "messages_per_order": sum(seen.items) / count,
    }
