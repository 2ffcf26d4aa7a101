"""Shiptheory, emulated."""

from plugin.sandbox.shiptheory.api import emulator

__all__ = ["emulator"]
