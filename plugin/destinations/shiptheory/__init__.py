"""Shiptheory as a destination."""

from plugin.destinations.shiptheory.vendor import destination

__all__ = ["destination"]
