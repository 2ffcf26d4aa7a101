"""The garbage collection and the processor core of processes that serve."""

from __future__ import annotations

import os
import random
from typing import IO, TYPE_CHECKING

from plugin.core.file_lock import lock

if TYPE_CHECKING:
    from pathlib import Path

import gc

# A lock lasts as long as its file is open: as long as the process.
_kept: list[IO[str]] = []


def keep_to_one(folder: Path) -> int | None:
    """Keep this process and the threads it will start to one core that no other does which asks here with this folder.

    For processes of many threads that take turns at Python's lock: handing it to a thread on another core takes longer
    than most of a webhook. Whatever else runs on this core is moved to others by the system, since it may be.

    Returns:
        The core, or None where nothing was changed: the system can't, there is but one, or each is kept already.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        return None
    # In any order, for neighbours in containers of their own can't see our locks.
    for core in random.sample(cores, len(cores)):
        if _take(folder / f"core-{core}.lock"):
            os.sched_setaffinity(0, {core})
            return core
    return None


def _take(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = lock(path)
    except OSError:
        return False
    if file is not None:
        _kept.append(file)
    return file is not None


_ALLOCATIONS = 50_000


def collect_rarely() -> None:
    """Have Python look for reference cycles rarely, in processes that serve.

    What a webhook or a call needs is freed a moment later without cycles; looking for them took a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS)
