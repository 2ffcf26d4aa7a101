"""Customers and sold access as Ping Network takes them, and its answers."""

from mappings.destinations.pingnetwork.bodies import (
    ACTIVE,
    CUSTOMER_FIELDS,
    GONE,
    PAUSED,
    Record,
    customer,
    is_paused,
    receipt,
    record,
    records,
    session,
)

__all__ = [
    "ACTIVE",
    "CUSTOMER_FIELDS",
    "GONE",
    "PAUSED",
    "Record",
    "customer",
    "is_paused",
    "receipt",
    "record",
    "records",
    "session",
]
