"""How Ping Network is tried by the tests of all destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.contract import Contract

if TYPE_CHECKING:
    from plugin.sandbox import Received


def _made(received: Received) -> int:
    """Return how many records of customers there are."""
    return len(received.customers or ())


CONTRACT = Contract(
    call="POST /v2/customers",
    action="record",
    made=_made,
    topic="customers/create",
    settings={"token": "t", "rate": "1000/1s"},
    secrets={"token": "tok-en-1"},
    # What is bought there is opened once it is paid.
    order_settings={"token": "t", "session_skus": "PDF-GLAZE=de"},
    order_topic="orders/paid",
    golden_settings={"session_skus": "PDF-GLAZE=de,GUIDE-1=us-east"},
    looks_first=True,
)
