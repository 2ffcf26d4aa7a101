"""The run itself: two waves of webhooks, trouble in between, and waiting until everything came to rest."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from plugin.demo.received import parcels
from plugin.demo.stories import tell
from plugin.demo.verdict import Seen, Verdict, judge
from plugin.storage import queries

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from plugin.demo.stories import Told
    from plugin.demo.world import Posted, World

_FORGED_STATUS = 401
_STORED_STATUS = 200
# A lane that does nothing for this long has stopped.
_PATIENCE = 45.0
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class Progress:
    """How far the run is, for whoever shows it."""

    webhooks: int = 0
    webhooks_to_post: int = 0
    bookings: int = 0
    bookings_to_make: int = 0
    events: int = 0
    events_to_track: int = 0
    faults: int = 0
    stage: str = "starting"


@dataclass(slots=True)
class Run:
    """One demo from the first webhook to the verdict; `show` is called with every change."""

    world: World
    orders: int
    stopping: threading.Event
    show: Callable[[Progress], None]
    told: list[Told] = field(init=False)
    progress: Progress = field(default_factory=Progress)
    posted: list[Posted] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.told = tell(self.orders)
        stories = [one.story for one in self.told]
        self.progress.webhooks_to_post = sum(
            1 + hook.repeats + hook.copies for story in stories for hook in story.hooks
        )
        self.progress.bookings_to_make = sum(story.booking != "none" for story in stories)
        self.progress.events_to_track = sum(len(story.tracked) for story in stories)

    def play(self) -> Verdict:
        """Tell every story; return what came of it, when all has come to rest or nothing moves any more."""
        began = time.monotonic()
        self._post(later=False)
        self._rest("bookings and calls go out, and some go wrong")
        self._post(later=True)
        self._rest("what happened to the orders since")
        self.seconds = time.monotonic() - began
        return self.verdict()

    def verdict(self) -> Verdict:
        """Judge by what the emulators received, and by what the webhooks were answered."""
        found = judge(self.told, Seen.at(self.world.sandbox, self.world.rests()))
        wrong = Counter(
            f"{one.hook.topic}: answered {one.status}"
            for one in self.posted
            if one.status != (_FORGED_STATUS if one.hook.forged else _STORED_STATUS)
        )
        refused = tuple(f"{text} ({count} times)" for text, count in wrong.items())
        return Verdict(lost=found.lost + refused, doubled=found.doubled, amiss=found.amiss)

    def _post(self, *, later: bool) -> None:
        self.progress.stage = "the shops send webhooks"
        chosen = [
            (hook, sample) for one in self.told for hook, sample in zip(one.story.hooks, one.samples, strict=True)
        ]
        chosen = [(hook, sample) for hook, sample in chosen if hook.later is later]
        with requests.Session() as session:
            for place, (hook, sample) in enumerate(chosen):
                if self.stopping.is_set():
                    return
                if not later and place == len(chosen) // 3:
                    self.world.switch_faults_on()
                self.posted += self.world.post(hook, sample, session)
                self._look()

    def _rest(self, stage: str) -> None:
        """Wait until the line says it is idle, or until nothing has changed for long."""
        self.progress.stage = stage
        moved, last = time.monotonic(), None
        while not self.stopping.wait(_LOOK_SECONDS):
            self.world.running.revive()
            self._look()
            now = self._moves()
            if now != last:
                moved, last = time.monotonic(), now
            if queries.is_idle(self.world.services.database) or time.monotonic() - moved > _PATIENCE:
                return

    def _moves(self) -> tuple[int, ...]:
        return tuple(emulator.journal.total for emulator in self.world.sandbox.emulators.values())

    def _look(self) -> None:
        emulators = self.world.sandbox.emulators
        self.progress.webhooks = len(self.posted)
        self.progress.bookings = len(parcels(self.world.sandbox))
        self.progress.events = len(emulators["chrts"].state()["events"])
        self.progress.faults = sum(1 for one in emulators.values() for entry in one.journal.entries() if entry.fault)
        self.show(self.progress)
