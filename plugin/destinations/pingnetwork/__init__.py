"""Ping Network as a destination."""

from plugin.destinations.pingnetwork.vendor import destination

__all__ = ["destination"]
