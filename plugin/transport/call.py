"""One call over one connection, in two halves: its request is sent, then its answer is read or it has failed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING, TypeVar

from urllib3 import exceptions

from plugin.core.rates import READ_SECONDS
from plugin.core.response import Failure, Response
from plugin.transport.response_parser import TooLarge, Unreadable

if TYPE_CHECKING:
    from plugin.transport.connection import HttpConnection, Pool
    from plugin.transport.deadline import DeadlineWatchdog

CONNECT_SECONDS = 5.0
# A slow trickle resets the read timeout with every byte, so the whole call is bounded too. With the seconds that a call
# may wait for its turn that stays well below `ledger.LEASE`.
TOTAL_SECONDS = 20.0
_TROUBLE = (exceptions.HTTPError, Unreadable, OSError, ValueError)

NO_ANSWER_IN_TIME = Failure(sent=True, reason="no answer in time", timed_out=True)
CUT_OFF = Failure(sent=True, reason="the connection was cut before the answer came")
ANSWER_TOO_LARGE = Failure(sent=True, reason="the answer is larger than any should be")
_Result = TypeVar("_Result", bound=Response | Failure)


class InFlightCall:
    """A call whose request has left: wait until `fileno` is readable, or don't, and let `finish` read the answer.

    The watchdog cuts it when no answer has begun in time, and when the whole takes too long.
    """

    __slots__ = ("_connection", "_is_cut", "_patience", "_pool", "_sock", "_total_ends", "_watchdog", "ends")

    def __init__(
        self, pool: Pool, connection: HttpConnection, watchdog: DeadlineWatchdog, timeout: float | None
    ) -> None:
        """Begin the time of the call and have `watchdog` watch it.

        `timeout`, at most `READ_SECONDS`, is how many seconds may pass until the answer begins and between two bytes.
        """
        self._pool = pool
        self._connection = connection
        self._watchdog = watchdog
        self._patience = min(timeout or READ_SECONDS, READ_SECONDS)
        self._sock: socket.socket | None = None
        self._is_cut = False
        self.ends = self._total_ends = time.monotonic() + TOTAL_SECONDS
        watchdog.add(self)

    def begin(self, request: bytes) -> Failure | None:
        """Connect if need be and send the whole request; return None, or the failure that ended the call."""
        connection = self._connection
        try:
            if connection.is_closed:
                self._pool.open(connection, CONNECT_SECONDS)
            if time.monotonic() > self._total_ends:
                return self._over(Failure(sent=False, reason="connecting timed out"))
        except _TROUBLE as error:
            return self._over(failure_to_connect(error))
        self._sock = connection.socket
        try:
            connection.write(request)
        except (BrokenPipeError, ConnectionResetError):
            # A vendor may answer before it has read all, and close: then that answer counts.
            pass
        except _TROUBLE as error:
            return self._over(_failure_to_answer(error))
        self.ends = min(self._total_ends, time.monotonic() + self._patience)
        return None

    def fileno(self) -> int:
        """Return the descriptor that is readable once there is an answer or the connection is cut; -1 without one."""
        return -1 if self._sock is None else self._sock.fileno()

    def finish(self) -> Response | Failure:
        """Wait for the answer and return it, or the failure; never raise for what the network or the vendor does."""
        self.ends = self._total_ends
        result: Response | Failure = CUT_OFF
        lasts = False
        try:
            parser = self._connection.read_answer(self._patience)
            result, lasts = Response(status=parser.status, headers=parser.headers, body=parser.body()), parser.lasts
        except _TROUBLE as error:
            result = _failure_to_answer(error)
        finally:
            # From here on it is not cut any more; before, it may have been while its answer was read.
            self._watchdog.discard(self)
            result = self._over(NO_ANSWER_IN_TIME if self._is_cut else result, lasts=lasts)
        return result

    def cut(self) -> None:
        """End the connection, which wakes whoever waits for the answer or reads it."""
        self._is_cut = True
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


def failure_to_connect(error: Exception) -> Failure:
    """Return the failure of a call whose request has not left, so that nothing can have been booked."""
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


def _failure_to_answer(error: Exception) -> Failure:
    """Return the failure of a call whose request may have arrived."""
    if isinstance(error, TimeoutError):
        return NO_ANSWER_IN_TIME
    return ANSWER_TOO_LARGE if isinstance(error, TooLarge) else CUT_OFF
