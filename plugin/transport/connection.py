"""Connections as urllib3 makes them, and pools that keep them open, for calls in two halves: sent now, answered later.

`urlopen` of urllib3 would wait for the answer in between; what it does besides has no place here: retries, redirects.
"""

from __future__ import annotations

import contextlib
import socket as sockets
from collections import deque
from http.client import HTTPConnection as Plain
from typing import TYPE_CHECKING, Any, ClassVar, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from plugin.transport.response_parser import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Mapping


class HttpConnection(HTTPConnection):
    """A connection as urllib3 makes it; `plugin/transport/call.py` speaks over it, at a fourth of urllib3's cost."""

    _read_seconds: float | None = None

    @property
    def socket(self) -> sockets.socket | None:
        """The socket to wait for and to cut, None if not connected; the outer one of TLS within TLS."""
        return getattr(self.sock, "socket", self.sock)

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open and silent: what came unasked would be taken for the next call's answer."""
        # Of TLS within TLS the kernel has given away already what waits here.
        held = getattr(self.sock, "incoming", None)
        return super().is_connected and (held is None or held.pending == 0)

    def write(self, request: bytes) -> None:
        """Send a whole request in one piece: half the packets, and half the journeys into the kernel."""
        connected, sent = self._connected(), 0
        if connected.gettimeout() == 0:
            with contextlib.suppress(BlockingIOError):
                sent = connected.send(request)
            if sent == len(request):
                return
            connected.settimeout(self._read_seconds)
        connected.sendall(memoryview(request)[sent:])

    def read_answer(self, timeout: float) -> ResponseParser:
        """Return the answer, read to its end; no two bytes of it may be further apart than `timeout` seconds."""
        self._read_seconds = timeout
        parser = ResponseParser()
        parser.read(self._receive)
        return parser

    def make_nonblocking(self) -> None:
        """Make reading and writing try without waiting first, which saves two system calls for each call."""
        if type(self.sock) is sockets.socket and self.sock.gettimeout() != 0:
            self.sock.settimeout(0)

    def _receive(self, most: int) -> bytes:
        connected = self._connected()
        if connected.gettimeout() == 0:
            with contextlib.suppress(BlockingIOError):
                return connected.recv(most)
        if connected.gettimeout() != self._read_seconds:
            connected.settimeout(self._read_seconds)
        return connected.recv(most)

    def _connected(self) -> sockets.socket:
        if self.sock is None:
            raise ConnectionError("not connected")
        return self.sock


class TlsConnection(HttpConnection, HTTPSConnection):
    """The same with TLS."""


class Pool(HTTPConnectionPool):
    """The connections of one address: those that are open and free, the last one used first."""

    ConnectionCls = HttpConnection

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        super().__init__(*arguments, **options)
        self._free: deque[HttpConnection] = deque()

    @property
    def forwards(self) -> bool:
        """Whether the other end is a proxy that passes requests on, and gets with each what a tunnel gets once."""
        return self.proxy is not None and (self.host, self.port) == (self.proxy.host, self.proxy.port)

    def free(self) -> HttpConnection | None:
        """Take out an open connection that nobody uses, or None; drop those that the other side has closed."""
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
        """Return a new connection, not open yet."""
        return cast("HttpConnection", self._new_conn())

    def open(self, connection: HttpConnection, timeout: float) -> None:
        """Connect, through a proxy where that is the way, with at most `timeout` seconds for each step.

        Raises whatever urllib3 and the socket do; nothing of a request was sent then.
        """
        connection.timeout = timeout
        self._prepare_tunnel(connection)
        if connection.is_closed:
            connection.connect()

    def keep(self, connection: HttpConnection) -> None:
        """Take a connection back, for the next call if it is still open."""
        if not connection.is_closed:
            connection.make_nonblocking()
            self._free.append(connection)

    def close(self) -> None:
        """Close every connection that nobody uses."""
        while self._free:
            self._free.pop().close()
        super().close()

    def _prepare_tunnel(self, connection: HttpConnection) -> None:
        """Do what must come before connecting: ask a proxy in between for a tunnel to an address with TLS."""


class TlsPool(Pool, HTTPSConnectionPool):
    """The connections of one address with TLS."""

    ConnectionCls = TlsConnection

    def _prepare_tunnel(self, connection: HttpConnection) -> None:
        if self.proxy is not None and not self.forwards:
            self._prepare_proxy(cast("HTTPSConnection", connection))


class Adapter(HTTPAdapter):
    """The way in which requests finds out how an address is reached, with our pools."""

    pool_classes: ClassVar[dict[str, type[HTTPConnectionPool]]] = {"http": Pool, "https": TlsPool}

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  (passed on)
        """Have urllib3 make our pools."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self.pool_classes

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  (passed on)
        """Return what makes pools behind a proxy: ours too."""
        manager = super().proxy_manager_for(*arguments, **options)
        if isinstance(manager, ProxyManager):
            manager.pool_classes_by_scheme = self.pool_classes
        return manager


class _Head(Plain):
    """A connection of the standard library that keeps what it would send."""

    written = b""

    def send(self, data: Any) -> None:  # noqa: ANN401  (the standard library's own form)
        """Append to what is written."""
        self.written += data


def written_head(pool: Pool, method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return a request up to the place where the length of its body is said, as the standard library writes it.

    `headers` hold an Accept-Encoding. Raises `ValueError` for what would not be a header.
    """
    writing = _Head(pool.host, pool.port)
    writing.default_port = pool.ConnectionCls.default_port
    writing.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        writing.putheader(name, value)
    writing.endheaders()
    return writing.written.removesuffix(b"\r\n")
