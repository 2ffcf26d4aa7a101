"""chrts as a destination."""

from plugin.destinations.chrts.vendor import destination

__all__ = ["destination"]
