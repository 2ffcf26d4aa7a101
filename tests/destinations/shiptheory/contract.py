"""How Shiptheory is tried by the tests of all destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.contract import Contract

if TYPE_CHECKING:
    from plugin.sandbox import Received


def _made(received: Received) -> int:
    """Return how many parcels a carrier has; a booking that failed is none."""
    return sum(parcel.is_live for parcel in received.parcels or ())


CONTRACT = Contract(
    call="POST /v1/shipments",
    action="book",
    made=_made,
    settings={"token": "t", "rate": "1000/1s"},
    emulator_settings={"tokens": {"t": "ship@example.com"}},
    secrets={"token": "tok-en-1"},
    golden_settings={"default_weight_g": "300", "origin_country": "CA"},
    goldens_are_requests=False,
)
