"""The event loop and its threads: every call ends exactly once, in its lane's measure, whatever others do meanwhile."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plugin.core.response import Failure, Response
from plugin.core.step import Request
from plugin.core.vendor_profile import Batch
from plugin.delivery.lanes import Lane
from tests.conftest import wait_until
from tests.support.fake_executor import FakeExecutor, call, calls
from tests.support.keep_alive_vendor import Lasting, echo, target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugin.delivery.executor import FinishedCall

LATE = Failure(sent=False, reason="its turn came too late", late=True)
OPEN = Path("/proc/self/fd")
# What a call may take while another lane stalls the event loop; it answers at once.
STALLED = 0.5


class Crowd:
    """Answers every request after a moment, and counts how many it has before it at once."""

    def __init__(self, until: int = 0) -> None:
        """Have the first requests wait until there are `until` at once."""
        self.peak = 0
        self._now = 0
        self._all_here = threading.Event()
        self._until = until
        self._lock = threading.Lock()

    def __call__(self, request: bytes) -> Iterator[bytes]:
        """Answer."""
        with self._lock:
            self._now += 1
            self.peak = max(self.peak, self._now)
            if self._now >= self._until:
                self._all_here.set()
        self._all_here.wait(10)
        with self._lock:
            self._now -= 1
        yield from echo(request)


def paths(name: str, count: int) -> list[str]:
    """Return `count` paths that are all different."""
    return [f"/{name}/{number}" for number in range(count)]


def answers(finished: Sequence[FinishedCall]) -> list[str]:
    """Return the targets for which these calls were answered."""
    assert all(isinstance(one.result, Response) for one in finished), [one.result for one in finished]
    return [one.result.json["for"] for one in finished if isinstance(one.result, Response)]


def asked(one: FinishedCall) -> str:
    """Return the path of a call."""
    return one.call.items[0].request.path


def connected(executor: FakeExecutor, lane: Lane, vendor: Lasting, count: int) -> None:
    """Have so many connections of a lane open; its vendor has to hold the calls until all of them are there."""
    executor.send(lane, *calls(vendor.url, paths("open", count)), most=count)
    executor.serve()
    assert vendor.connections == count
    executor.finished.clear()


def by_pieces(
    goes_on: threading.Event, crowd: Crowd, cut: Callable[[bytes], int]
) -> Callable[[bytes], Iterator[bytes]]:
    """Return a vendor that stops after the first bytes of some answers, until it goes on."""

    def say(request: bytes) -> Iterator[bytes]:
        if not target(request).startswith("/pieces"):
            yield from crowd(request)
            return
        (whole,) = echo(request)
        place = cut(whole)
        yield whole[:place]
        goes_on.wait(10)
        yield from (whole[at : at + 1] for at in range(place, len(whole)))

    return say


CUTS: dict[str, Callable[[bytes], int]] = {
    "within the first line": lambda _: 5,
    "within the head": lambda whole: whole.index(b"\r\n") + 5,
    "after the head": lambda whole: whole.index(b"\r\n\r\n") + 4,
    "before the last byte": lambda whole: len(whole) - 1,
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_answers_in_pieces_hold_up_no_other_lane(cut: Callable[[bytes], int]) -> None:
    """However many of them are begun at once: the others go on, and these are answered in the end."""
    slow, fast = Lane("slow"), Lane("fast")
    goes_on = threading.Event()
    with (
        Lasting(by_pieces(goes_on, Crowd(16), cut)) as tardy,
        Lasting(echo) as prompt,
        FakeExecutor() as executor,
    ):
        connected(executor, fast, prompt, 1)
        connected(executor, slow, tardy, 16)
        executor.send(slow, *calls(tardy.url, paths("pieces", 32)), most=16)
        executor.serve(lambda: len(tardy.heard) == 32)
        executor.send(fast, *calls(prompt.url, paths("fast", 20)))
        executor.serve(lambda: len(executor.of(fast)) == 20)
        assert not executor.of(slow)
        assert max(one.took for one in executor.of(fast)) < STALLED
        goes_on.set()
        executor.serve()
    assert answers(executor.of(fast)) == paths("fast", 20)
    assert Counter(answers(executor.of(slow))) == Counter(paths("pieces", 32))
    assert all(asked(one) == one.result.json["for"] for one in executor.finished if isinstance(one.result, Response))


@pytest.mark.parametrize("most", [1, 7])
def test_a_lane_never_has_more_calls_at_once_than_it_may(most: int) -> None:
    """Neither while its connections are made nor afterwards, and it does have so many."""
    lane, crowd = Lane("a"), Crowd(most)
    with Lasting(crowd) as vendor, FakeExecutor() as executor:
        for name in ("first", "then"):
            executor.send(lane, *calls(vendor.url, paths(name, 60)), most=most)
            executor.serve()
    assert crowd.peak == most
    assert vendor.connections == most
    assert Counter(answers(executor.finished)) == Counter([*paths("first", 60), *paths("then", 60)])


def test_a_lane_that_may_have_fewer_calls_has_fewer() -> None:
    """What was learned of it counts from the next call on."""
    lane = Lane("a")
    wide, narrow = Crowd(8), Crowd(2)
    with (
        Lasting(lambda request: (narrow if "then" in target(request) else wide)(request)) as vendor,
        FakeExecutor() as executor,
    ):
        executor.send(lane, *calls(vendor.url, paths("first", 40)), most=8)
        executor.serve()
        executor.send(lane, *calls(vendor.url, paths("then", 40)), most=2)
        executor.serve()
    assert (wide.peak, narrow.peak) == (8, 2)


def test_a_call_is_made_at_its_moment_and_holds_up_no_other_lane() -> None:
    """Not before, which its vendor would refuse; those behind it follow in their order, other lanes don't wait."""
    lane, other = Lane("a"), Lane("b")
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        connected(executor, lane, vendor, 1)
        later = calls(vendor.url, ["/later", "/last", "/behind"])
        moment = time.monotonic() + 0.4
        later[0].earliest, later[1].earliest = moment, moment + 0.2
        executor.send(lane, *later)
        executor.send(other, *calls(vendor.url, paths("other", 20)))
        executor.serve(lambda: len(executor.of(other)) == 20)
        assert [asked(one) for one in executor.of(lane) if "connect" not in asked(one)] == []
        executor.serve()
    found = [(asked(one), one.at - moment) for one in executor.of(lane)][-3:]
    assert [name for name, _ in found] == ["/later", "/last", "/behind"]
    assert all(0 <= at - due < 0.5 for (_, at), due in zip(found, (0.0, 0.2, 0.2), strict=True))


