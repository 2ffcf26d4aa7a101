"""A bound on a whole HTTP call, however slowly its answer trickles in: at the deadline the connection is cut.

`requests` bounds only the silence between two bytes. A call that outlasted its lease could be made a second time by
somebody else, so the bound has to hold from outside.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK_SECONDS = 0.5
_here = threading.local()


class Call:
    """One call under watch, and the socket that it uses."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.sock: socket.socket | None = None
        self.expired = False

    def cut(self) -> None:
        """Wake whoever reads from the connection; it will find that nothing more comes."""
        self.expired = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class Watch:
    """Watches every call of a sender from one thread, which starts with the first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: set[Call] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Everything that happens inside, on this thread, is cut after the bound."""
        call = Call(time.monotonic() + self._seconds)
        with self._lock:
            self._calls.add(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
        _here.call = call
        try:
            yield call
        finally:
            _here.call = None
            with self._lock:
                self._calls.discard(call)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(_TICK_SECONDS):
            now = time.monotonic()
            with self._lock:
                late = [call for call in self._calls if call.deadline < now]
            for call in late:
                call.cut()


class _Watched(HTTPConnection):
    """One that sends head and body in one piece: half the packets, and half the journeys into the kernel."""

    _pieces: list[Any] | None = None

    def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        self._pieces = []
        try:
            super().request(*arguments, **options)
            whole = b"".join(self._pieces)
        finally:
            self._pieces = None
        if self.sock is None:
            self.connect()
        _register(self)
        self.send(whole)

    def send(self, data: Any) -> None:  # noqa: ANN401  (passed on)
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class WatchedAdapter(HTTPAdapter):
    """An adapter whose connections tell the watch of the thread that uses them."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        """Make pools of watched connections."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _register(connection: HTTPConnection) -> None:
    call: Call | None = getattr(_here, "call", None)
    if call is not None:
        # Kept here because a connection gives its socket away to an answer whose end is the connection's end.
        call.sock = connection.sock
