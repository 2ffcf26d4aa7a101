"""Segment and what speaks its language, emulated."""

from plugin.sandbox.segment.api import emulator

__all__ = ["emulator"]
