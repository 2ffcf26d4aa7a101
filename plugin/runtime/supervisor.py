"""`crossdock up`: every process of one machine, started in order, watched, and stopped in order."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.error import URLError
from urllib.request import urlopen

from plugin.core import log
from plugin.core.errors import ConfigError
from plugin.runtime.embedded_redis import EmbeddedRedis
from plugin.storage.database import Database
from plugin.storage.migrate import migrate

if TYPE_CHECKING:
    from types import TracebackType

    from plugin.settings import Settings

_ROLES = ("web", "worker", "clock")
_START_SECONDS = 30.0
# Longer than the longest call in flight, which a worker records first.
_STOP_SECONDS = 35.0
_WATCH_SECONDS = 0.5


class Supervisor:
    """A context in which the whole line runs; a process that dies is started again."""

    def __init__(self, settings: Settings, port: int, *, quiet: bool = False) -> None:
        self._settings = settings
        self._port = port
        self._quiet = quiet
        self._stack = ExitStack()
        self._redis: EmbeddedRedis | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.base_url = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        _require_free(self._port)
        with ExitStack() as starting:
            if self._settings.embedded_redis:
                redis = EmbeddedRedis(self._settings.redis_socket, self._settings.data_dir / "redis")
                self._redis = starting.enter_context(redis)
            database = Database(self._settings.database_url)
            migrate(database)
            database.close()
            starting.callback(self._stop)
            for role in _ROLES:
                self._start(role)
            self._await_web()
            self._stack = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def watch(self, stopping: threading.Event) -> None:
        """Start again what dies, until asked to stop."""
        while not stopping.wait(_WATCH_SECONDS):
            self.revive()

    def pids(self) -> dict[str, int]:
        """Return the processes by their roles; `redis` is among them if it came along."""
        found = {role: process.pid for role, process in self._processes.items()}
        return found if self._redis is None or self._redis.pid is None else found | {"redis": self._redis.pid}

    def revive(self) -> None:
        """Start again what has died."""
        if self._redis is not None:
            self._redis.revive()
        for role, process in list(self._processes.items()):
            if process.poll() is not None:
                log.trouble("process died", role=role, status=process.returncode)
                # A killed web server leaves its own workers on the port.
                _end_session(process)
                self._start(role)

    def _start(self, role: str) -> None:
        arguments = [sys.executable, "-m", "plugin", role, "--with-parent"]
        if role == "web":
            arguments += ["--host", "127.0.0.1", "--port", str(self._port)]
        environment = {
            **os.environ,
            "DATABASE_URL": self._settings.database_url,
            "REDIS_URL": self._settings.redis_address,
            "PORT": str(self._port),
            "WEB_CONCURRENCY": str(self._settings.web_concurrency),
            "BASE_URL": self._settings.environment.get("BASE_URL") or self.base_url,
            "SECRET_KEY": ",".join(self._settings.secret_keys),
            "LOG_LEVEL": "ERROR" if self._quiet else self._settings.log_level,
        }
        # A session of their own: Ctrl-C reaches only us, and we stop them in order. If we are killed instead, their
        # standard input ends, and they stop by themselves: see `stop_with_parent`.
        self._processes[role] = subprocess.Popen(  # noqa: S603  (our own command)
            arguments, env=environment, stdin=subprocess.PIPE, start_new_session=True
        )

    def _await_web(self) -> None:
        ends = time.monotonic() + _START_SECONDS
        while not self._is_answering():
            if self._processes["web"].poll() is not None or time.monotonic() > ends:
                raise ConfigError(f"nothing answers on port {self._port}: is it in use? Set PORT to a free one")
            time.sleep(0.05)

    def _is_answering(self) -> bool:
        try:
            with urlopen(f"{self.base_url}/healthz", timeout=1) as answer:  # noqa: S310  (our own loopback address)
                return bool(answer.status == 200)  # noqa: PLR2004
        except (URLError, OSError):
            return False

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.trouble("process did not stop", pid=process.pid)
            _end_session(process)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(f"port {port} can't be used ({error.strerror}): set PORT to a free one") from None


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a process and of those it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def stop_with_parent() -> None:
    """Send this process a SIGTERM when whoever holds the other end of its standard input is gone."""

    def watch() -> None:
        # Not through `sys.stdin`, whose lock would still be held when the interpreter ends.
        while os.read(0, 1):
            pass
        # To the main thread itself: only there does Python run its handlers, and only so is a wait of it cut short.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
