"""Outgoing HTTP: one kept-alive session per lane, and what an answer or its absence means."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NameResolutionError, NewConnectionError

from plugin.model import Deferred, Outcome, Rejected, Request, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
# A slow trickle resets the read timeout with every byte, so the whole call is bounded too. It takes at most this and
# one more read: with the seconds that a call may wait for its thread that stays below `ledger.LEASE`.
TOTAL_SECONDS = 20.0
_LARGEST_ANSWER = 5_000_000
# After a 429 that names no time.
_UNASKED_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_USER_AGENT = "Crossdock/0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the vendor said."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401  (any JSON value)
        """The parsed body, or None when it is not JSON: HTML, cut off, or nothing at all."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No answer. `sent` is False only when it is certain that the request never left."""

    sent: bool
    reason: str
    timed_out: bool = False


class Sender:
    """Sends requests of one account over connections that stay open."""

    def __init__(self, base_url: str, connections: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # Vendors' cookies would tie accounts together, and a .netrc must never replace our Authorization.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.auth = _keep_headers
        self._session.headers["User-Agent"] = _USER_AGENT

    def send(self, request: Request) -> Answer | Failure:
        """Make one call; never raises for what the network or the vendor does."""
        deadline = time.monotonic() + TOTAL_SECONDS
        try:
            with self._session.request(
                request.method,
                self._base_url + request.path,
                params=dict(request.query),
                data=encode(request.body),
                headers=_headers(request),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _read(response, deadline)
                return Answer(status=response.status_code, headers=response.headers, body=body)
        except requests.RequestException as error:
            return _failure(error)
        except (OSError, ValueError) as error:
            # urllib3 and the standard library let a few of theirs through, such as a header that is no Latin-1.
            return Failure(sent=not isinstance(error, (UnicodeError, ValueError)), reason=type(error).__name__)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class Senders:
    """One `Sender` for each lane and address, shared by the threads of a process."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._senders: dict[tuple[str, str], Sender] = {}
        self._lock = threading.Lock()

    def of(self, lane: str, base_url: str) -> Sender:
        """The sender of a lane."""
        with self._lock:
            if (lane, base_url) not in self._senders:
                self._senders[lane, base_url] = Sender(base_url, self._connections)
            return self._senders[lane, base_url]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for sender in self._senders.values():
                sender.close()
            self._senders.clear()


def encode(body: Mapping[str, Any] | None) -> bytes | None:
    """A JSON body as it goes out: UTF-8, compact."""
    return None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def classify(result: Answer | Failure, *, repeatable: bool) -> Outcome | None:
    """What an answer or its absence means for any vendor; None leaves a 2xx or a refusal in words to the destination.

    Refused connections and unknown names were never sent. A lost answer to a call that must not be repeated is
    `Unknown`. 401 and 403 pause the connection: every further call would be refused too.
    """
    if isinstance(result, Failure):
        return _of_failure(result, repeatable=repeatable)
    if result.status == requests.codes.too_many_requests:
        asked = retry_after(result) or _UNASKED_PAUSE
        return Deferred(reason="429 over the rate limit", after=asked, gate=True, waiting=True)
    if result.status in (requests.codes.unauthorized, requests.codes.forbidden):
        return Deferred(reason=f"{result.status}: the credentials are refused", pause=True)
    if result.status in (408, 425) or result.status >= requests.codes.server_error:
        after = retry_after(result)
        return Deferred(
            reason=f"{result.status} from the vendor", after=after, gate=after is not None, doubtful=not repeatable
        )
    if requests.codes.multiple_choices <= result.status < requests.codes.bad_request:
        return Rejected(reason=f"{result.status}: the address redirects elsewhere; check the connection's --base-url")
    return None


def retry_after(answer: Answer) -> timedelta | None:
    """The wait that `Retry-After` asks for, in seconds or as an HTTP date (RFC 9110 §10.2.3), at most an hour."""
    text = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "").strip()
    try:
        seconds = float(text) if text.isdecimal() else _seconds_until(parsedate_to_datetime(text))
    except ValueError:
        return None
    return min(timedelta(seconds=max(0.0, seconds)), _LONGEST_PAUSE)


def _seconds_until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return math.ceil((aware - datetime.now(UTC)).total_seconds())


def _of_failure(failure: Failure, *, repeatable: bool) -> Outcome:
    if not failure.sent or repeatable:
        return Deferred(reason=failure.reason)
    # After a timeout the vendor may still be working on it; after a cut connection it is soon over.
    settle = timedelta(seconds=15 if failure.timed_out else 2)
    return Unknown(reason=failure.reason, settle=settle)


def _failure(error: requests.RequestException) -> Failure:
    if isinstance(error, requests.ConnectTimeout):
        return Failure(sent=False, reason="connecting timed out")
    if isinstance(error, requests.Timeout):
        return Failure(sent=True, reason="no answer in time", timed_out=True)
    causes = _causes(error)
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return Failure(sent=False, reason="the host name is not known")
    if any(isinstance(cause, (NewConnectionError, ConnectionRefusedError, socket.gaierror)) for cause in causes):
        return Failure(sent=False, reason="the connection was refused")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, ValueError)):
        return Failure(sent=False, reason="the address or a credential is malformed; check the connection's settings")
    return Failure(sent=True, reason="the connection was cut before the answer came")


def _causes(error: BaseException) -> list[object]:
    """The chain below an exception; urllib3 keeps its own reasons in `args` and `reason`."""
    found: list[object] = []
    queue: list[object] = [error]
    while queue:
        cause = queue.pop()
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            queue += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
    return found


def _read(response: requests.Response, deadline: float) -> bytes:
    body = b""
    for chunk in response.iter_content(65_536):
        body += chunk
        if time.monotonic() > deadline:
            raise requests.ReadTimeout
        if len(body) > _LARGEST_ANSWER:
            raise requests.exceptions.ContentDecodingError
    return body


def _headers(request: Request) -> dict[str, str]:
    sent = {"Accept": "application/json", **request.headers}
    if request.body is not None:
        sent["Content-Type"] = "application/json; charset=utf-8"
    return sent


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
