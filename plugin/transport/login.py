"""Tokens that calls carry: each is fetched ahead of its end, once for all processes, and put into calls when sent."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from plugin.core import log
from plugin.core.errors import Unavailable
from plugin.core.response import Failure, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin.core.step import Request
    from plugin.core.vendor_profile import Login
    from plugin.storage.login_tokens import Kept, LoginTokens

    Send = Callable[[Request], Response | Failure]

# A thread waits no longer than this for another one's login, since its lease goes on meanwhile.
_WAIT_SECONDS = 5.0


class Logins:
    """The tokens that this process used last, and calls with them. Safe to use from any thread.

    A login takes the slot of the call that needed it, so it counts against the lane's limit; that call comes back as
    one whose turn came too late, and goes out with the next slot. Nothing but memory is asked as long as a token is
    fresh.
    """

    def __init__(self, box: LoginTokens) -> None:
        self._box = box
        self._known: dict[str, Kept] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def send(self, send: Send, lane: str, login: Login | None, request: Request) -> Response | Failure:
        """Make a call by `send`, with the token that its login gives; return what it came to.

        Never raises for what network, vendor or database do. `send` makes the login's call too.
        """
        if login is None:
            return send(request)
        try:
            found = self._token(send, lane, login)
        except (Unavailable, SQLAlchemyError) as error:
            return Failure(sent=False, reason=f"no token: {type(error).__name__}")
        if isinstance(found, (Response, Failure)):
            return found
        with_token = replace(request, headers={**request.headers, **login.headers(found.value)})
        return self._renewed_if_refused(lane, found, send(with_token))

    def _token(self, send: Send, lane: str, login: Login) -> Kept | Response | Failure:
        """Return a token that the vendor takes now, or what the attempt to get one came to."""
        lock = self._locks[lane]
        if not lock.acquire(timeout=_WAIT_SECONDS):
            return _late("somebody else is logging in")
        try:
            fresh = self._fresh(lane, login)
            if fresh is not None:
                return fresh
            if self._box.claim(lane, login.early):
                return self._log_in(send, lane, login)
            # Another process is at it; until it is done the former token is good enough.
            known = self._known.get(lane)
            if known is not None and datetime.now(UTC) < known.expires_at:
                return known
            return _late("another process is logging in")
        finally:
            lock.release()

    def _fresh(self, lane: str, login: Login) -> Kept | None:
        soon = datetime.now(UTC) + login.early
        known = self._known.get(lane)
        if known is not None and soon < known.expires_at:
            return known
        looked = self._box.look(lane)
        if looked is None:
            self._known.pop(lane, None)
            return None
        self._known[lane] = looked
        return looked if soon < looked.expires_at else None

    def _log_in(self, send: Send, lane: str, login: Login) -> Response | Failure:
        began = datetime.now(UTC)
        answer = send(login.request)
        token = login.token(answer) if isinstance(answer, Response) and answer.status == HTTPStatus.OK else None
        if token is None:
            self._box.release(lane)
            log.trouble("login failed", lane=lane)
            return _refused(answer)
        self._box.keep(lane, token.value, began + token.lasts)
        log.step("logged in", lane=lane)
        return _late("logged in; it is sent next")

    def _renewed_if_refused(self, lane: str, used: Kept, answer: Response | Failure) -> Response | Failure:
        """Return an answer as it is, unless it refuses a token that should be good: that is renewed once."""
        refused = isinstance(answer, Response) and answer.status == HTTPStatus.UNAUTHORIZED
        try:
            if refused:
                self._known.pop(lane, None)
                if self._box.refuse(lane, used.number):
                    return _late("its token was refused before its time; another one is fetched")
            elif used.refusals and isinstance(answer, Response):
                self._box.prove(lane, used.number)
                self._known[lane] = replace(used, refusals=0)
        except (Unavailable, SQLAlchemyError) as error:
            # The answer counts more than what was to be noted about the token.
            log.trouble("token not noted", lane=lane, reason=type(error).__name__)
        return answer


def _late(reason: str) -> Failure:
    """Return the failure of a call that was not made and goes out with the lane's next slot."""
    return Failure(sent=False, late=True, used=True, reason=reason)


def _refused(answer: Response | Failure) -> Response | Failure:
    """Return what a failed login means for the call that needed it, which certainly was not sent.

    A refusal is one of the credentials, whatever its status; 429 and redirects mean what they always mean.
    """
    if isinstance(answer, Failure):
        return Failure(sent=False, reason=f"logging in: {answer.reason}")
    if answer.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return answer
    if (
        answer.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)
        or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return Failure(sent=False, reason=f"logging in: {answer.status} from the vendor")
    if answer.status >= HTTPStatus.BAD_REQUEST:
        return replace(answer, status=HTTPStatus.UNAUTHORIZED)
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return answer
    return Failure(sent=False, reason="logging in: there is no token in the answer")
