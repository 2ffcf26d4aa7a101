"""Deadlines of calls: what is late is cut, and only that."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from plugin.transport.deadline import DeadlineWatchdog

if TYPE_CHECKING:
    from collections.abc import Callable


def test_what_is_over_is_not_cut_any_more() -> None:
    """Its connection may serve another call already."""
    watchdog, gone, spoilt = DeadlineWatchdog(), threading.Event(), threading.Event()
    second = _Late(lambda: spoilt.set() if gone.is_set() else None)

    def end_second() -> None:
        watchdog.discard(second)
        gone.set()

    ending = threading.Thread(target=end_second)

    def cut_others() -> None:
        if not ending.ident:
            ending.start()
            ending.join(0.1)

    # In whatever order they are cut, hardly ever is the second one the first.
    others = [_Late(cut_others) for _ in range(20)]
    for call in (*others, second):
        watchdog.add(call)
    assert gone.wait(10)
    for call in others:
        watchdog.discard(call)
    watchdog.close()
    assert not spoilt.is_set()


class _Late:
    """A call that ought to be over."""

    ends = 0.0

    def __init__(self, cut: Callable[[], object]) -> None:
        self._then = cut

    def cut(self) -> None:
        """Tell the test."""
        self._then()
