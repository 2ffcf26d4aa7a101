"""What can go wrong on the way to a vendor, switched on by request."""

import random
import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from types import UnionType
from typing import Literal, get_args

Kind = Literal[
    "status",
    "refuse_before",
    "reset_before",
    "reset_after",
    "timeout_before",
    "timeout_after",
    "slow",
    "garbage",
    "cut",
    "empty",
]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble, and which requests meet it.

    `status` answers without processing (`html` for a proxy's page instead of the vendor's error form);
    `refuse_before` closes and `reset_before` resets the connection without processing; `timeout_before` holds it for
    `seconds` and closes it without processing. `reset_after`, `timeout_after`, `garbage`, `cut` and `empty` happen
    after the request took effect: reset without an answer, answer held for `seconds`, HTML instead of JSON, JSON cut
    in half, no body. `slow` waits `seconds`, then all is normal. A truly refused connection is `Sandbox.stop()`.

    It meets every `every`-th request whose "METHOD /path" contains `match`, with probability `chance` (repeatable
    from `seed`), `times` times in all; None is for ever.
    """

    kind: Kind
    _: KW_ONLY
    times: int | None = 1
    match: str = ""
    status: int = 503
    retry_after: int | str | None = None
    html: bool = False
    seconds: float = 30.0
    every: int = 1
    chance: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault kind {self.kind!r} is not one of: {', '.join(KINDS)}")
        if self.every < 1 or not 0 < self.chance <= 1 or (self.times is not None and self.times < 1):
            raise ValueError("fault: every and times must be at least 1 (times null: for ever), chance in (0, 1]")


def read_faults(document: object) -> list[Fault]:
    """Read one fault or a list of them from JSON; a ValueError names what is wrong."""
    return [_read_fault(one) for one in (document if isinstance(document, list) else [document])]


_TYPES: dict[str, type | UnionType] = {
    "kind": str,
    "times": int | None,
    "match": str,
    "status": int,
    "retry_after": int | str | None,
    "html": bool,
    "seconds": int | float,
    "every": int,
    "chance": int | float,
    "seed": int,
}


def _read_fault(document: object) -> Fault:
    if not isinstance(document, dict) or "kind" not in document or set(document) - set(_TYPES):
        raise ValueError(f"a fault is an object with any of: {', '.join(_TYPES)}; kind is required")
    if wrong := [name for name, value in document.items() if not isinstance(value, _TYPES[name])]:
        raise ValueError(f"fault: {wrong[0]} must be {_TYPES[wrong[0]]}")
    return Fault(**document)


class _Armed:
    """A fault with what is left of it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self._seen = 0
        # Seeded by the whole fault: with the bare seed, faults of equal chance would all fall on the same requests.
        self._dice = random.Random(repr(fault))  # noqa: S311 - repeatable faults, not secrets

    def is_due(self, line: str) -> bool:
        """Count a matching request; tell whether this one is hit."""
        if self.fault.match not in line or self.left == 0:
            return False
        self._seen += 1
        return self._seen % self.fault.every == 0 and self._dice.random() < self.fault.chance

    def spend(self) -> Fault:
        """Use the fault up once."""
        self.left = None if self.left is None else self.left - 1
        return self.fault


class Faults:
    """The faults of one emulator, in the order they were switched on; a request meets at most one."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Switch faults on, after those already waiting."""
        with self._lock:
            self._armed += map(_Armed, faults)

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._armed.clear()

    def waiting(self) -> list[Fault]:
        """Return the faults that can still happen."""
        with self._lock:
            return [armed.fault for armed in self._armed if armed.left != 0]

    def pick(self, line: str) -> Fault | None:
        """Take the first fault due for the request "METHOD /path"."""
        with self._lock:
            due = [armed for armed in self._armed if armed.is_due(line)]
            return _first(due)


def _first(due: Iterable[_Armed]) -> Fault | None:
    for armed in due:
        return armed.spend()
    return None


def drop(connection: socket.socket, *, reset: bool) -> None:
    """Close a connection without another byte: by a reset (RST), or politely (FIN).

    The file descriptor is detached first, because a socket with readers on it only closes when they do.
    """
    with suppress(OSError):
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        socket.close(connection.detach())
