"""Lanes: 1, 20 and 200 accounts of different limits in one worker; each is to have its own, whatever the others do.

Limits go from one call in two seconds to 7 a second, about what the vendors' own are, and the sink keeps them strictly.
A few seconds after the first call every lane is watched for as many consecutive portions as there are repeats. Of N
calls within a window, each arrival takes one of N places for as long as the window: `utilisation` is what part of the
places' time was taken, so that half a window more or less counts as half. The worst lane and the median one are shown.

One more lane's calls are answered after five seconds. It must not hold up another: `delay` is how much later a call of
another lane arrived than its limit allowed, which is one window after the Nth call before it; the largest of all lanes,
and the median of the lanes' largest.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks._figures import Figures
from benchmarks._line import line
from benchmarks._places import SQLITE, place
from benchmarks._processes import wait_until
from benchmarks._receiver import receiver
from benchmarks._sink import Rule

if TYPE_CHECKING:
    from benchmarks._figures import Plan
    from benchmarks._receiver import Receiver, Seen

# Count and seconds of the limits that lanes have in turn: 0.5, 1, 2, 3, 5 and 7 a second.
_LIMITS = ((1, 2), (1, 1), (2, 1), (3, 1), (5, 1), (7, 1))
_SLOW, _SLOW_SECONDS = "slow", 5
# Seconds of a portion, by the number of lanes.
_PORTIONS = {1: 3, 20: 4, 200: 4}
_START, _SMALL = 4, 2
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """An account with its limit."""

    account: str
    count: int
    window: int

    def utilisation(self, seen: Seen, begins: float, ends: float) -> float:
        """Return what part of its places' time was taken."""
        taken = sum(max(0.0, min(at + self.window, ends) - max(at, begins)) for at in seen.taken)
        return taken / (self.count * (ends - begins))

    def delay(self, seen: Seen, begins: float, ends: float) -> float:
        """How many milliseconds the latest call came after the moment at which its limit allowed it."""
        pairs = zip(seen.taken, seen.taken[self.count :], strict=False)
        return max((after - before - self.window for before, after in pairs if begins <= after < ends), default=0) * 1e3


def run_benchmark(plan: Plan) -> Figures:
    """One worker for each number of lanes."""
    figures = Figures("lanes", "what each of many lanes in one worker gets of its limit")
    for number in sorted(plan.some(20, 1, 200)):
        _measure(plan, figures, number)
    return figures


def _measure(plan: Plan, figures: Figures, number: int) -> None:
    portion, start = plan.size(_PORTIONS[number], _SMALL), plan.size(_START, _SMALL)
    lanes = [_Lane(account=f"lane-{i}", count=_LIMITS[i % 6][0], window=_LIMITS[i % 6][1]) for i in range(number)]
    if number == 1:
        lanes = [_Lane(account="lane-0", count=20, window=1)]
    rules = {lane.account: Rule(count=lane.count, window=lane.window) for lane in lanes}
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(place(SQLITE))
        sink = stack.enter_context(receiver(at.folder, rules | {_SLOW: Rule(after=plan.size(_SLOW_SECONDS, 1))}))
        ours = stack.enter_context(line(at))
        seconds = start + portion * plan.repeats + 2
        for lane in lanes:
            rate = f"{lane.count}/{lane.window}s"
            connection = ours.connect("chrts", sink.url(lane.account), api_key=lane.account, rate=rate)
            ours.owe(connection, lane.count * (seconds // lane.window + 2))
        if number > 1:
            ours.owe(ours.connect("chrts", sink.url(_SLOW), api_key=_SLOW, rate="20/1s"), 20 * seconds)
        ours.wake(1)
        stack.enter_context(ours.workers(1))
        begins = _first(sink) + start
        time.sleep(max(0.0, begins + portion * plan.repeats - time.monotonic()))
        seen = sink.seen_by_all()
    case = f"{number} lanes" if number > 1 else "1 lane"
    for repeat in range(plan.repeats):
        since = begins + portion * repeat
        _add(figures, case, lanes, seen, begins=since, ends=since + portion)
    figures.share(case, "utilisation_worst", "its limit, worst lane")
    figures.share(case, "utilisation_median", "its limit, median lane")


def _add(figures: Figures, case: str, lanes: list[_Lane], seen: dict[str, Seen], *, begins: float, ends: float) -> None:
    used = [lane.utilisation(seen[lane.account], begins, ends) for lane in lanes]
    delays = [lane.delay(seen[lane.account], begins, ends) for lane in lanes]
    calls = sum(begins <= at < ends for lane in lanes for at in seen[lane.account].taken)
    figures.add(
        case,
        utilisation_worst=min(used),
        utilisation_median=statistics.median(used),
        delay_worst_ms=max(delays),
        delay_median_ms=statistics.median(delays),
        answers_429=sum(seen[lane.account].refused for lane in lanes),
        calls_per_second=calls / (ends - begins),
    )


def _first(sink: Receiver) -> float:
    """When the first call arrived."""

    def arrived() -> float:
        return min((seen.taken[0] for seen in sink.seen_by_all().values() if seen.taken), default=0.0)

    wait_until(arrived, _PATIENCE, "nothing arrives", every=0.1)
    return arrived()
