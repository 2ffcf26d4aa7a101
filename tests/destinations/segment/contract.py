"""How Segment is tried by the tests of all destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.contract import Contract

if TYPE_CHECKING:
    from plugin.sandbox import Received


def _made(received: Received) -> int:
    """Return how many sales were counted; one that is counted twice is two."""
    return sum(event.name == "Order Completed" for event in received.people.events) if received.people else 0


CONTRACT = Contract(
    call="POST /v1/track",
    action="track",
    made=_made,
    # One message in a call, whose type is in its path.
    settings={"write_key": "k", "path": "single"},
    secrets={"write_key": "key-en-1"},
    order_settings={"write_key": "k", "user_id": "email"},
    # It is known by its id, and simply sent again; a success is taken at its word.
    after_loss=(2, 1),
    after_emptiness=(1, 1),
    goldens_are_requests=False,
)
