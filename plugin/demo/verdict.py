"""What was sent against what the emulated destinations really received; the product's own word counts for nothing.

Its state is looked at for one thing only: that what was not booked is shown, with its reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugin.demo.received import heard, parcels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from plugin.demo.received import Heard
    from plugin.demo.stories import Told
    from plugin.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What arrived. `heard` is what each receiver of customer data was told.

    `records` and `sessions` are the ids of customers that were kept and that access is open for; `rests` holds the
    reasons shown for each order that was skipped or held.
    """

    shipments: Sequence[Mapping[str, Any]] = ()
    purchases: Sequence[str] = ()
    heard: Mapping[str, Heard] = field(default_factory=dict)
    records: Sequence[str] = ()
    sessions: Sequence[str] = ()
    rests: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def at(cls, sandbox: Sandbox, rests: Mapping[str, Sequence[str]]) -> Seen:
        """Look at the emulators."""
        drafts, kept = sandbox.emulators["chitchats"].state(), sandbox.emulators["pingnetwork"].state()
        bought = [one["id"] for account in drafts["accounts"].values() for one in account["purchases"]]
        return cls(
            shipments=[one for one in parcels(sandbox) if one["is_live"]],
            purchases=bought,
            heard=heard(sandbox),
            records=[one["external_id"] for one in kept["customers"]],
            sessions=[one["client_id"] for one in kept["sessions"]],
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
        judged.customer(one)
        for receiver in seen.heard:
            judged.events(one, receiver)
            judged.person(one, receiver)
    judged.purchases()
    for receiver in seen.heard:
        judged.visitors(told, receiver)
    return Verdict(lost=tuple(judged.lost), doubled=tuple(judged.doubled), amiss=tuple(judged.amiss))


class _Judged:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._events = {
            receiver: Counter((about, event["name"]) for event in one.events for about in _about(event))
            for receiver, one in seen.heard.items()
        }
        self._known = {
            receiver: {call["traits"].get("email") for call in one.identifies} for receiver, one in seen.heard.items()
        }
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

    def customer(self, told: Told) -> None:
        """A record of each account that was told of, a session for what was sold as access: one, and no other."""
        for kept, wanted, what in (
            (self._seen.records, told.story.is_account, "customer record"),
            (self._seen.sessions, told.buys_access, "session"),
        ):
            found = sum(ident.rpartition(":")[2] == (told.account or told.ref) for ident in kept)
            if wanted and not found:
                self.lost.append(f"{told.name}: no {what}")
            elif found > wanted:
                (self.doubled if wanted else self.amiss).append(f"{told.name}: {found} times a {what}")

    def events(self, told: Told, receiver: str) -> None:
        counted = {name: count for (ref, name), count in self._events[receiver].items() if ref == told.ref}
        for name in told.story.tracked:
            if name not in counted:
                self.lost.append(f"{told.name}: {name} was not tracked at {receiver}")
        for name, count in counted.items():
            if name not in told.story.tracked:
                self.amiss.append(f"{told.name}: {name} was tracked unasked at {receiver}")
            elif count > 1:
                self.doubled.append(f"{told.name}: {name} was tracked {count} times at {receiver}")

    def person(self, told: Told, receiver: str) -> None:
        if told.story.tracked and told.email and told.email not in self._known[receiver]:
            self.lost.append(f"{told.name}: its buyer was not identified at {receiver}")

    def purchases(self) -> None:
        bought = Counter(self._seen.purchases)
        self.doubled += [
            f"shipment {ident}: postage was paid {count} times" for ident, count in bought.items() if count > 1
        ]

    def visitors(self, told: Sequence[Told], receiver: str) -> None:
        """Every order of an account joins one visitor to it."""
        wanted = Counter(one.customer for one in told if one.customer and one.story.tracked)
        aliases = self._seen.heard[receiver].aliases
        pairs = {(call["userId"].rpartition(":")[2], call["previousId"]) for call in aliases}
        found = Counter(customer for customer, _ in pairs)
        for customer, count in wanted.items():
            if found[customer] < count:
                few = f"{found[customer]} of {count} visits were joined at {receiver}"
                self.lost.append(f"customer {customer}: {few}")


def _about(event: Mapping[str, Any]) -> Iterator[str]:
    """The order or account that an event is about."""
    for key in ("order_id", "customer_id"):
        if key in event["properties"]:
            yield str(event["properties"][key])
