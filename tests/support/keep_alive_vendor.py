"""A vendor or a proxy whose connections last: it says what a test tells it to, piece by piece, with TLS or without."""

from __future__ import annotations

import json
import select
import socket
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self

from plugin.core.response import Response
from plugin.core.step import Request
from plugin.transport.call import InFlightCall

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from plugin.transport.client import Client

    Say = Callable[[bytes], Iterable[bytes]]

OURS = "ours alone"
GET = Request(method="GET", path="/x", headers={"Authorization": OURS}, repeatable=True)


def kept(body: object, status: int = 200, *lines: str) -> bytes:
    """Return an answer in JSON after which the connection stays open."""
    raw = json.dumps(body).encode()
    return "\r\n".join((f"HTTP/1.1 {status} Said", *lines, f"Content-Length: {len(raw)}", "", "")).encode() + raw


class Lasting:
    """Listens on loopback, and serves each connection from a thread of its own for as long as both sides want.

    `say` yields what is sent for a request, and may wait in between; nothing at all ends the connection. `tls` is
    spoken from the beginning; what follows a CONNECT that was answered with 200 is passed on to the port `leads_to`.
    `heard` are the requests in the order of their arrival, `connections` how many were accepted.
    """

    def __init__(self, say: Say, *, tls: ssl.SSLContext | None = None, leads_to: int | None = None) -> None:
        self._say = say
        self._tls = tls
        self._leads_to = leads_to
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: set[socket.socket] = set()
        self.heard: list[bytes] = []
        self.connections = 0
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """Close every connection from this side."""
        for connection in tuple(self._open):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), closing(self._secured(connection)) as talking:
            self._open.add(talking)
            try:
                self._talk(talking)
            finally:
                self._open.discard(talking)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _talk(self, connection: socket.socket) -> None:
        while request := heard_from(connection):
            self.heard.append(request)
            said = b"".join(_sent(connection, part) for part in self._say(request))
            if not said or b"connection: close" in said.lower():
                return
            if self._leads_to is not None and request.startswith(b"CONNECT") and b" 200 " in said:
                with socket.create_connection(("127.0.0.1", self._leads_to)) as other:
                    _pass_on(connection, other)
                return


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on both ways, until either side has closed."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65_536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def _sent(connection: socket.socket, part: bytes) -> bytes:
    connection.sendall(part)
    return part


def heard_from(connection: socket.socket) -> bytes:
    """Return one request with its body; nothing once the other side has closed."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        more = connection.recv(65_536)
        if not more:
            return b""
        heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        more = connection.recv(65_536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body


def to(path: str) -> Request:
    """Return a call that an `echo` tells apart from others."""
    return Request(method="POST", path=path, headers={"Authorization": OURS}, body={})


def echo(request: bytes) -> Iterator[bytes]:
    """Answer with the target of the request."""
    yield kept({"for": target(request)})


def echo_after(moment: threading.Event, *at_once: str) -> Say:
    """Return an `echo` that waits until `moment` is set, but for the requests to these paths."""

    def say(request: bytes) -> Iterator[bytes]:
        if target(request) not in at_once:
            moment.wait(10)
        yield from echo(request)

    return say


def target(request: bytes) -> str:
    """Return the target that the first line of a request names."""
    return request.split(b" ", 2)[1].decode()


def answered(found: object) -> str:
    """Return the target that an answer of `echo` was meant for."""
    assert isinstance(found, Response), found
    meant: str = found.json["for"]
    return meant


def parked(client: Client, request: Request = GET) -> InFlightCall:
    """Start a call over an open connection and return it, its request sent."""
    started = client.start(request)
    assert isinstance(started, InFlightCall), started
    return started


def drip(ended: threading.Event) -> Iterator[bytes]:
    """Yield an answer of which a byte comes every 20 ms until `ended` is set."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    while not ended.wait(0.02):
        yield b"x"
