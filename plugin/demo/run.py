"""The run itself: two waves of webhooks, trouble in between, and waiting until everything came to rest."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from plugin.sandbox import judge
from plugin.storage import queries

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from plugin.demo.world import World
    from plugin.sandbox import Post, Story, Verdict

_FORGED_STATUS, _STORED_STATUS = 401, 200
# A lane that does nothing for this long has stopped.
_PATIENCE = 45.0
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class Run:
    """One demo from the first webhook to the verdict; `show` is called with every change."""

    world: World
    stopping: threading.Event
    show: Callable[[Run], None]
    stories: list[Story] = field(init=False)
    posted: list[tuple[Post, int]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.stories = [story for one in self.world.casts for story in one.stories]

    def play(self) -> Verdict:
        """Tell every story; return what came of it, when all has come to rest or nothing moves any more."""
        began = time.monotonic()
        for later in (False, True):
            self._post(later=later)
            self._rest()
        self.seconds = time.monotonic() - began
        return self._verdict()

    def _verdict(self) -> Verdict:
        rests: defaultdict[str, list[str]] = defaultdict(list)
        for row in self.world.resting("skipped", "held"):
            rests[row["subject"].partition(":")[2]].append(row["reason"] or "")
        emulators = self.world.sandbox.emulators
        received = {name: emulator.received() for name, emulator in emulators.items()}
        found = judge(self.stories, received, {name: one.vendor.demo for name, one in emulators.items()}, rests)
        wrong = Counter(
            f"{post.topic}: answered {status}"
            for post, status in self.posted
            if status != (_FORGED_STATUS if post.forged else _STORED_STATUS)
        )
        found.lost += [f"{text} ({count} times)" for text, count in wrong.items()]
        return found

    def _post(self, *, later: bool) -> None:
        chosen = [
            (f"{self.world.running.base_url}/webhooks/{one.platform}", post)
            for one in self.world.casts
            for story in one.stories
            for post in story.posts
            if post.later is later
        ]
        with requests.Session() as session:
            for place, (address, post) in enumerate(chosen):
                if self.stopping.is_set():
                    return
                if not later and place == len(chosen) // 3:
                    for emulator in self.world.sandbox.emulators.values():
                        emulator.faults.add(*emulator.vendor.demo.faults)
                answer = session.post(address, data=post.sample.body, headers=dict(post.sample.headers), timeout=30)
                self.posted.append((post, answer.status_code))
                self.show(self)

    def _rest(self) -> None:
        """Wait until the line says it is idle, or until nothing has changed for long."""
        moved, last = time.monotonic(), -1
        while not self.stopping.wait(_LOOK_SECONDS):
            self.world.running.revive()
            self.show(self)
            now = sum(emulator.journal.total for emulator in self.world.sandbox.emulators.values())
            if now != last:
                moved, last = time.monotonic(), now
            if queries.is_idle(self.world.services.database) or time.monotonic() - moved > _PATIENCE:
                return
