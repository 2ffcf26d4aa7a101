"""A threaded loopback server that keeps connections alive, which werkzeug's own request handler does not."""

import socket
import threading
from contextlib import suppress
from io import BytesIO
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Response


class KeepAliveHandler(WSGIRequestHandler):
    """Serves one connection; reads each request whole and answers it in one segment."""

    protocol_version = "HTTP/1.1"
    # Head and body in two small writes, with Nagle here and delayed acknowledgement there, cost 40 ms a call.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request.

        werkzeug 3.1's version of this sends `Connection: close` and waits 10 ms for stray input after each answer,
        because it does not read the body to its end. This one does, so the connection can be used again.
        """
        environ = self.make_environ()
        environ["wsgi.input"] = BytesIO(self._body(environ))
        response = Response.from_app(self.server.app, environ, buffered=True)
        if self.connection.fileno() == -1:  # a fault closed it
            self.close_connection = True
            return
        self._send(response)

    def _body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            chunks: bytes = environ["wsgi.input"].read()
            return chunks
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))

    def _send(self, response: Response) -> None:
        body = response.get_data()
        promised = response.headers.get("Content-Length", type=int)
        if promised is None and response.status_code != 204:  # noqa: PLR2004 - 204 has neither body nor length
            response.headers["Content-Length"] = str(len(body))
        if promised is not None and promised != len(body) and self.command != "HEAD":
            self.close_connection = True
        if self.close_connection:
            response.headers["Connection"] = "close"
        head = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        self.wfile.write(f"HTTP/1.1 {response.status}\r\n{head}\r\n".encode("latin-1") + body)

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the name is werkzeug's
        """Say nothing: the journal has it."""


class Server(ThreadedWSGIServer):
    """Knows its open connections, so that stopping it ends them too."""

    def __init__(self, listening: socket.socket, app: Any) -> None:  # noqa: ANN401 - any WSGI application
        host, port = listening.getsockname()[:2]
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(host, port, app, KeepAliveHandler, fd=listening.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """Serve a new connection on its own thread."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """Close a connection that is done."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def end_connections(self, patience: float = 2.0) -> None:
        """Close every connection and wait for the threads that serve them."""
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=patience)
