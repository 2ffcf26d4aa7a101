"""Scale: what is left of every rate when a million finished deliveries lie behind, and 200,000 wait.

Each finished delivery has its event, body and all, and its attempt. Of those that wait, 100,000 are due in the lane
that is measured (the measured ones are the first of them), 50,000 are due there tomorrow, and 50,000 in a lane that may
call once an hour. Beside it lies a place with `none`: only what the measuring itself needs and leaves, some ten
thousand. Both are measured in turn for each size, since a machine may be another one a minute later: deliveries a
second by one worker to a sink that answers at once, in two runs each, of which consecutive portions are the repeats;
the most memory one of its processes held; the time in which 64 deliveries are leased; webhooks a second over 32
connections.
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
from plugin.core.delivery import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._figures import Plan
    from benchmarks._line import Line
    from benchmarks._receiver import Receiver
    from plugin.storage.stores import Connection

_SIZES = (1_000, 100_000, 1_000_000)
_DUE, _LATER, _ELSEWHERE = 100_000, 50_000, 50_000
_SHOP = "intake.myshopify.com"
_CALLS, _WEBHOOKS, _CONNECTIONS, _CLAIM, _CLAIMS = 1_500, 1_500, 32, 64, 5
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
        with _scene(kind) as bare, _scene(kind) as full:
            for size in plan.some(*_SIZES):
                _grow(plan, full, size)
                none, behind = f"{kind}, none beside {size:,}", f"{kind}, {size:,}"
                _measure(plan, figures, {none: bare, behind: full})
                for measure in ("deliveries_per_second", "webhooks_per_second"):
                    figures.ratio(behind, none, measure)
    return figures


@contextlib.contextmanager
def _scene(kind: str) -> Iterator[_Scene]:
    with place(kind) as at, receiver(at.folder, {"busy": Rule(), "still": Rule()}) as sink, line(at) as ours:
        ours.services.stores.add("shopify", _SHOP, {"secret": SECRET}, None)
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


def _measure(plan: Plan, figures: Figures, scenes: dict[str, _Scene]) -> None:
    for _, (case, scene) in itertools.product(range(plan.repeats), scenes.items()):
        scene.ours.owe(scene.busy, max(0, _CLAIM - scene.ours.count(lane=scene.busy.lane, state=State.WAITING)))
        leased = [scene.ours.claim_seconds(scene.busy, _CLAIM) for _ in range(_CLAIMS)]
        figures.add(case, claim_of_64_ms=statistics.median(leased) * 1000)
    # Two runs each, which together make the repeats.
    for portions in ((plan.repeats + 1) // 2, plan.repeats // 2):
        for case, scene in scenes.items() if portions else ():
            _deliver(plan, figures, scene, case, portions)
    _take_in(plan, figures, scenes)


def _deliver(plan: Plan, figures: Figures, scene: _Scene, case: str, portions: int) -> None:
    warm, portion = plan.size(_WARM, _SMALL // 5), plan.size(_CALLS, _SMALL)
    whole = warm + portion * portions + 1
    scene.ours.owe(scene.busy, max(0, whole - scene.ours.count(lane=scene.busy.lane, state=State.WAITING)))
    scene.sink.forget()
    scene.ours.wake(1)
    with scene.ours.workers(1) as (worker,):
        wait_until(lambda: scene.sink.count("busy") >= whole, _PATIENCE, "the worker does not deliver", every=0.05)
        figures.add(case, worker_memory_mb=largest_memory(worker))
    taken = scene.sink.seen("busy").taken
    cuts = [warm + portion * number for number in range(portions + 1)]
    for first, last in itertools.pairwise(cuts):
        figures.add(case, deliveries_per_second=portion / (taken[last] - taken[first]))


def _take_in(plan: Plan, figures: Figures, scenes: dict[str, _Scene]) -> None:
    with contextlib.ExitStack() as stack:
        ports = {case: stack.enter_context(_web(scene)) for case, scene in scenes.items()}
        for port in ports.values():
            _load.measure(port, _SHOP, SECRET, connections=_CONNECTIONS, count=plan.size(_WARM, _SMALL))
        for _, (case, port) in itertools.product(range(plan.repeats), ports.items()):
            count = plan.size(_WEBHOOKS, _SMALL)
            found = _load.measure(port, _SHOP, SECRET, connections=_CONNECTIONS, count=count)
            figures.add(case, webhooks_per_second=found["per_second"])
    for scene in scenes.values():
        scene.ours.pass_over_events()


@contextlib.contextmanager
def _web(scene: _Scene) -> Iterator[int]:
    port, at = free_port(), scene.ours.place
    command = python("-m", "plugin", "web", "--host", "127.0.0.1", "--port", str(port))
    with running(command, at.folder, at.environment):
        wait_until(lambda: is_listening(port), 30, "crossdock web does not listen")
        yield port
