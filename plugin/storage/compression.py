"""Bodies as they are stored: compressed, since what is written costs more than what is computed."""

from __future__ import annotations

import zlib

from isal import isal_zlib

# What JSON begins with, and no compressed stream.
_PLAIN = b"{"
# At 1 it makes as little of an order as zlib does, in a fifth of the time; 0 would save half of that and keep a tenth
# more.
_LEVEL = 1


def compress(body: bytes) -> bytes:
    """Return a body in the format of zlib; never empty, not even of nothing."""
    return isal_zlib.compress(body, _LEVEL)


def decompress(stored: bytes) -> bytes | None:
    """Return a stored body, also of one that an earlier release stored plain; None if it was erased or is damaged."""
    if stored.startswith(_PLAIN):
        return stored
    try:
        return zlib.decompress(stored)
    except zlib.error:
        return None
