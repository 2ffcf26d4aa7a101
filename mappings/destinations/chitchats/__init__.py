"""Orders as Chit Chats takes them, and its answers as receipts."""

from mappings.destinations.chitchats.create_request import body, fingerprint, is_same, parcels
from mappings.destinations.chitchats.customs import Customs
from mappings.destinations.chitchats.enums import order_store, package
from mappings.destinations.chitchats.rates import NO_RATES, UNCHOSEN, choose, fixed, rule_for
from mappings.destinations.chitchats.response import (
    DEAD_STATUSES,
    DRAFT_STATUSES,
    FAILED_STATUSES,
    LABELS,
    PAID_STATUSES,
    REQUESTED_STATUSES,
    Listed,
    label_address,
    listed,
    open_batch,
    receipt,
)
from mappings.destinations.chitchats.shipment import Package
from mappings.shipping.parcels import content, is_called_off, skip_reason

__all__ = [
    "DEAD_STATUSES",
    "DRAFT_STATUSES",
    "FAILED_STATUSES",
    "LABELS",
    "NO_RATES",
    "PAID_STATUSES",
    "REQUESTED_STATUSES",
    "UNCHOSEN",
    "Customs",
    "Listed",
    "Package",
    "body",
    "choose",
    "content",
    "fingerprint",
    "fixed",
    "is_called_off",
    "is_same",
    "label_address",
    "listed",
    "open_batch",
    "order_store",
    "package",
    "parcels",
    "receipt",
    "rule_for",
    "skip_reason",
]
