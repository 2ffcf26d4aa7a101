"""What the emulated receivers of customer data were told, in one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugin.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Who they are, who is one, what they did: each call as it was taken, an event with its `name`."""

    identifies: Sequence[Mapping[str, Any]] = ()
    aliases: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, Any]] = ()
    people: int = 0


def _of_its_own_calls(state: Mapping[str, Any]) -> Heard:
    return Heard(
        identifies=state["identifies"],
        aliases=state["aliases"],
        events=state["events"],
        people=len(state["people"]),
    )


def _of_messages(state: Mapping[str, Any]) -> Heard:
    return Heard(
        identifies=[{"traits": one.get("traits") or {}} for one in state["identifies"]],
        aliases=state["aliases"],
        events=[{"name": one["event"], "properties": one["properties"]} for one in state["events"]],
        people=len(state["people"]),
    )


# How each receiver's emulator shows them.
READ: Mapping[str, Callable[[Mapping[str, Any]], Heard]] = {"chrts": _of_its_own_calls, "segment": _of_messages}


def heard(sandbox: Sandbox) -> dict[str, Heard]:
    """What each of them was told."""
    return {name: read(sandbox.emulators[name].state()) for name, read in READ.items()}