def test_a_call_that_is_called_off_does_not_wait_for_its_moment() -> None:
    """Its slot is free at once, and what it carries is tried again when the block is over."""
    lane = Lane("a")
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        (planned,) = calls(vendor.url, ["/planned"])
        planned.earliest = time.monotonic() + 60
        executor.send(lane, planned)
        lane.call_off()
        executor.send(lane)
        executor.serve()
    assert [one.result for one in executor.finished] == [LATE]
    assert vendor.heard == []


def test_every_call_of_many_lanes_lands_once() -> None:
    """With its own answer, and heard once by the vendor."""
    lanes = [(Lane(f"lane{number}"), paths(f"lane{number}", 40)) for number in range(30)]
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        for lane, all_its in lanes:
            executor.send(lane, *calls(vendor.url, all_its), most=3)
        executor.serve()
    assert all(asked(one) == answers([one])[0] for one in executor.finished)
    for lane, all_its in lanes:
        assert Counter(answers(executor.of(lane))) == Counter(all_its)
        assert (lane.in_flight, lane.loop.active) == (0, 0)
    assert Counter(map(target, vendor.heard)) == Counter(path for _, all_its in lanes for path in all_its)


def test_a_call_whose_turn_comes_too_late_is_not_sent() -> None:
    """By then somebody else might send it; those behind it go out."""
    lane = Lane("a")
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        connected(executor, lane, vendor, 1)
        late = call(vendor.url, Request(method="POST", path="/late", body={}), late=True)
        executor.send(lane, late, *calls(vendor.url, ["/next"]))
        executor.serve()
    found = {asked(one): one.result for one in executor.finished}
    assert found["/late"] == Failure(sent=False, reason="its turn came too late", late=True)
    assert isinstance(found["/next"], Response)
    assert "/late" not in map(target, vendor.heard)


def _broken(*_: Any) -> Request:  # noqa: ANN401  (whatever is bundled)
    raise ZeroDivisionError


FAULTS = {
    "a body that is no JSON": {"requests": [Request(method="POST", path="/x", body={"a": object()})]},
    "a bundle": {
        "requests": [Request(method="POST", path="/x", body=b"{}")] * 2,
        "batch": Batch(items=5, size=100, bundle=_broken),
    },
}


