"""Departures: slots are claimed for what is ready, the intent is committed, and the calls go to the crew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plugin.flow.lanes import Flight
from plugin.pace import Ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugin.flow.crew import Crew
    from plugin.flow.lanes import Lane, Lanes
    from plugin.services import Services

# Later than this after its lease was renewed, a call could outlast it, and somebody else might send it too.
_LATEST_SECONDS = 5.0
# A lane that may not send for longer than this gives its leases back.
_LONG_SLEEP_SECONDS = 5.0


class Departures:
    """Begins calls, as many as the lanes' limits and the crew allow."""

    def __init__(self, services: Services, lanes: Lanes, crew: Crew) -> None:
        self._services = services
        self._lanes = lanes
        self._crew = crew

    def launch(self) -> int:
        """Begin as many calls as the lanes' limits and our threads allow; return how many."""
        flights = self._reserve()
        if not flights:
            return 0
        begun = self._services.ledger.begin(
            (item.delivery, not item.finds) for _, flight in flights for item in flight.items
        )
        for lane, flight in flights:
            self._depart(lane, flight, begun)
        self.man_all()
        return len(flights)

    def _depart(self, lane: Lane, flight: Flight, begun: set[int]) -> None:
        # Some lost their lease, others their place to a newer version of the same order.
        lost = [item.delivery for item in flight.items if item.delivery.id not in begun]
        if lost:
            self._services.ledger.give_back(lost)
            flight.items = [item for item in flight.items if item.delivery.id in begun]
        if flight.items:
            flight.latest = time.monotonic() + _LATEST_SECONDS
            lane.depart(flight)
        else:
            self._services.pace.release(lane.name, [flight.slot])

    def _reserve(self) -> list[tuple[Lane, Flight]]:
        """Claim slots for every lane that has something ready, and pack what each is to carry."""
        wants = {lane.name: want for lane in self._lanes.awake() if (want := self._lanes.calls_wanted(lane))}
        asks = [self._ask(name, want) for name, want in wants.items()]
        flights: list[tuple[Lane, Flight]] = []
        for ask, grant in zip(asks, self._services.pace.reserve(asks), strict=True):
            lane = self._lanes.get(ask.lane)
            if len(grant.slots) < ask.want:
                self._put_to_sleep(lane, grant.wait.total_seconds())
            flights += self._pack(lane, grant.slots)
        return flights

    def _ask(self, name: str, want: int) -> Ask:
        terms = self._lanes.terms(name)
        return Ask(lane=name, limits=terms.limits, want=want, learns=terms.learns)

    def _pack(self, lane: Lane, slots: Sequence[str]) -> list[tuple[Lane, Flight]]:
        batch = self._lanes.terms(lane.name).batch
        flights: list[tuple[Lane, Flight]] = []
        for number, slot in enumerate(slots):
            items = lane.pack(batch)
            if not items:
                self._services.pace.release(lane.name, slots[number:])
                break
            together = None if items[0].finds else batch
            flights.append((lane, Flight(items=items, slot=slot, batch=together, latest=0.0)))
        return flights

    def _put_to_sleep(self, lane: Lane, seconds: float) -> None:
        lane.asleep_until = time.monotonic() + seconds
        if seconds > _LONG_SLEEP_SECONDS:
            self._services.ledger.give_back([item.delivery for item in lane.ready])
            lane.ready.clear()
            lane.is_full = False

    def man_all(self) -> None:
        """See to it that every lane's queue has the threads it may have."""
        queued = [lane for lane in self._lanes if lane.queue]
        others = self._lanes.active if queued else 0
        for lane in queued:
            others += self._crew.man(lane, lane.at_once(self._lanes.terms(lane.name)), others)

    def give_back(self) -> None:
        """Give back what was leased and not begun."""
        for lane in self._lanes:
            self._services.ledger.give_back([item.delivery for item in lane.ready])
            lane.ready.clear()
