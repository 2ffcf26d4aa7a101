"""The console script as a person or a script runs it: its two streams and its status."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from click.testing import CliRunner

from plugin.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "BASE_URL", "PORT", "WEB_CONCURRENCY", "LOG_LEVEL")


class Ran(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  (any JSON value)
        """Standard output as the one JSON document that it has to be."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """Standard error of a command that refused: words, no trace, nothing on standard output."""
        assert (self.status, self.out) == (1, ""), self
        assert "Traceback" not in self.err
        return self.err


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return this machine's environment with exactly these variables of ours."""
    machine = {name: value for name, value in os.environ.items() if name not in OURS and "SHOPIFY" not in name}
    return machine | dict(environment)


def crossdock(environment: Mapping[str, str], *arguments: str, answer: str = "") -> Ran:
    """Run one command to its end, in this process, as starting one takes a second; `answer` is typed where it asks.

    What a process of its own does besides is asserted in `tests/cli/test_start.py`.
    """
    with (
        _restored_log(),
        patch.dict(os.environ, surroundings(environment), clear=True),
        patch.object(sys, "argv", ["crossdock", *arguments]),
        CliRunner().isolation(answer) as (out, err, _),
    ):
        status = _status()
        return Ran(status, out.getvalue().decode(), err.getvalue().decode())


def _status() -> int:
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except Exception:  # noqa: BLE001  (whatever it is, Python ends so)
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _restored_log() -> Iterator[None]:
    """Let a command set the log up as it likes, and then have it as it was."""
    root, ours = logging.getLogger(), logging.getLogger("crossdock")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    try:
        # Taken off, as who sets the log up closes what was on it.
        root.handlers.clear()
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
