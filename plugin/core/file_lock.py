"""Locks between the processes of one machine: files that are locked as long as they are open."""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock(path: Path) -> IO[str] | None:
    """Return a file, made if need be, that is locked until it is closed; None if another process has the lock.

    Raises:
        OSError: the file can't be opened, or not be locked where it lies.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if isinstance(error, BlockingIOError):
            return None
        raise
    return file
