"""Processes that a benchmark starts, and stops again by their own id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
_STOP_SECONDS = 40.0


class Failed(Exception):
    """A process did not do what the benchmark needs."""


def python(*arguments: str) -> list[str]:
    """Return a command of this very Python."""
    return [sys.executable, *arguments]


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, *, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process with its output in `folder`, ended with all that it started when the context ends."""
    log = folder / f"output-{time.monotonic_ns()}.log"
    own = {"PYTHONPATH": str(ROOT)} | dict(environment or {})
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **own}, cwd=cwd or ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
        if process.poll():
            raise Failed(f"{' '.join(command[:4])} ended by itself:\n{log.read_text()[-2000:]}")
    finally:
        _stop(process)


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a process to its end."""
    with running(command, folder, environment) as process:
        process.wait(300)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], seconds: float, what: str, *, every: float = 0.01) -> None:
    """Wait for something to come true."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise Failed(f"waited {seconds:g} seconds in vain: {what}")
        time.sleep(every)


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def largest_memory(process: subprocess.Popen[bytes]) -> float:
    """Return the most MB that any process of this one's session ever held (Linux; elsewhere 0)."""
    return max((_peak(entry) for entry in Path("/proc").glob("[0-9]*") if _session(entry) == process.pid), default=0.0)


def _peak(entry: Path) -> float:
    with contextlib.suppress(OSError):
        for line in (entry / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _session(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[3])
    except (OSError, ValueError, IndexError):
        return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As a platform does it: a SIGTERM, time to finish, then the end of whatever is left in its session."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    for entry in Path("/proc").glob("[0-9]*"):
        if _session(entry) == process.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
    process.wait()
