"""The sink as a benchmark sees it: started with its rules, asked what arrived."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benchmarks._processes import free_port, is_listening, python, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks._sink import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one account took: the moment of each arrival (of the monotonic clock) and its items; most at once."""

    taken: list[float]
    items: list[int]
    refused: int
    most: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running sink."""

    root: str

    def url(self, account: str) -> str:
        """Return what a connection to this account has as its `--base-url`."""
        return f"{self.root}/{account}"

    def seen(self, account: str) -> Seen:
        """Return what arrived for one account so far."""
        return self.seen_by_all()[account]

    def seen_by_all(self) -> dict[str, Seen]:
        """Return what arrived so far, by account."""
        return {name: Seen(**seen) for name, seen in self._ask("_seen").items()}

    def count(self, account: str) -> int:
        """How many items one account took so far."""
        found: int = self._ask("_count")[account]
        return found

    def forget(self) -> None:
        """Start anew."""
        self._ask("_forget")

    def _ask(self, what: str) -> dict[str, Any]:
        with urlopen(f"{self.root}/{what}") as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextlib.contextmanager
def receiver(folder: Path, rules: Mapping[str, Rule]) -> Iterator[Receiver]:
    """Yield a sink with these accounts, until the context ends."""
    port = free_port()
    text = json.dumps({name: asdict(rule) for name, rule in rules.items()})
    with running(python("-m", "benchmarks._sink", str(port), text), folder) as process:
        wait_until(lambda: is_listening(port) or process.poll() is not None, 10, "the sink does not listen")
        yield Receiver(f"http://127.0.0.1:{port}")
