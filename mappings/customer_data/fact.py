"""The three calls that customer-data receivers share, and the fact that each of them sends.

Every fact that may be sent only once carries a key made of the fact itself, never of the delivery it came in, so that
creation, update, redelivery and replay together still make one sale (docs/vendors/storefront-to-segment.md §6.5). The
keys are spelt out in the `*_facts.py` beside this module.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mappings.customer_data.properties import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mappings.customer_data.ids import IdentityRules
    from mappings.customer_data.person import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """What is known of a person; at least one id is there."""

    user_id: str | None
    anonymous_id: str | None
    traits: Mapping[str, object]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """`previous_id`, used until now, is the same person as `user_id`, used from now on."""

    user_id: str
    previous_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Somebody did something; amounts in `properties` are `Decimal` until they are dumped."""

    user_id: str | None
    anonymous_id: str | None
    name: str
    properties: Mapping[str, object]
    at: datetime


Call = Identify | Alias | Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One call owed to a receiver, and when not to make it.

    `key`: at most once per connection for ever. `only_if_changed`: not if the last one sent for `group` had the same
    `content`. `subject`: calls about it go out in order.
    """

    key: str | None
    action: Literal["identify", "alias", "track"]
    subject: str
    group: str
    content: str
    only_if_changed: bool
    call: Call

    @property
    def name(self) -> str:
        """What it is called: an event by its own name, the others by what they do."""
        return f"track {self.call.name}" if isinstance(self.call, Track) else self.action

    @property
    def mark(self) -> str:
        """Which of several facts of one name it is, of all that one document leads to; ids in it can't be read off."""
        return hashlib.sha256((self.key or self.name).encode()).hexdigest()[:16]

    @property
    def identity(self) -> str:
        """What makes it this fact and no other, whatever webhook brought it; without a key, its content and time."""
        return self.key or f"{self.name}:{self.group}:{self.content}:{timestamp(self.call.at)}"


def digest(mapped: object) -> str:
    """Return a SHA-256 that is the same for equal content, in whatever order its keys came."""
    return hashlib.sha256(json.dumps(mapped, sort_keys=True, default=str).encode()).hexdigest()


def identify(person: Person, traits: Mapping[str, object], at: datetime, group: str | None = None) -> Fact:
    """Return the fact of who somebody is; not sent if the last one of this `group` of traits said the same."""
    return Fact(
        key=None,
        action="identify",
        subject=person.key,
        group=group or person.key,
        content=digest({"userId": person.user_id, "anonymousId": person.anonymous_id, "traits": traits}),
        only_if_changed=True,
        call=Identify(user_id=person.user_id, anonymous_id=person.anonymous_id, traits=traits, at=at),
    )


def joins(person: Person, rules: IdentityRules, at: datetime) -> Iterator[Fact]:
    """Yield what joins every other id of a person to the one that is kept, each pair once.

    Receivers that don't want aliases join by an identify with both ids; it can't join two users.
    """
    for earlier in person.earlier:
        if rules.alias:
            yield alias(person.kept, earlier, person.key, at)
        elif person.user_id == person.kept and earlier != person.anonymous_id:
            yield _pair(person.kept, earlier, person.key, at)
    if rules.alias and person.successor:
        yield alias(person.successor, person.kept, person.key, at)


def alias(kept: str, previous: str, subject: str, at: datetime) -> Fact:
    """Return the fact that two ids are one person, sent once."""
    return Fact(
        key=f"alias:{previous}:{kept}",
        action="alias",
        subject=subject,
        group=f"alias:{previous}",
        content=digest({"userId": kept, "previousId": previous}),
        only_if_changed=False,
        call=Alias(user_id=kept, previous_id=previous, at=at),
    )


def _pair(user_id: str, anonymous_id: str, subject: str, at: datetime) -> Fact:
    return Fact(
        key=f"pair:{anonymous_id}:{user_id}",
        action="identify",
        subject=subject,
        group=f"pair:{anonymous_id}",
        content=digest({"userId": user_id, "anonymousId": anonymous_id}),
        only_if_changed=False,
        call=Identify(user_id=user_id, anonymous_id=anonymous_id, traits={}, at=at),
    )


def track(
    name: str,
    person: Person,
    group: str,
    *,
    properties: Mapping[str, object],
    at: datetime,
    once: str | None,
    content: str | None = None,
) -> Fact:
    """Return the fact of an event: sent once for ever under the key `once`, or, without one, whenever it changed."""
    # Not every receiver has a place for the time (docs/vendors/chrts.md §5), so the properties keep it.
    timed = {**properties, "occurred_at": timestamp(at)}
    return Fact(
        key=once,
        action="track",
        subject=person.key,
        group=group,
        content=content or digest(properties),
        only_if_changed=once is None,
        call=Track(user_id=person.user_id, anonymous_id=person.anonymous_id, name=name, properties=timed, at=at),
    )
