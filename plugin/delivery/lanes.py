"""All lanes of one round: which of them have work, when they wake, and how far ahead their calls are begun."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plugin.delivery.lane import Lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from plugin.delivery.config_cache import Known, Terms
    from plugin.delivery.prepare import Prepared

# A turn as it is taken to last before there was one, and at most; and how soon a long one is forgotten.
_TURN_SECONDS, _LONGEST_TURN = 0.02, 0.2
_FORGETTING = 0.005
_SLOW_SECONDS = 0.1


class Lanes:
    """All lanes of a round."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._lanes: dict[str, Lane] = {}
        # The round is about to end: no more calls at vendors that take long to answer.
        self.closing = False
        self._turn = _TURN_SECONDS

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def get(self, name: str) -> Lane:
        """The lane of this name, new if there was none."""
        if name not in self._lanes:
            self._lanes[name] = Lane(name)
        return self._lanes[name]

    def terms(self, name: str) -> Terms:
        """What holds for a lane."""
        return self._known.terms(name)

    def awake(self) -> list[Lane]:
        """Lanes that have something ready and, as far as is known, may send."""
        now = time.monotonic()
        return [lane for lane in self if lane.asleep_until <= now and (lane.ready or lane.halves)]

    def calls_wanted(self, lane: Lane) -> int:
        """How many more calls of a lane could be begun now."""
        if self._is_closed(lane) and not lane.halves:
            return 0
        return lane.calls_wanted(self.terms(lane.name), self._turn)

    def turned(self, seconds: float) -> None:
        """Learn how long a turn of the round takes at most of late: what is begun has to last that long."""
        self._turn = max(min(seconds, _LONGEST_TURN), self._turn * (1 - _FORGETTING))

    def wanted(self, lanes: Iterable[Lane]) -> dict[str, int]:
        """How many deliveries to lease for each of these that can use some soon."""
        rooms = {lane.name: lane.room(self.terms(lane.name)) for lane in lanes if not self._is_closed(lane)}
        return self.without_sleepers({name: room for name, room in rooms.items() if room > 0})

    def without_sleepers(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """The same without lanes that will not send soon, as far as is known by now."""
        return {name: room for name, room in wanted.items() if self.get(name).asleep_until < time.monotonic() + 1}

    def crowded(self, names: Iterable[str]) -> set[str]:
        """Which of these lanes send several deliveries in one call."""
        return {name for name in names if self.terms(name).batch is not None}

    def patience(self, look_at: float) -> float:
        """For how long nothing but an answer has to be attended to, at most until `look_at`."""
        now = time.monotonic()
        waking = [lane for lane in self if lane.halves or (lane.ready and not self._is_closed(lane))]
        if any(lane.asleep_until <= now and not lane.flying for lane in waking):
            return 0.0
        return min([look_at, *(lane.asleep_until for lane in waking if lane.asleep_until > now)]) - now

    @property
    def flying(self) -> int:
        """Calls that were begun and are not over."""
        return sum(lane.flying for lane in self)

    @property
    def in_hand(self) -> bool:
        """Whether anything is leased."""
        return any(lane.ready or lane.flying or lane.halves for lane in self)

    @property
    def is_halving(self) -> bool:
        """Whether calls that were refused are being taken apart: begun again later, they would be whole again."""
        return any(lane.halves for lane in self)

    def halved(self) -> list[Prepared]:
        """Take what is still to be sent by halves out of the lanes."""
        halves = [half for lane in self for half in lane.halves]
        for lane in self:
            lane.halves.clear()
        return [item for half in halves for item in half]

    def waits_for_slow(self) -> bool:
        """Whether a vendor that takes long still has to answer."""
        return any(lane.flying for lane in self if self._is_closed(lane))

    def _is_closed(self, lane: Lane) -> bool:
        return self.closing and lane.latency is not None and lane.latency > _SLOW_SECONDS
