"""A vendor that says, byte for byte, what a test tells it to: for answers that no emulator of a sane API gives."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tests.support.keep_alive_vendor import heard_from

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType


def answer(status: int, body: bytes | object = b"", *lines: str) -> bytes:
    """Return an HTTP answer that ends its connection; a body of anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (f"HTTP/1.1 {status} Said", *lines, f"Content-Length: {len(raw)}", "Connection: close", "", "")
    return "\r\n".join(head).encode("latin-1") + raw


class Scripted:
    """Listens on loopback; the n-th request is answered by the n-th of `says`, every later one by the last.

    What it says may be one answer, or an iterable of parts that are sent one after the other; `None` says nothing
    and resets the connection. `heard` are the requests, head and body.
    """

    def __init__(self, *says: bytes | Iterable[bytes] | None) -> None:
        self._says = list(says)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.heard: list[bytes] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        self.heard.append(heard_from(connection))
        said = self._says.pop(0) if len(self._says) > 1 else self._says[0]
        for part in (said,) if isinstance(said, bytes) else said or ():
            connection.sendall(part)
