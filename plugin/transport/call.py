"""One outgoing call: sent, then answered or failed. What answers mean: `plugin/delivery/classify.py`."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING, TypeVar

from urllib3 import exceptions

from plugin.transport.response_parser import Unreadable

if TYPE_CHECKING:
    from plugin.transport.connection import HttpConnection, Pool
    from plugin.transport.deadline import DeadlineWatchdog
from plugin.core.rates import READ_SECONDS
from plugin.core.response import Failure, Response

CONNECT_SECONDS = 5.0
# A slow trickle resets the read timeout with every byte, so the whole call is bounded too. With the seconds that a call
# may wait for its turn that stays well below `ledger.LEASE`.
TOTAL_SECONDS = 20.0
_TROUBLE = (exceptions.HTTPError, Unreadable, OSError, ValueError)


_TOO_LATE = Failure(sent=True, reason="no answer in time", timed_out=True)
_CUT_OFF = Failure(sent=True, reason="the connection was cut before the answer came")
_Result = TypeVar("_Result", bound=Response | Failure)


class InFlightCall:
    """A call whose request has left: wait until `fileno` is readable, or don't, and let `finish` read the answer.

    The watch cuts it when no answer has begun in time, and when the whole takes too long.
    """

    __slots__ = ("_connection", "_cut", "_patience", "_pool", "_sock", "_total", "_watchdog", "ends")

    def __init__(
        self, pool: Pool, connection: HttpConnection, watchdog: DeadlineWatchdog, timeout: float | None
    ) -> None:
        """`timeout` bounds the seconds until an answer begins, and between two bytes of it, as `READ_SECONDS` does."""
        self._pool = pool
        self._connection = connection
        self._watchdog = watchdog
        self._patience = min(timeout or READ_SECONDS, READ_SECONDS)
        self._sock: socket.socket | None = None
        self._cut = False
        self.ends = self._total = time.monotonic() + TOTAL_SECONDS
        watchdog.add(self)

    def begin(self, request: bytes) -> Failure | None:
        """Connect if need be, and send a whole request; a failure is final."""
        connection = self._connection
        try:
            if connection.is_closed:
                self._pool.open(connection, CONNECT_SECONDS)
            if time.monotonic() > self._total:
                return self._over(Failure(sent=False, reason="connecting timed out"))
        except _TROUBLE as error:
            return self._over(_not_connected(error))
        self._sock = connection.socket
        try:
            connection.ask(request)
        except (BrokenPipeError, ConnectionResetError):
            # A vendor may answer before it has read all, and close: then that answer counts.
            pass
        except _TROUBLE as error:
            return self._over(_lost(error))
        self.ends = min(self._total, time.monotonic() + self._patience)
        return None

    def fileno(self) -> int:
        """Becomes readable once there is an answer, or the connection is cut."""
        return -1 if self._sock is None else self._sock.fileno()

    def finish(self) -> Response | Failure:
        """Read the answer, waiting for it; never raises for what the network or the vendor does."""
        self.ends = self._total
        result: Response | Failure = _CUT_OFF
        lasts = False
        try:
            parser = self._connection.answer(self._patience)
            result, lasts = Response(status=parser.status, headers=parser.headers, body=parser.body()), parser.lasts
        except _TROUBLE as error:
            result = _lost(error)
        finally:
            # From here on it is not cut any more; before, it may have been while its answer was read.
            self._watchdog.discard(self)
            result = self._over(_TOO_LATE if self._cut else result, lasts=lasts)
        return result

    def cut(self) -> None:
        """Wake whoever waits for the answer or reads it: nothing more comes."""
        self._cut = True
        sock = self._sock or self._connection.socket
        if sock is not None:
            with contextlib.suppress(OSError):
                # Not the one of TLS, which would take its state away from whoever reads just then.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _over(self, result: _Result, *, lasts: bool = False) -> _Result:
        self._watchdog.discard(self)
        if lasts and isinstance(result, Response):
            self._pool.keep(self._connection)
        else:
            self._connection.close()
        return result


def _not_connected(error: Exception) -> Failure:
    """Nothing has left yet, so nothing can have been booked."""
    if isinstance(error, exceptions.NameResolutionError):
        reason = "the host name is not known"
    elif isinstance(error, exceptions.NewConnectionError):
        # To urllib3 it is one of the next, too.
        reason = "the connection was refused"
    elif isinstance(error, (exceptions.ConnectTimeoutError, TimeoutError)):
        reason = "connecting timed out"
    elif isinstance(error, (exceptions.SSLError, ssl.SSLError, ssl.CertificateError)):
        reason = "no secure connection: the certificate is not trusted, or it speaks no TLS that we do"
    else:
        reason = "the connection was cut before anything was sent"
    return Failure(sent=False, reason=reason)


def _lost(error: Exception) -> Failure:
    """The request may have arrived."""
    if isinstance(error, TimeoutError):
        return _TOO_LATE
    return _CUT_OFF
