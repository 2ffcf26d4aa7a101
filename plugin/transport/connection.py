"""Connections that stay open, as urllib3 makes them, for calls in two halves: sent now, answered later.

`urlopen` would wait for the answer in between. What it does besides belongs to nothing here: retries and redirects.
"""

from __future__ import annotations

import contextlib
import socket as sockets
from collections import deque
from http.client import HTTPConnection as Plain
from typing import TYPE_CHECKING, Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from plugin.transport.response_parser import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Mapping


class HttpConnection(HTTPConnection):
    """A connection as urllib3 makes it; `plugin/transport/call.py` speaks over it, at a fourth of urllib3's cost."""

    _patience: float | None = None

    @property
    def socket(self) -> sockets.socket | None:
        """What to wait for and what to cut; of TLS within TLS the outer one, which the kernel knows."""
        return getattr(self.sock, "socket", self.sock)

    @property
    def is_connected(self) -> bool:
        """Whether it is open and silent: what came unasked would be taken for the next call's answer."""
        # Of TLS within TLS the kernel has given away already what waits here.
        held = getattr(self.sock, "incoming", None)
        return super().is_connected and (held is None or held.pending == 0)

    def ask(self, request: bytes) -> None:
        """Send a whole request in one piece: half the packets, and half the journeys into the kernel."""
        connected, sent = self._connected(), 0
        if connected.gettimeout() == 0:
            with contextlib.suppress(BlockingIOError):
                sent = connected.send(request)
            if sent == len(request):
                return
            connected.settimeout(self._patience)
        connected.sendall(memoryview(request)[sent:])

    def answer(self, timeout: float) -> ResponseParser:
        """Read the answer, in which no two bytes may be further apart than `timeout` seconds."""
        self._patience = timeout
        parser = ResponseParser()
        parser.read(self._receive)
        return parser

    def rest(self) -> None:
        """Wait for nothing from now on as long as that goes well, which saves the kernel a question for each call."""
        if type(self.sock) is sockets.socket and self.sock.gettimeout() != 0:
            self.sock.settimeout(0)

    def _receive(self, most: int) -> bytes:
        connected = self._connected()
        if connected.gettimeout() == 0:
            with contextlib.suppress(BlockingIOError):
                return connected.recv(most)
        if connected.gettimeout() != self._patience:
            connected.settimeout(self._patience)
        return connected.recv(most)

    def _connected(self) -> sockets.socket:
        if self.sock is None:
            raise ConnectionError("not connected")
        return self.sock


class _TlsConnection(HttpConnection, HTTPSConnection):
    pass


class Pool(HTTPConnectionPool):
    """Connections of one address: those that are open and free, the last one used first."""

    ConnectionCls = HttpConnection

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        super().__init__(*arguments, **options)
        self._free: deque[HttpConnection] = deque()

    @property
    def forwards(self) -> bool:
        """Whether the other end is a proxy that passes requests on; with each it is told what a tunnel is told once."""
        return self.proxy is not None and (self.host, self.port) == (self.proxy.host, self.proxy.port)

    def free(self) -> HttpConnection | None:
        """An open connection that nobody uses; those that the other side has closed meanwhile are dropped."""
        while self._free:
            try:
                connection = self._free.pop()
            except IndexError:
                return None
            if connection.is_connected:
                return connection
            connection.close()
        return None

    def fresh(self) -> HttpConnection:
        """A new connection, not open yet."""
        return cast("HttpConnection", self._new_conn())

    def open(self, connection: HttpConnection, timeout: float) -> None:
        """Connect, through a proxy where that is the way, with at most `timeout` seconds for each step.

        Raises whatever urllib3 and the socket do; nothing of a request was sent then.
        """
        connection.timeout = timeout
        self._reach(connection)
        if connection.is_closed:
            connection.connect()

    def keep(self, connection: HttpConnection) -> None:
        """Take a connection back, for the next call if it is still open."""
        if not connection.is_closed:
            connection.rest()
            self._free.append(connection)

    def close(self) -> None:
        """Close every connection that nobody uses."""
        while self._free:
            self._free.pop().close()
        super().close()

    def _reach(self, connection: HttpConnection) -> None:
        """What must come before connecting: a tunnel to an address with TLS, if there is a proxy in between."""


class _TlsPool(Pool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection

    def _reach(self, connection: HttpConnection) -> None:
        if self.proxy is not None and not self.forwards:
            self._prepare_proxy(cast("HTTPSConnection", connection))


class Adapter(HTTPAdapter):
    """Requests' way of finding out how an address is reached, with pools of ours."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        """Make pools of our connections."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  (passed on)
        """The same behind a proxy."""
        manager = super().proxy_manager_for(*arguments, **options)
        if isinstance(manager, ProxyManager):
            manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": Pool, "https": _TlsPool}


class _Head(Plain):
    """Keeps what the standard library would send."""

    written = b""

    def send(self, data: Any) -> None:  # noqa: ANN401  (the standard library's own form)
        """Gather."""
        self.written += data


def written_head(pool: Pool, method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """A request up to the place where the length of its body is to be said, as the standard library writes it.

    `headers` hold an Accept-Encoding. Raises `ValueError` for what would not be a header.
    """
    writing = _Head(pool.host, pool.port)
    writing.default_port = pool.ConnectionCls.default_port
    writing.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        writing.putheader(name, value)
    writing.endheaders()
    return writing.written.removesuffix(b"\r\n")
