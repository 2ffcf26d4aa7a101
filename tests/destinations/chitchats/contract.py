"""How Chit Chats is tried by the tests of all destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.contract import Contract
from tests.support.shop import PACKAGE

if TYPE_CHECKING:
    from plugin.sandbox import Received


def _made(received: Received) -> int:
    """Return how many drafts were made, also those that were deleted."""
    return len(received.parcels or ())


CONTRACT = Contract(
    call="POST /api/v1/clients/1/shipments",
    action="book",
    made=_made,
    settings={"client_id": "1", "token": "t", **PACKAGE},
    secrets={"token": "tok-en-1"},
    golden_settings={"default_weight_g": "300", "origin_country": "CA"},
    goldens_are_requests=False,
)
