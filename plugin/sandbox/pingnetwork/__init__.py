"""Ping Network, emulated."""

from plugin.sandbox.pingnetwork.api import emulator

__all__ = ["emulator"]
