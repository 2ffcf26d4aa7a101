"""The console script as a person or a script runs it: a process of its own, its two streams and its status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """Run one command to its end; `answer` is typed where it asks."""
    done = subprocess.run(
        [sys.executable, "-m", "plugin", *arguments],
        env=surroundings(environment),
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
