"""Calls that are no lane's, made by requests: an operator's question, a label's file, a sample, an install."""

from __future__ import annotations

import contextlib
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, cast

import requests
from urllib3 import HTTPConnectionPool, exceptions

from plugin.core.rates import READ_SECONDS
from plugin.core.response import Failure, Response, encode
from plugin.transport import call, response_parser
from plugin.transport.client import MALFORMED, NOT_SENDABLE, headers_of
from plugin.transport.connection import Adapter, HttpConnection, Pool, TlsConnection, TlsPool
from plugin.transport.deadline import DeadlineWatchdog

if TYPE_CHECKING:
    from plugin.core.step import Request

_CHUNK = 65_536
_FIRST_FINAL = 200
# What requests lets through of urllib3 and the standard library.
_TROUBLE = (requests.RequestException, exceptions.HTTPError, OSError, ValueError)


def ask(request: Request, base_url: str) -> Response | Failure:
    """Make one call over a connection of its own and return its answer; never raise for what network or vendor do.

    Promises what a lane's call promises, within the same seconds and bytes; `Failure.sent` is False only when the
    request never left.
    """
    with closing(_Session()) as session, closing(DeadlineWatchdog()) as watchdog:
        try:
            prepared = _prepared(request, base_url)
            environment = session.merge_environment_settings(prepared.url, {}, True, None, None)  # noqa: FBT003  (its own form)
        except MALFORMED:
            return NOT_SENDABLE
        watchdog.add(session.adapter)
        try:
            return _answer(session, prepared, environment)
        except _TROUBLE as error:
            return session.adapter.failure(error)
        finally:
            watchdog.discard(session.adapter)


def _prepared(request: Request, base_url: str) -> requests.PreparedRequest:
    body = encode(request.body)
    return requests.Request(
        method=request.method,
        url=base_url.rstrip("/") + request.path,
        headers=headers_of(request.headers, has_body=body is not None),
        params=dict(request.query),
        data=body,
    ).prepare()


def _answer(session: _Session, prepared: requests.PreparedRequest, environment: Any) -> Response | Failure:  # noqa: ANN401  (passed on)
    seconds = (call.CONNECT_SECONDS, READ_SECONDS)
    with session.send(prepared, allow_redirects=False, timeout=seconds, **(environment | {"stream": True})) as answer:
        if answer.status_code < _FIRST_FINAL:
            # The standard library takes an interim answer for the answer.
            return call.CUT_OFF
        body = bytearray()
        for part in answer.iter_content(_CHUNK):
            body += part
            if len(body) > response_parser.LARGEST_BODY:
                return call.ANSWER_TOO_LARGE
        if session.adapter.is_cut:
            return call.NO_ANSWER_IN_TIME
        return Response(status=answer.status_code, headers=answer.headers, body=bytes(body))


class _Connection(HttpConnection):
    """A connection that knows whether it was made, after which a request may have left."""

    was_made = False
    made_socket: socket.socket | None = None

    def connect(self) -> None:
        """Connect, through a proxy's tunnel where that is the way."""
        super().connect()
        # The standard library takes the socket from the connection when an answer ends with it.
        self.was_made, self.made_socket = True, self.socket


class _TlsConnection(_Connection, TlsConnection):
    pass


class _Pool(Pool):
    """A pool that knows its one connection."""

    ConnectionCls = _Connection
    connection: _Connection | None = None

    def _new_conn(self) -> Any:  # noqa: ANN401  (urllib3's own form)
        self.connection = cast("_Connection", super()._new_conn())
        return self.connection


class _TlsPool(_Pool, TlsPool):
    ConnectionCls = _TlsConnection


class _Adapter(Adapter):
    """The way of one call, which can be cut."""

    pool_classes: ClassVar[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}

    def __init__(self) -> None:
        super().__init__()
        self.ends = time.monotonic() + call.TOTAL_SECONDS
        self.is_cut = False
        self._pool: _Pool | None = None

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  (passed on)
        """Return the pool of the call's address."""
        self._pool = cast("_Pool", super().get_connection_with_tls_context(*arguments, **options))
        return self._pool

    def cut(self) -> None:
        """End the connection, which wakes whoever reads from it."""
        self.is_cut = True
        connection = self._pool.connection if self._pool is not None else None
        found = connection and (connection.made_socket or connection.socket)
        if found:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    def failure(self, error: Exception) -> Failure:
        """Return the failure that an error of requests stands for."""
        cause = _cause(error)
        if self._pool is None or self._pool.connection is None or not self._pool.connection.was_made:
            return call.failure_to_connect(cause)
        timed_out = self.is_cut or isinstance(cause, (TimeoutError, requests.Timeout, exceptions.TimeoutError))
        return call.NO_ANSWER_IN_TIME if timed_out else call.CUT_OFF


class _Session(requests.Session):
    """A session that follows no redirect, however malformed its address, and takes no login from a .netrc."""

    def __init__(self) -> None:
        super().__init__()
        self.adapter = _Adapter()
        self.mount("http://", self.adapter)
        self.mount("https://", self.adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  (requests' own form)
        """Return no target: a redirect is an answer."""
        return


def _cause(error: Exception) -> Exception:
    """Return what urllib3 said, around which requests has wrapped its own error."""
    while True:
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(inner, Exception):
            return error
        error = inner
