"""The parcels that the emulated carriers have in the end, in one form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plugin.sandbox import Sandbox

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
READ: Mapping[str, Callable[[Mapping[str, Any]], list[dict[str, Any]]]] = {"chitchats": _listed, "shiptheory": _booked}


def parcels(sandbox: Sandbox) -> Sequence[Mapping[str, Any]]:
    """Every parcel with its carrier, the dead ones too."""
    return [
        one | {"carrier": name, "is_live": one["status"] not in _DEAD}
        for name, read in READ.items()
        for one in read(sandbox.emulators[name].state())
    ]
