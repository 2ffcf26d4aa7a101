"""How chrts is tried by the tests of all destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.contract import Contract

if TYPE_CHECKING:
    from plugin.sandbox import Received


def _made(received: Received) -> int:
    """Return how many sales were counted; one that is counted twice is two."""
    return sum(event.name == "Order Completed" for event in received.people.events) if received.people else 0


CONTRACT = Contract(
    call="POST /event/track",
    action="track",
    made=_made,
    settings={"api_key": "k", "rate": "1000/1s"},
    secrets={"api_key": "key-en-1"},
    order_settings={"api_key": "k", "user_id": "email"},
    # It can't be looked up, and the default is "at most once more".
    after_loss=(2, 2),
    goldens_are_requests=False,
)
