"""Delivery: calls made and recorded a second, of deliveries that wait in SQL for one account.

The destination is a sink that answers after 0, 50 or 200 ms. Ours are `crossdock worker` processes; beside them one job
a delivery in plain RQ (forking and not), Celery, dramatiq and BullMQ, whose job does what tutorials do: load its row,
call through the process's own kept-alive session, mark it done, commit. All of it waits before the workers are started.
Each side runs once, from its first call's arrival until the last delivery is recorded done; the repeats are consecutive
portions of that run, as many calls in each.

Where answers take long, `share` is what part of (calls at once ÷ latency) was reached.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks._figures import Figures
from benchmarks._line import UNLIMITED, line
from benchmarks._places import SQLITE, copied, databases, place
from benchmarks._processes import wait_until
from benchmarks._queues import QUEUES, BullMQ, Job, Queue, bullmq
from benchmarks._receiver import receiver
from benchmarks._sink import Rule
from plugin import destinations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from benchmarks._figures import Plan
    from benchmarks._places import Place
    from benchmarks._receiver import Receiver, Seen

_OURS, _TRACKS, _BATCHES = "crossdock", "chrts", "segment"
_SETTINGS = {_TRACKS: {"api_key": "key"}, _BATCHES: {"write_key": "key"}}
# Accounts of the sink, by milliseconds until it answers.
_ACCOUNTS = {0: "at-once", 50: "after-50", 200: "after-200"}
_IN_FLIGHT = (64, 128)
_COUNT, _EVENTS, _SMALL = 1200, 6_000, 30
# Seconds that a portion of our run with slow answers takes at best.
_LONG = 0.8
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run: what the sink saw, and when the last delivery was recorded done."""

    seen: Seen
    done: float

    def rates(self, portions: int) -> list[float]:
        """Items a second in so many consecutive portions; the last one ends when everything is recorded."""
        taken, items = [*self.seen.taken, self.done], self.seen.items
        cuts = [len(items) * number // portions for number in range(portions + 1)]
        return [sum(items[a:b]) / (taken[b] - taken[a]) for a, b in itertools.pairwise(cuts) if a < b]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    """A database in which our deliveries wait, to be copied for each run; and the same call for the others."""

    place: Place
    account: str
    url: str
    body: bytes
    count: int


def run_benchmark(plan: Plan) -> Figures:
    """Every side in turn, as often as is asked for."""
    figures = Figures("delivery", "calls made and recorded a second")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place(SQLITE)).folder
        rules = {name: Rule(after=milliseconds / 1000) for milliseconds, name in _ACCOUNTS.items()}
        sink = stack.enter_context(receiver(folder, rules))
        queues = _queues(plan, stack, figures)
        _at_once(plan, sink, figures, queues)
        _slow(plan, sink, figures, queues)
        _in_batches(plan, sink, figures)
    return figures


def _queues(plan: Plan, stack: ExitStack, figures: Figures) -> list[Queue | BullMQ]:
    """Return what there is here; a quick run takes one that is always there."""
    if plan.small:
        figures.note("a quick run leaves all but one queue out")
        return [queue for queue in QUEUES if queue.is_quick]
    found: list[Queue | BullMQ] = []
    for queue in QUEUES:
        if queue.is_here():
            found.append(queue)
        else:
            figures.note(f"{queue.name} is not installed (requirements-bench.txt), so it is left out")
    on_node = stack.enter_context(bullmq(databases(plan, figures)))
    if not on_node:
        figures.note("Node.js, npm or its registry is not there, so BullMQ is left out")
    found += on_node
    figures.given |= {queue.name: queue.given for queue in found}
    return found


def _at_once(plan: Plan, sink: Receiver, figures: Figures, queues: list[Queue | BullMQ]) -> None:
    """Answers at once: what each side's own work costs. All on SQLite, ours on PostgreSQL too."""
    kinds, processes = databases(plan, figures), plan.some(1, 2)
    figures.given[_OURS] = "`crossdock worker` and `crossdock clock`; SQLite like the others, unless named otherwise"
    for kind in kinds:
        with _owed(kind, sink, _TRACKS, count=plan.size(_COUNT, _SMALL) * plan.repeats) as owed:
            for number in processes:
                case = _case(_OURS if kind == SQLITE else f"{_OURS} {kind}", number)
                _add(plan, figures, case, _ours(owed, sink, number))
            for queue, number in itertools.product(queues if kind == SQLITE else [], processes):
                count = plan.size(queue.count, _SMALL) * plan.repeats
                run = _theirs(queue, owed, sink, count, processes=number, at_once=queue.at_once)
                _add(plan, figures, _case(queue.name, number), run)
    for number, queue in itertools.product(processes, queues):
        ours = _OURS if queue.database in (SQLITE, None) else f"{_OURS} {queue.database}"
        figures.ratio(_case(ours, number), _case(queue.name, number), "per_second")


