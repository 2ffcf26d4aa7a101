"""Exceptions for what we, or whoever set us up, did wrong. What the world does is a `plugin.core.outcome.Outcome`."""

from __future__ import annotations


class PluginError(Exception):
    """The root of the tree. Messages name the thing and the next step, and never hold a secret or personal datum."""


class ConfigError(PluginError):
    """A setting is missing or wrong; commands print it and exit non-zero, servers stop at start-up."""


class Unavailable(PluginError):
    """The database can't be reached; the sender is answered 503 and keeps its webhook."""


class Refused(PluginError):
    """A request that is turned away at the edge; `status` is what the sender is answered."""

    status = 400


class Unverified(Refused):
    """The signature is missing, malformed or of another secret."""

    status = 401


class UnknownEndpoint(Refused):
    """No such store or platform."""

    status = 404


class TooLarge(Refused):
    """The body is over the size limit."""

    status = 413