@pytest.mark.parametrize("what", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_ours_in_one_call_stops_no_other(what: dict[str, Any]) -> None:
    """It ends as a failure that asks to be reported; over an open connection or without one."""
    bad, good = Lane("bad"), Lane("good")
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        connected(executor, bad, vendor, 1)
        for _ in range(3):
            executor.send(bad, call(vendor.url, *what["requests"], batch=what.get("batch")))
            executor.send(good, *calls(vendor.url, paths("good", 5)), most=2)
            executor.send(bad, *calls(vendor.url, ["/after"]))
            executor.serve()
    faults = [one for one in executor.of(bad) if asked(one) == "/x"]
    assert len(faults) == 3
    assert all(isinstance(one.result, Failure) and "please report it" in one.result.reason for one in faults)
    assert all(one.returned for one in faults)
    assert answers([one for one in executor.of(bad) if one not in faults]) == ["/after"] * 3
    assert len(answers(executor.of(good))) == 15


def test_a_fault_of_ours_in_reading_one_answer_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what an answer may hit upon: the call counts as sent, and the loop goes on."""
    lane, other = Lane("a"), Lane("b")
    with Lasting(echo) as vendor, Lasting(echo) as second, FakeExecutor() as executor:
        connected(executor, lane, vendor, 1)
        connected(executor, other, second, 1)
        with monkeypatch.context() as broken:
            broken.setattr("plugin.transport.connection.ResponseParser", _broken)
            executor.send(lane, *calls(vendor.url, ["/x"]))
            executor.serve()
        executor.send(lane, *calls(vendor.url, ["/after"]))
        executor.send(other, *calls(second.url, ["/other"]))
        executor.serve()
    odd, *rest = executor.finished
    assert isinstance(odd.result, Failure)
    assert odd.result.sent
    assert Counter(answers(rest)) == Counter(["/after", "/other"])


def test_without_a_further_thread_calls_are_made_nevertheless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms limit how many a process may have: what can't be made says so, and all that can goes on."""
    lane, other = Lane("a"), Lane("b")
    start, most = threading.Thread.start, threading.Semaphore(2)

    def sparing(self: threading.Thread) -> None:
        if self.name == "call" and not most.acquire(blocking=False):
            raise RuntimeError("can't start new thread")
        start(self)

    with Lasting(echo) as vendor, FakeExecutor() as executor:
        connected(executor, other, vendor, 1)
        monkeypatch.setattr(threading.Thread, "start", sparing)
        executor.send(lane, *calls(vendor.url, paths("a", 30)), most=10)
        executor.send(other, *calls(vendor.url, paths("b", 30)), most=2)
        executor.serve()
    assert Counter(answers(executor.finished)) == Counter([*paths("a", 30), *paths("b", 30)])


def test_without_any_thread_calls_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were not sent, and are tried again later."""
    lane = Lane("a")
    start = threading.Thread.start

    def sparing(self: threading.Thread) -> None:
        if self.name == "call":
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", sparing)
    with Lasting(echo) as vendor, FakeExecutor() as executor:
        executor.send(lane, *calls(vendor.url, paths("a", 5)), most=2)
        executor.serve()
    assert [one.result.sent for one in executor.finished if isinstance(one.result, Failure)] == [False] * 5
    assert vendor.heard == []


def ours() -> list[str]:
    """Return the names of an executor's threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name in ("event loop", "call", "watch")]


@pytest.mark.skipif(not OPEN.exists(), reason="only Linux tells what is open")
def test_closing_leaves_nothing_behind() -> None:
    """No thread and no socket: rounds come and go. Not even after a loop was stalled and replaced."""
    wait_until(lambda: not ours())
    files = len(list(OPEN.iterdir()))
    goes_on = threading.Event()
    lane, other = Lane("a"), Lane("b")
    vendor = Lasting(by_pieces(goes_on, Crowd(3), CUTS["after the head"]))
    with vendor, Lasting(echo) as prompt, FakeExecutor() as executor:
        connected(executor, lane, vendor, 3)
        executor.send(lane, *calls(vendor.url, paths("pieces", 3)), most=3)
        executor.serve(lambda: len(vendor.heard) == 6)
        executor.send(other, *calls(prompt.url, paths("b", 20)), most=4)
        executor.serve(lambda: len(executor.of(other)) == 20)
        goes_on.set()
        executor.serve()
    wait_until(lambda: not ours())
    wait_until(lambda: len(list(OPEN.iterdir())) <= files)


def test_an_executor_that_had_nothing_to_do_closes() -> None:
    """Its event loop was never needed."""
    with FakeExecutor() as executor:
        assert executor.executor.collect(0, 0) == []
