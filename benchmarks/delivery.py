"""Delivery: calls made and recorded a second, of deliveries that wait in SQL for one account.

The destination is a sink that answers after 0, 50 or 200 ms. Ours are `crossdock worker` processes; beside them one job a
delivery in plain RQ (forking and not), Celery, dramatiq and BullMQ, whose job does what tutorials do: load its row, call
through the process's own kept-alive session, mark it done, commit. All of it waits before the workers are started; a
run counts from the first call's arrival until the last delivery is recorded done.

Where answers take long, `share` is what part of (calls at once ÷ latency) was reached: `steady` between the first and
the last full set of calls, `whole` with start and end.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks._figures import Figures
from benchmarks._line import UNLIMITED, line
from benchmarks._places import NO_POSTGRESQL, POSTGRESQL, SQLITE, copied, databases, place
from benchmarks._processes import wait_until
from benchmarks._queues import QUEUES, BullMQ, Job, Queue, bullmq
from benchmarks._receiver import receiver
from benchmarks._sink import Rule
from plugin import destinations
from plugin.errors import ConfigError

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
_COUNT, _EVENTS, _SMALL = 5000, 20_000, 30
# Seconds that a run with slow answers takes at best, ours and theirs.
_LONG, _SHORT = 3.0, 1.0
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run: what the sink saw, and when the last delivery was recorded done."""

    seen: Seen
    done: float

    @property
    def per_second(self) -> float:
        """From the first call's arrival until the last is recorded."""
        return sum(self.seen.items) / (self.done - self.seen.taken[0])

    def share(self, at_once: int, latency: float) -> dict[str, float]:
        """What part of (calls at once ÷ latency) was reached."""
        taken, best = self.seen.taken, at_once / latency
        last = len(taken) - at_once
        steady = (last - at_once) / (taken[last] - taken[at_once]) if last > at_once else self.per_second
        return {"share_steady": steady / best, "share_whole": self.per_second / best, "most_at_once": self.seen.most}


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
        queues = _queues(stack, figures)
        _at_once(plan, sink, figures, queues)
        _slow(plan, sink, figures, queues)
        _in_batches(plan, sink, figures)
    return figures


def _queues(stack: ExitStack, figures: Figures) -> list[Queue | BullMQ]:
    found: list[Queue | BullMQ] = []
    for queue in QUEUES:
        if queue.is_here():
            found.append(queue)
        else:
            figures.note(f"{queue.name} is not installed (requirements-bench.txt), so it is left out")
    node = stack.enter_context(bullmq())
    if node is None:
        figures.note("Node.js, npm or its registry is not there, so BullMQ is left out")
    else:
        found.append(node)
    figures.given |= {queue.name: queue.given for queue in found}
    return found


def _at_once(plan: Plan, sink: Receiver, figures: Figures, queues: list[Queue | BullMQ]) -> None:
    """Answers at once: what each side's own work costs. All on SQLite, ours on PostgreSQL too."""
    kinds, processes = databases(), plan.some(1, 2)
    if POSTGRESQL not in kinds:
        figures.note(NO_POSTGRESQL)
    figures.given[_OURS] = "`crossdock worker` and `crossdock clock`; SQLite like the others, unless named otherwise"
    with contextlib.ExitStack() as stack:
        count = plan.size(_COUNT, _SMALL)
        owed = {kind: stack.enter_context(_owed(kind, sink, _TRACKS, 0, count)) for kind in kinds}
        for _, number in itertools.product(range(plan.repeats), processes):
            for kind, waiting in owed.items():
                case = _case(_OURS if kind == SQLITE else f"{_OURS} {kind}", number)
                figures.add(case, per_second=_ours(waiting, sink, number).per_second)
            for queue in queues:
                job = _job(owed[SQLITE], plan.size(queue.count, _SMALL))
                run = _theirs(queue, job, sink, _ACCOUNTS[0], number, queue.at_once)
                figures.add(_case(queue.name, number), per_second=run.per_second)
    for number, queue in itertools.product(processes, queues):
        figures.ratio(_case(_OURS, number), _case(queue.name, number), "per_second")


