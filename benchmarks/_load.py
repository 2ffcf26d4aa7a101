"""The load generator: signed webhooks over kept-alive raw sockets, one thread, no HTTP library.

It runs in the benchmark's own process, which does nothing else meanwhile. Everything that is sent is put together
before the clock starts, so that on two cores the server and not the generator is what is measured; `generator_busy`
says how much of the time it used its core.
"""

from __future__ import annotations

import functools
import secrets
import select
import socket
import sys
import time
from dataclasses import dataclass

from plugin import sandbox

# Different orders; what makes each webhook a new one is its id, which the signature does not cover.
_BODIES = 64
_ID = b"{webhook}"


@dataclass(slots=True)
class _Call:
    """One connection and what it is waiting for."""

    socket: socket.socket
    began: float
    answer: bytes = b""


def requests(shop: str, secret: str, count: int, bodies: int = _BODIES) -> list[bytes]:
    """`count` webhooks as they travel, every one with an id of its own, of so many orders of distinct people."""
    forms = [_form(shop, secret, number) for number in range(bodies)]
    run = secrets.token_hex(8)
    return [forms[number % bodies].replace(_ID, f"{run}-{number}".encode(), 1) for number in range(count)]


@functools.cache
def _form(shop: str, secret: str, number: int) -> bytes:
    sample = sandbox.sample("shopify", "orders/create", number, secret, shop)
    headers = {"Host": "127.0.0.1", **sample.headers, "X-Shopify-Webhook-Id": _ID.decode()}
    lines = ["POST /webhooks/shopify HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(sample.body)}", "", ""]).encode() + sample.body


class Load:
    """Sends every request once, over so many connections, the next as soon as an answer is there."""

    def __init__(self, port: int, connections: int, waiting: list[bytes]) -> None:
        self._port = port
        self._waiting = iter(waiting)
        self._epoll = select.epoll()
        self._calls: dict[int, _Call] = {}
        self._connections = connections
        self.seconds: list[float] = []
        self.refused: list[bytes] = []

    def run(self) -> None:
        """Until everything was answered."""
        for _ in range(self._connections):
            self._next(self._connect())
        while self._calls:
            for number, _ in self._epoll.poll(30):
                self._read(self._calls[number])

    def _connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._epoll.register(made.fileno(), select.EPOLLIN)
        return made

    def _next(self, free: socket.socket) -> None:
        request = next(self._waiting, None)
        if request is None:
            self._drop(free)
            return
        self._calls[free.fileno()] = _Call(free, time.perf_counter())
        free.sendall(request)

    def _read(self, call: _Call) -> None:
        received = call.socket.recv(65536)
        call.answer += received
        head, found, body = call.answer.partition(b"\r\n\r\n")
        closing = not received or (bool(found) and b"connection: close" in head.lower())
        if received and not (found and len(body) >= _length(head)):
            return
        self.seconds.append(time.perf_counter() - call.began)
        if not call.answer.startswith(b"HTTP/1.1 200"):
            self.refused.append(call.answer)
        free = call.socket
        if closing:
            # Gunicorn's sync workers serve one request a connection.
            began = time.perf_counter()
            self._drop(free)
            free = self._connect()
            self._next(free)
            if free.fileno() in self._calls:
                self._calls[free.fileno()].began = began
        else:
            self._next(free)

    def _drop(self, used: socket.socket) -> None:
        self._calls.pop(used.fileno(), None)
        self._epoll.unregister(used.fileno())
        used.close()


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    return int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def measure(port: int, shop: str, secret: str, *, connections: int, count: int) -> dict[str, float]:
    """Send `count` new webhooks; those answered 200 a second, percentiles, how busy we were, and how many others."""
    load = Load(port, connections, requests(shop, secret, count))
    began, used = time.perf_counter(), time.process_time()
    load.run()
    took = time.perf_counter() - began
    ordered = sorted(load.seconds)
    if load.refused:
        sys.stderr.write(
            f"port {port}: {len(load.refused)} not answered 200, the first with {load.refused[0][:300]!r}\n"
        )
    return {
        "per_second": (len(ordered) - len(load.refused)) / took,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
        "generator_busy": (time.process_time() - used) / took,
        "not_200": len(load.refused),
    }
