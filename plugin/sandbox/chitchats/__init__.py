"""Chit Chats, emulated."""

from plugin.sandbox.chitchats.api import emulator

__all__ = ["emulator"]
