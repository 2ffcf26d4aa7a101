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


# Whatever is none of these is still to be paid for, or was.
_DEAD = frozenset({"canceled", "voided", "Failed", "Ignored"})


def _listed(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = ("id", "order_id", "status", "carrier_tracking_code", "purchase_amount")
    return [{key: one[key] for key in keys} for one in state["shipments"]]


def _booked(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": one["reference"],
            "order_id": one["reference2"],
            "status": one["status"],
            "carrier_tracking_code": one["tracking"],
            "purchase_amount": None,
        }
        for one in state["shipments"]
    ]


# How each carrier's emulator shows them: by the order's id, or by its number.
READ_PARCELS: Mapping[str, Callable[[Mapping[str, Any]], list[dict[str, Any]]]] = {
    "chitchats": _listed,
    "shiptheory": _booked,
}


def parcels(sandbox: Sandbox) -> Sequence[Mapping[str, Any]]:
    """Every parcel with its carrier, the dead ones too."""
    return [
        one | {"carrier": name, "is_live": one["status"] not in _DEAD}
        for name, read in READ_PARCELS.items()
        for one in read(sandbox.emulators[name].state())
    ]
