"""Chit Chats as a destination."""

from plugin.destinations.chitchats.vendor import destination

__all__ = ["destination"]
