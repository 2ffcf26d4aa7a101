"""Scale: what is left of every rate when a million finished deliveries lie behind, and 200,000 wait.

Each finished delivery has its event, body and all, and its attempt. Of those that wait, 100,000 are due in the lane
that is measured (the measured ones are the first of them), 50,000 are due there tomorrow, and 50,000 in a lane that may
call once an hour. `none` has only what the measuring itself needs and leaves, some ten thousand. For each size,
relative to `none`: deliveries a second by one worker to a sink that answers at once, and the most memory one of its
processes held; the time in which 64 deliveries are leased; webhooks a second over 32 connections, after the workers
stopped. The repeats of deliveries are consecutive portions of one run.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks import _load
from benchmarks._figures import Figures
from benchmarks._line import SECRET, UNLIMITED, line
from benchmarks._places import databases, place
from benchmarks._processes import free_port, is_listening, largest_memory, python, running, wait_until
from benchmarks._receiver import receiver
from benchmarks._sink import Rule
from plugin.model import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._figures import Plan
    from benchmarks._line import Line
    from benchmarks._receiver import Receiver
    from plugin.storage.shops import Connection

_SIZES = (1_000, 100_000, 1_000_000)
_DUE, _LATER, _ELSEWHERE = 100_000, 50_000, 50_000
_SHOP = "intake.myshopify.com"
_CALLS, _WEBHOOKS, _CONNECTIONS, _CLAIM, _CLAIMS = 700, 800, 32, 64, 5
_SMALL, _PATIENCE = 50, 240.0
# Deliveries before the first that is measured, while threads and connections are made.
_WARM = 300
# More rows than this in one transaction would only make it slow.
_TOGETHER = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A place with the lane that is measured, and one that hardly moves."""

    ours: Line
    sink: Receiver
    busy: Connection
    still: Connection


def run_benchmark(plan: Plan) -> Figures:
    """Every size on every database; each bigger one is made from the one before."""
    figures = Figures("scale", "rates with many deliveries behind")
    for kind in databases(plan, figures):
        with _scene(kind) as scene:
            scene.ours.owe(scene.busy, plan.size(_WARM + _CALLS * (plan.repeats + 2), _SMALL * 2))
            _measure(plan, figures, scene, f"{kind}, none")
        with _scene(kind) as scene:
            for size in plan.some(*_SIZES):
                _grow(plan, scene, size)
                _measure(plan, figures, scene, f"{kind}, {size:,}")
        for size, measure in itertools.product(plan.some(*_SIZES), ("deliveries_per_second", "webhooks_per_second")):
            figures.ratio(f"{kind}, {size:,}", f"{kind}, none", measure)
    return figures


@contextlib.contextmanager
def _scene(kind: str) -> Iterator[_Scene]:
    with place(kind) as at, receiver(at.folder, {"busy": Rule(), "still": Rule()}) as sink, line(at) as ours:
        ours.services.shops.add("shopify", _SHOP, {"secret": SECRET}, None)
        busy = ours.connect("chrts", sink.url("busy"), api_key="busy", rate=UNLIMITED)
        still = ours.connect("chrts", sink.url("still"), api_key="still", rate="1/1h")
        yield _Scene(ours=ours, sink=sink, busy=busy, still=still)


def _grow(plan: Plan, scene: _Scene, size: int) -> None:
    """Bring what is finished up to `size`, and what waits to where it was before the last measuring."""
    ours, tomorrow = scene.ours, datetime.now(UTC) + timedelta(days=1)
    missing = plan.size(size, _SMALL) - ours.count(state=State.DONE)
    for start in range(0, missing, _TOGETHER):
        ours.finish(scene.busy, min(_TOGETHER, missing - start))
    waiting = ours.count(state=State.WAITING)
    if not waiting:
        ours.owe(scene.busy, plan.size(_LATER, _SMALL), due_at=tomorrow)
        ours.owe(scene.still, plan.size(_ELSEWHERE, _SMALL))
    whole = plan.size(_DUE + _LATER + _ELSEWHERE, _SMALL * 5)
    ours.owe(scene.busy, whole - ours.count(state=State.WAITING))
    ours.analyze()


def _measure(plan: Plan, figures: Figures, scene: _Scene, case: str) -> None:
    for _ in range(plan.repeats):
        leased = [scene.ours.claim_seconds(scene.busy, _CLAIM) for _ in range(_CLAIMS)]
        figures.add(case, claim_of_64_ms=statistics.median(leased) * 1000)
    _deliver(plan, figures, scene, case)
    _take_in(plan, figures, scene, case)


def _deliver(plan: Plan, figures: Figures, scene: _Scene, case: str) -> None:
    warm, portion = plan.size(_WARM, _SMALL // 5), plan.size(_CALLS, _SMALL)
    whole = warm + portion * plan.repeats + 1
    scene.sink.forget()
    scene.ours.wake(1)
    with scene.ours.workers(1) as (worker,):
        wait_until(lambda: scene.sink.count("busy") >= whole, _PATIENCE, "the worker does not deliver", every=0.05)
        figures.add(case, worker_memory_mb=largest_memory(worker))
    taken = scene.sink.seen("busy").taken
    cuts = [warm + portion * number for number in range(plan.repeats + 1)]
    for first, last in itertools.pairwise(cuts):
        figures.add(case, deliveries_per_second=portion / (taken[last] - taken[first]))


def _take_in(plan: Plan, figures: Figures, scene: _Scene, case: str) -> None:
    port, at = free_port(), scene.ours.place
    command = python("-m", "plugin", "web", "--host", "127.0.0.1", "--port", str(port))
    with running(command, at.folder, at.environment):
        wait_until(lambda: is_listening(port), 30, "crossdock web does not listen")
        _load.measure(port, _SHOP, SECRET, connections=_CONNECTIONS, count=plan.size(_WARM, _SMALL))
        for _ in range(plan.repeats):
            count = plan.size(_WEBHOOKS, _SMALL)
            found = _load.measure(port, _SHOP, SECRET, connections=_CONNECTIONS, count=count)
            figures.add(case, webhooks_per_second=found["per_second"])
    scene.ours.pass_over_events()
