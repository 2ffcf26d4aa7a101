"""Locks between the processes of one machine: files that are locked as long as they are open."""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TRIES_A_SECOND = 1_000


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


@contextmanager
def turn(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock on a file for as long as the context lasts; without it, if others have it for all these `seconds`.

    It orders those who would otherwise get into each other's way, and is no guard: where there can be no such file,
    nobody waits.
    """
    file = None
    with suppress(OSError):
        file = _wait_for(path, seconds)
    try:
        yield
    finally:
        if file is not None:
            file.close()


def _wait_for(path: Path, seconds: float) -> IO[str] | None:
    for _ in range(int(seconds * _TRIES_A_SECOND)):
        file = lock(path)
        if file is not None:
            return file
        time.sleep(1 / _TRIES_A_SECOND)
    return None
