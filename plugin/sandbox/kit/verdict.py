"""The stories that were told against what the emulated vendors received.

The product's own word counts for nothing, but for one thing: that what was not booked is shown, with its reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin.sandbox.kit.demo import Demo, Parcel, Received
    from plugin.sandbox.kit.story import Story


@dataclass(slots=True)
class Verdict:
    """Each entry names an order and what is wrong with it. `amiss` is what is neither lost nor doubled."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    amiss: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether everything arrived, once."""
        return not (self.lost or self.doubled or self.amiss)

    def count(self, what: str, found: int, *, wanted: bool, once: bool = True) -> None:
        """Note what is missing, what came twice, and what nobody asked for."""
        if wanted and not found:
            self.lost.append(f"{what} is missing")
        elif found and not wanted:
            self.amiss.append(f"{what} came unasked")
        elif found > 1 and once:
            self.doubled.append(f"{what} came {found} times")


def judge(
    stories: Sequence[Story],
    received: Mapping[str, Received],
    demos: Mapping[str, Demo],
    rests: Mapping[str, Sequence[str]],
) -> Verdict:
    """Compare every story with what each vendor received; `rests` are the reasons shown for each order, by its id."""
    verdict = Verdict()
    for story in stories:
        bought = _judge_parcels(verdict, story, received, demos, rests)
        for name, one in received.items():
            _judge_records(verdict, story, name, one)
            _judge_person(verdict, story, name, one, bought=bought)
    for name, one in received.items():
        for ident, paid in Counter(one.purchases or ()).items():
            if paid > 1:
                verdict.doubled.append(f"{name}: postage of {ident} was paid {paid} times")
        _judge_visitors(verdict, stories, name, one)
    return verdict


def _judge_parcels(
    verdict: Verdict,
    story: Story,
    received: Mapping[str, Received],
    demos: Mapping[str, Demo],
    rests: Mapping[str, Sequence[str]],
) -> bool:
    """Judge the parcels of a story; return whether one was bought."""
    found: list[tuple[str, Parcel]] = [
        (name, parcel)
        for name, one in received.items()
        for parcel in one.parcels or ()
        if parcel.is_live and story.ref and parcel.order in (story.ref, story.number)
    ]
    verdict.count(f"{story.name}: its parcel", len(found), wanted=story.is_booked)
    if story.rests and not any(story.rests in reason for reason in rests.get(story.ref, ())):
        verdict.lost.append(f"{story.name}: neither booked nor shown with its reason ({story.rests})")
    if not (found and story.is_booked):
        return False
    carrier, parcel = found[0]
    reserved = {country for one in demos.values() for country in one.countries}
    own = demos[carrier].countries
    if own if story.country not in reserved else story.country not in own:
        verdict.amiss.append(f"{story.name}: booked at {carrier}")
    bought = parcel.tracking_number is not None
    verdict.count(f"{story.name}: postage", bought, wanted=not (story.is_unpaid or story.shop in demos[carrier].drafts))
    return bought


def _judge_records(verdict: Verdict, story: Story, name: str, one: Received) -> None:
    """Judge what is kept of orders and accounts, and what access was opened: one each, and no other."""
    for kept, idents, wanted, what in (
        (one.orders, (story.ref, story.number), story.is_created, "order"),
        (one.customers, (story.ref,), story.is_account, "customer record"),
        (one.sessions, (story.account, story.ref), story.buys_access, "session"),
    ):
        if kept is not None and story.ref:
            verdict.count(f"{story.name}: its {what} at {name}", sum(map(kept.count, set(idents))), wanted=wanted)


def _judge_person(verdict: Verdict, story: Story, name: str, one: Received, *, bought: bool) -> None:
    if one.people is None or not story.ref:
        return
    wanted = {*story.tracked, *(["Order Shipped"] if bought else [])}
    counted = Counter(event.name for event in one.people.events if story.ref in event.about)
    for event in sorted({*wanted, *counted}):
        verdict.count(f"{story.name}: {event} at {name}", counted[event], wanted=event in wanted)
    if story.tracked and story.email and story.email not in one.people.emails:
        verdict.lost.append(f"{story.name}: its buyer was not identified at {name}")


def _judge_visitors(verdict: Verdict, stories: Sequence[Story], name: str, one: Received) -> None:
    """Every order of an account joins one visitor to it."""
    joined = Counter(kept.rpartition(":")[2] for kept, _ in set(one.people.aliases)) if one.people else Counter()
    wanted = Counter(story.visitor_of for story in stories if story.visitor_of and story.tracked)
    for account, count in wanted.items() if one.people else ():
        if joined[account] < count:
            verdict.lost.append(f"customer {account}: {joined[account]} of {count} visits were joined at {name}")