def _slow(plan: Plan, sink: Receiver, figures: Figures, queues: list[Queue | BullMQ]) -> None:
    """Answers that take long: how many calls are kept on their way. One process each."""
    for milliseconds, at_once in itertools.product(plan.some(50, 200), plan.some(*_IN_FLIGHT)):
        latency = milliseconds / 1000
        count = plan.size(int(at_once * _LONG / latency), _SMALL)
        with _owed(SQLITE, sink, _TRACKS, milliseconds, count, in_flight=at_once, figures=figures) as owed:
            for _ in range(plan.repeats):
                run = _ours(owed, sink, 1)
                case = f"{_OURS}, {milliseconds} ms, {at_once} at once"
                figures.add(case, per_second=run.per_second, **run.share(at_once, latency))
                for queue in queues if at_once == _IN_FLIGHT[0] else []:
                    _slow_theirs(plan, sink, figures, queue, owed, milliseconds, at_once)
        for queue in queues:
            figures.ratio(case, f"{queue.name}, {milliseconds} ms, {at_once} at once", "per_second")


def _slow_theirs(
    plan: Plan, sink: Receiver, figures: Figures, queue: Queue | BullMQ, owed: _Owed, milliseconds: int, at_once: int
) -> None:
    """RQ's workers call one by one, so that it takes few jobs to see how fast they are."""
    flying = min(at_once, queue.most_at_once)
    job = _job(owed, plan.size(max(4, int(flying * _SHORT * 1000 / milliseconds)), _SMALL // 10))
    run = _theirs(queue, job, sink, owed.account, 1, flying)
    case = f"{queue.name}, {milliseconds} ms, {at_once} at once"
    figures.add(case, per_second=run.per_second, **run.share(at_once, milliseconds / 1000))


def _in_batches(plan: Plan, sink: Receiver, figures: Figures) -> None:
    """Events to a receiver that takes many in a call."""
    if _BATCHES not in destinations.names():
        figures.note(f"there is no destination {_BATCHES}, so batches are left out")
        return
    for kind in databases():
        with _owed(kind, sink, _BATCHES, 0, plan.size(_EVENTS, _SMALL)) as owed:
            for _, number in itertools.product(range(plan.repeats), plan.some(1, 2)):
                run = _ours(owed, sink, number)
                case = _case(f"{_OURS} in batches, {kind}", number)
                figures.add(case, per_second=run.per_second, items_per_call=owed.count / len(run.seen.taken))


def _case(name: str, processes: int) -> str:
    return f"{name}, {processes} proc."


@contextlib.contextmanager
def _owed(
    kind: str,
    sink: Receiver,
    destination: str,
    milliseconds: int,
    count: int,
    in_flight: int | None = None,
    figures: Figures | None = None,
) -> Iterator[_Owed]:
    account = _ACCOUNTS[milliseconds]
    settings = _SETTINGS[destination] | {"rate": UNLIMITED}
    with place(kind) as at:
        with line(at) as ours:
            try:
                more = {} if in_flight is None else {"in_flight": str(in_flight)}
                connection = ours.connect(destination, sink.url(account), **settings, **more)
            except ConfigError:
                connection = ours.connect(destination, sink.url(account), **settings)
                if figures is not None:
                    figures.note("connections have no setting in_flight: ours decides itself how many are at once")
            call = ours.call(connection)
            ours.owe(connection, count)
        body = call.body if isinstance(call.body, bytes) else b""
        yield _Owed(place=at, account=account, url=sink.url(account) + call.path, body=body, count=count)


def _ours(owed: _Owed, sink: Receiver, processes: int) -> _Run:
    with copied(owed.place) as at, line(at) as ours:
        sink.forget()
        with ours.workers(processes):
            wait_until(lambda: not ours.is_unfinished(), _PATIENCE, "our deliveries are not done")
            done = time.monotonic()
        return _Run(seen=sink.seen(owed.account), done=done)


def _job(owed: _Owed, count: int) -> Job:
    return Job(url=owed.url, body=owed.body, count=count)


def _theirs(queue: Queue | BullMQ, job: Job, sink: Receiver, account: str, processes: int, at_once: int) -> _Run:
    with place(SQLITE) as at, queue.filled(at, job) as is_unfinished:
        sink.forget()
        with queue.working(at, job, processes, at_once):
            wait_until(lambda: not is_unfinished(), _PATIENCE, f"{queue.name} is not done")
            done = time.monotonic()
        return _Run(seen=sink.seen(account), done=done)