def _slow(plan: Plan, sink: Receiver, figures: Figures, queues: list[Queue | BullMQ]) -> None:
    """Answers that take long: how many calls are kept on their way; by one process, and ours by two that share them."""
    for milliseconds, at_once in itertools.product(plan.some(50, 200), plan.some(*_IN_FLIGHT)):
        best = at_once * 1000 / milliseconds
        count = plan.size(int(best * _LONG), _SMALL) * plan.repeats
        what = f"{milliseconds} ms, {at_once} at once"
        shared = f"{_OURS}, {what}, 2 proc."
        with _owed(SQLITE, sink, _TRACKS, count=count, milliseconds=milliseconds, in_flight=at_once // 2) as owed:
            _add(plan, figures, shared, _ours(owed, sink, 2), best)
            figures.share(shared, "share", "(calls at once ÷ latency)")
        ours = f"{_OURS}, {what}"
        with _owed(SQLITE, sink, _TRACKS, count=count, milliseconds=milliseconds, in_flight=at_once) as owed:
            _add(plan, figures, ours, _ours(owed, sink, 1), best)
            figures.share(ours, "share", "(calls at once ÷ latency)")
            for queue in queues if at_once == _IN_FLIGHT[0] and not plan.small else []:
                flying = min(at_once, queue.most_at_once)
                few = max(2, int(flying * 300 / milliseconds))
                case = f"{queue.name}, {what}"
                run = _theirs(queue, owed, sink, few * plan.repeats, processes=1, at_once=flying)
                _add(plan, figures, case, run, best)
                figures.ratio(ours, case, "per_second")


def _in_batches(plan: Plan, sink: Receiver, figures: Figures) -> None:
    """Events to a receiver that takes many in a call."""
    if _BATCHES not in destinations.names():
        figures.note(f"there is no destination {_BATCHES}, so batches are left out")
        return
    for kind in databases(plan, figures):
        with _owed(kind, sink, _BATCHES, count=plan.size(_EVENTS, _SMALL) * plan.repeats) as owed:
            for number in plan.some(1, 2) if kind == SQLITE else (1,):
                case = _case(f"{_OURS} in batches, {kind}", number)
                run = _ours(owed, sink, number)
                _add(plan, figures, case, run)
                figures.add(case, events_per_call=owed.count / len(run.seen.taken))
                figures.ratio(case, _case(_OURS, number), "per_second")


def _add(plan: Plan, figures: Figures, case: str, run: _Run, best: float | None = None) -> None:
    for rate in run.rates(plan.repeats):
        figures.add(case, per_second=rate)
        if best is not None:
            figures.add(case, share=rate / best)
    if best is not None:
        figures.add(case, most_at_once=run.seen.most)


def _case(name: str, processes: int) -> str:
    return f"{name}, {processes} proc."


@contextlib.contextmanager
def _owed(
    kind: str, sink: Receiver, destination: str, *, count: int, milliseconds: int = 0, in_flight: int | None = None
) -> Iterator[_Owed]:
    account = _ACCOUNTS[milliseconds]
    settings = _SETTINGS[destination] | {"rate": UNLIMITED} | ({"in_flight": str(in_flight)} if in_flight else {})
    with place(kind) as at:
        with line(at) as ours:
            connection = ours.connect(destination, sink.url(account), **settings)
            call = ours.call(connection)
            ours.owe(connection, count)
        body = call.body if isinstance(call.body, bytes) else b""
        yield _Owed(place=at, account=account, url=sink.url(account) + call.path, body=body, count=count)


def _ours(owed: _Owed, sink: Receiver, processes: int) -> _Run:
    with copied(owed.place) as at, line(at) as ours:
        sink.forget()
        ours.wake(processes)
        with ours.workers(processes):
            wait_until(lambda: not ours.is_unfinished(), _PATIENCE, "our deliveries are not done")
            done = time.monotonic()
        return _Run(seen=sink.seen(owed.account), done=done)


def _theirs(queue: Queue | BullMQ, owed: _Owed, sink: Receiver, count: int, *, processes: int, at_once: int) -> _Run:
    job = Job(url=owed.url, body=owed.body, count=count)
    with place(queue.database or SQLITE) as at, queue.filled(at, job) as is_unfinished:
        sink.forget()
        with queue.working(at, job, processes, at_once):
            wait_until(lambda: not is_unfinished(), _PATIENCE, f"{queue.name} is not done")
            done = time.monotonic()
        return _Run(seen=sink.seen(owed.account), done=done)
