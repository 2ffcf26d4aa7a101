"""Calls as chrts takes them, and its answers."""

from mappings.destinations.chrts.messages import PATHS, accepted, body

__all__ = ["PATHS", "accepted", "body"]
