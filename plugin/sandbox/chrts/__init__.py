"""chrts, emulated."""

from plugin.sandbox.chrts.api import emulator

__all__ = ["emulator"]
