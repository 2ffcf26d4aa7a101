"""The least that a WSGI application can do: the server's own speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

_BODY = b"hello"
_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(_BODY)))]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Read the body, so that the connection stays usable, and say hello."""
    environ["wsgi.input"].read()
    start_response("200 OK", _HEADERS)
    return [_BODY]
