"""What was sent against what the emulated destinations really received; the product's own word counts for nothing.

Its state is looked at for one thing only: that what was not booked is shown, with its reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugin.commands._demo_parcels import parcels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plugin.commands._demo_stories import Told
    from plugin.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What arrived. `rests` holds the reasons shown for each order that was skipped or held."""

    shipments: Sequence[Mapping[str, Any]] = ()
    purchases: Sequence[str] = ()
    identifies: Sequence[Mapping[str, Any]] = ()
    aliases: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, Any]] = ()
    rests: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def at(cls, sandbox: Sandbox, rests: Mapping[str, Sequence[str]]) -> Seen:
        """Look at the emulators."""
        drafts, people = sandbox.emulators["chitchats"].state(), sandbox.emulators["chrts"].state()
        bought = [one["id"] for account in drafts["accounts"].values() for one in account["purchases"]]
        return cls(
            shipments=[one for one in parcels(sandbox) if one["is_live"]],
            purchases=bought,
            identifies=people["identifies"],
            aliases=people["aliases"],
            events=people["events"],
            rests=rests,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Each entry names an order and what is wrong with it. `amiss` is what is neither lost nor doubled."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    amiss: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Everything arrived, once."""
        return not (self.lost or self.doubled or self.amiss)


def judge(told: Sequence[Told], seen: Seen) -> Verdict:
    """Compare every story with what arrived."""
    judged = _Judged(seen)
    for one in told:
        judged.booking(one)
        judged.events(one)
        judged.person(one)
    judged.purchases()
    judged.visitors(told)
    return Verdict(lost=tuple(judged.lost), doubled=tuple(judged.doubled), amiss=tuple(judged.amiss))


class _Judged:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._events = Counter((about, event["name"]) for event in seen.events for about in _about(event))
        self._known = {call["traits"].get("email") for call in seen.identifies}
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.amiss: list[str] = []

    def booking(self, told: Told) -> None:
        found = [one for one in self._seen.shipments if one["order_id"] in (told.ref, told.number)]
        wanted = told.story.booking
        if len(found) > 1:
            self.doubled.append(f"{told.name}: {len(found)} live shipments")
        if wanted == "none":
            self._unbooked(told, found)
        elif not found:
            self.lost.append(f"{told.name}: no shipment")
        elif found[0]["carrier"] != told.story.carrier:
            self.amiss.append(f"{told.name}: booked at {found[0]['carrier']}, not at {told.story.carrier}")
        elif wanted == "bought" and not found[0]["carrier_tracking_code"]:
            self.lost.append(f"{told.name}: no tracking number")
        elif wanted == "draft" and found[0]["carrier_tracking_code"]:
            self.amiss.append(f"{told.name}: postage was bought unasked")

    def _unbooked(self, told: Told, found: Sequence[Mapping[str, Any]]) -> None:
        if found:
            self.amiss.append(f"{told.name}: booked, though nothing was to be sent")
        reasons = self._seen.rests.get(told.ref, ())
        if told.story.rests and not any(told.story.rests in reason for reason in reasons):
            self.lost.append(f"{told.name}: neither booked nor shown with its reason ({told.story.rests})")

    def events(self, told: Told) -> None:
        counted = {name: count for (ref, name), count in self._events.items() if ref == told.ref}
        for name in told.story.tracked:
            if name not in counted:
                self.lost.append(f"{told.name}: {name} was not tracked")
        for name, count in counted.items():
            if name not in told.story.tracked:
                self.amiss.append(f"{told.name}: {name} was tracked unasked")
            elif count > 1:
                self.doubled.append(f"{told.name}: {name} was tracked {count} times")

    def person(self, told: Told) -> None:
        if told.story.tracked and told.email and told.email not in self._known:
            self.lost.append(f"{told.name}: its buyer was not identified")

    def purchases(self) -> None:
        bought = Counter(self._seen.purchases)
        self.doubled += [
            f"shipment {ident}: postage was paid {count} times" for ident, count in bought.items() if count > 1
        ]

    def visitors(self, told: Sequence[Told]) -> None:
        """Every order of an account joins one visitor to it."""
        wanted = Counter(one.customer for one in told if one.customer and one.story.tracked)
        pairs = {(call["userId"].rpartition(":")[2], call["previousId"]) for call in self._seen.aliases}
        found = Counter(customer for customer, _ in pairs)
        for customer, count in wanted.items():
            if found[customer] < count:
                self.lost.append(f"customer {customer}: {found[customer]} of {count} visits were joined")


def _about(event: Mapping[str, Any]) -> Iterator[str]:
    """The order or account that an event is about."""
    for key in ("order_id", "customer_id"):
        if key in event["properties"]:
            yield str(event["properties"][key])
