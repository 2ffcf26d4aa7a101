"""Limits: how much of a strict sliding window is used, and how often it is overrun.

The sink counts a call when it arrives and answers 429 when more than N arrived within any window. Each call travels a
random time of up to 60 ms before it is counted, and its answer up to 20 ms, so that calls arrive closer together, or in
another order, than they left. Ours are 1, 2 and 4 worker processes; beside them the libraries `limits` (moving window)
and `pyrate-limiter`, both on Redis, with 16 threads that call, in one process and in four. Last, a lane of 1 a second
beside one of 100 a second in one worker, without jitter. All run at the same time: it needs little of the cores.

`utilisation` counts what was taken within k whole windows, from the first arrival on, and divides it by k times N: all
that the strictest reading permits. `steady` leaves the first window out of both, so that a burst at the start can't
help. `pace` is what would be left after any length of time: the window ÷ the median time between a call and the Nth
after it.
"""

from __future__ import annotations

import bisect
import contextlib
import statistics
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from benchmarks._figures import Figures
from benchmarks._line import line
from benchmarks._places import SQLITE, place
from benchmarks._processes import python, running, wait_until
from benchmarks._receiver import receiver
from benchmarks._sink import Rule

if TYPE_CHECKING:
    from contextlib import ExitStack

    from benchmarks._figures import Plan
    from benchmarks._line import Line
    from benchmarks._receiver import Receiver, Seen

_OTHERS = {"limits": "limits", "pyrate-limiter": "pyrate_limiter"}
_PATIENCE = 60.0
# That call in all processes of another library together.
_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """An account with its limit, watched for `windows` whole windows."""

    case: str
    account: str
    count: int
    window: int
    windows: int
    jitter: bool = True
    processes: int = 1

    @property
    def rule(self) -> Rule:
        """The strictest reading of the limit."""
        travel = {"jitter_before": 0.06, "jitter_after": 0.02} if self.jitter else {}
        return Rule(count=self.count, window=self.window, **travel)

    @property
    def owed(self) -> int:
        """More than can be sent meanwhile."""
        return self.count * (self.windows + 2)

    def judge(self, seen: Seen) -> dict[str, float]:
        """Return the figures of one run."""
        first, span = seen.taken[0], self.window * self.windows
        taken = [at - first for at in seen.taken if at - first < span]
        later = len(taken) - bisect.bisect_left(taken, self.window)
        gaps = [after - before for before, after in zip(taken, taken[self.count :], strict=False)]
        return {
            "utilisation": len(taken) / (self.count * self.windows),
            "steady": later / (self.count * (self.windows - 1)),
            "pace": self.window / statistics.median(gaps) if gaps else 0.0,
            "answers_429": seen.refused,
        }


def run_benchmark(plan: Plan) -> Figures:
    """All at once, as often as is asked for."""
    figures = Figures("limits", "what of a strict sliding window was used")
    ours, pair = _lanes(plan)
    others = _others(plan, figures)
    lanes = [*ours.values(), *pair, *others]
    for _ in range(plan.repeats):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(place(SQLITE)).folder
            sink = stack.enter_context(receiver(folder, {lane.account: lane.rule for lane in lanes}))
            crews = [([lane], processes) for processes, lane in ours.items()] + [(pair, 1)]
            lines = [_start(stack, processes) for _, processes in crews]
            for ready, (served, processes) in zip(lines, crews, strict=True):
                _owe(ready, sink, served, processes)
            for lane in others:
                _start_other(stack, sink, lane)
            _await(sink, lanes)
            seen = sink.seen_by_all()
        for lane in lanes:
            figures.add(lane.case, **lane.judge(seen[lane.account]))
    for lane in [*ours.values(), *pair]:
        figures.share(lane.case, "utilisation", "what its window permits")
    for lane in others:
        figures.ratio(ours[lane.processes].case, lane.case, "utilisation")
    return figures


def _lanes(plan: Plan) -> tuple[dict[int, _Lane], list[_Lane]]:
    count, window, windows = plan.size(100, 20), plan.size(3, 1), plan.size(3, 2)
    ours = {
        processes: _Lane(
            case=f"crossdock, {processes} proc., {count}/{window}s",
            account=f"ours-{processes}",
            count=count,
            window=window,
            windows=windows,
        )
        for processes in plan.some(1, 2, 4)
    }
    pair = [
        _Lane(
            case=f"crossdock, {each}/1s beside {other}/1s",
            account=f"pair-{each}",
            count=each,
            window=1,
            windows=window * windows,
            jitter=False,
        )
        for each, other in ((1, 100), (100, 1))
    ]
    return ours, pair


def _others(plan: Plan, figures: Figures) -> list[_Lane]:
    if not all(find_spec(module) for module in _OTHERS.values()):
        figures.note("limits or pyrate-limiter is not installed (requirements-bench.txt), so both are left out")
        return []
    count, window, windows = plan.size(100, 20), plan.size(3, 1), plan.size(3, 2)
    return [
        _Lane(
            case=f"{name}, {processes} proc., {count}/{window}s",
            account=f"{name}-{processes}",
            count=count,
            window=window,
            windows=windows,
            processes=processes,
        )
        for name in _OTHERS
        for processes in plan.some(1, 4)
    ]


def _start(stack: ExitStack, processes: int) -> Line:
    """Workers that are up before anything is owed, so that their start costs nobody a place in the window."""
    ours = stack.enter_context(line(stack.enter_context(place(SQLITE))))
    stack.enter_context(ours.workers(processes))
    return ours


def _owe(ours: Line, sink: Receiver, lanes: list[_Lane], processes: int) -> None:
    ours.await_workers(processes)
    connections = [
        ours.connect("chrts", sink.url(lane.account), api_key=lane.account, rate=f"{lane.count}/{lane.window}s")
        for lane in lanes
    ]
    for connection, lane in zip(connections, lanes, strict=True):
        ours.owe(connection, lane.owed)
    ours.wake(processes)


def _start_other(stack: ExitStack, sink: Receiver, lane: _Lane) -> None:
    at = stack.enter_context(place(SQLITE))
    name, url = lane.account.rpartition("-")[0], sink.url(lane.account) + "/event/track"
    arguments = (name, url, str(lane.count), str(lane.window), str(_THREADS // lane.processes))
    for _ in range(lane.processes):
        stack.enter_context(running(python("-m", "benchmarks.stacks.limiters", *arguments), at.folder, at.environment))


def _await(sink: Receiver, lanes: list[_Lane]) -> None:
    wait_until(lambda: all(sink.count(lane.account) for lane in lanes), _PATIENCE, "nothing arrives", every=0.2)
    seen = sink.seen_by_all()
    ends = max(seen[lane.account].taken[0] + lane.window * lane.windows for lane in lanes)
    time.sleep(max(0.0, ends - time.monotonic()))
