"""Segment and what speaks its language as a destination."""

from plugin.destinations.segment.vendor import destination

__all__ = ["destination"]
