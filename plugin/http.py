"""Outgoing HTTP: one kept-alive session per lane, and what an answer or its absence means."""

from __future__ import annotations

import functools
import json
import math
import socket
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, assert_never

import requests
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from plugin.mask import storable
from plugin.model import Deferred, Meaning, Outcome, Quota, Rejected, Request, Unknown
from plugin.watch import Watch, WatchedAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

# Every further call with these credentials would be refused too.
_USUAL = {401: Meaning.PAUSED, 403: Meaning.PAUSED}
_NONE: Mapping[int, Meaning] = {}

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
# A slow trickle resets the read timeout with every byte, so the whole call is bounded too. With the seconds that a call
# may wait for its thread that stays well below `ledger.LEASE`.
TOTAL_SECONDS = 20.0
_LARGEST_ANSWER = 5_000_000
# How long a vendor may still be at work on a call whose answer never came, or came from a gateway before it.
SETTLE = timedelta(seconds=15)
_SETTLE_CUT = timedelta(seconds=4)
# After a 429 that names no time.
_UNASKED_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=1)
_USER_AGENT = "Crossdock/0.1"
_MOST_URLS = 256
_CHUNK = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the vendor said."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    # Thousands of deliveries of one call read the same answer; `cached_property` of Python 3.11 would lock all threads.
    _parsed: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def json(self) -> Any:  # noqa: ANN401  (any JSON value)
        """The parsed body, fit to be stored, or None when it is no JSON: HTML, cut off, absurdly deep, or nothing."""
        if not self._parsed:
            self._parsed.append(_parse(self.body))
        return self._parsed[0]


def _parse(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    try:
        return storable(json.loads(body))
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No answer. `sent` is False only when it is certain that the request never left; `late`: it was not even tried.

    `used`: its place within the rate limit was used all the same, to log in.
    """

    sent: bool
    reason: str
    timed_out: bool = False
    late: bool = False
    used: bool = False


class _Session(requests.Session):
    """One that never follows a redirect, and so never reads where it leads or what comes with it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        del resp
        return None


class Sender:
    """Sends requests of one account over connections that stay open."""

    def __init__(self, base_url: str, connections: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._session = _Session()
        self._watch = Watch(TOTAL_SECONDS)
        adapter = WatchedAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # Vendors' cookies would tie accounts together.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._url = functools.lru_cache(_MOST_URLS)(self._address)
        self._around: dict[str, Any] | None = None

    def send(self, request: Request) -> Answer | Failure:
        """Make one call; never raises for what the network or the vendor does."""
        result: Answer | Failure
        try:
            prepared = self._prepare(request)
        except (requests.RequestException, ValueError):
            return Failure(sent=False, reason="the address or a credential is malformed; check the connection")
        with self._watch.call() as call:
            try:
                result = self._exchange(prepared)
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                result = _failure(error)
        return Failure(sent=True, reason="no answer in time", timed_out=True) if call.expired else result

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._watch.close()

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        """What `Session.prepare_request` would make, without the parts that all our calls have in common."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.url = self._url(request.path, tuple(request.query.items()))
        prepared.prepare_headers(_headers(request))
        prepared.prepare_body(encode(request.body), None)
        prepared.prepare_hooks(None)
        for value in prepared.headers.values():
            # What does not fit into a header would fail later, half-way through sending.
            (value if isinstance(value, bytes) else value.encode("latin-1")).decode("latin-1")
        return prepared

    def _address(self, path: str, query: tuple[tuple[str, str], ...]) -> str:
        prepared = requests.PreparedRequest()
        prepared.prepare_url(self._base_url + path, dict(query))
        return prepared.url or ""

    def _exchange(self, prepared: requests.PreparedRequest) -> Answer:
        times = (CONNECT_SECONDS, READ_SECONDS)
        around = self._around
        if around is None:
            # Proxies and certificates as the environment names them, which does not change while we run.
            found = self._session.merge_environment_settings(prepared.url, {}, True, None, None)  # noqa: FBT003
            around = self._around = dict(found)
        options = {"timeout": times, "allow_redirects": False, "stream": True}
        with self._session.send(prepared, **{**around, **options}) as response:
            return Answer(status=response.status_code, headers=response.headers, body=_read(response))


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


def encode(body: Mapping[str, Any] | bytes | None) -> bytes | None:
    """A JSON body as it goes out: UTF-8, compact."""
    return (
        body
        if body is None or isinstance(body, bytes)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    )


def classify(result: Answer | Failure, *, repeatable: bool, meanings: Mapping[int, Meaning] = _NONE) -> Outcome | None:
    """What an answer or its absence means for any vendor; None leaves a 2xx or a refusal in words to the destination.

    Refused connections and unknown names were never sent. A lost answer to a call that must not be repeated is
    `Unknown`. 401 and 403 pause the connection. `meanings` are what a vendor's statuses mean where they differ.
    """
    if isinstance(result, Failure):
        return _of_failure(result, repeatable=repeatable)
    told = meanings.get(result.status) or _USUAL.get(result.status)
    if told is not None:
        return _as_told(told, result)
    if result.status == requests.codes.too_many_requests:
        asked = retry_after(result) or _UNASKED_PAUSE
        return Deferred(reason="429 over the rate limit", after=asked, gate=True, waiting=True)
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
    except (ValueError, OverflowError):
        return None
    return timedelta(seconds=min(max(0.0, seconds), _LONGEST_PAUSE.total_seconds()))


def _seconds_until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return math.ceil((aware - datetime.now(UTC)).total_seconds())


def _as_told(meaning: Meaning, answer: Answer) -> Outcome | None:
    reason = f"{answer.status} from the vendor"
    match meaning:
        case Meaning.DEFERRED:
            return Deferred(reason=reason, after=retry_after(answer))
        case Meaning.PAUSED:
            return Deferred(reason=f"{answer.status}: the credentials are refused", pause=True)
        case Meaning.REJECTED:
            return Rejected(reason=reason)
        case Meaning.UNKNOWN:
            return Unknown(reason=reason, settle=SETTLE)
        case Meaning.READ:
            return None
        case _:
            assert_never(meaning)


def quota_of(answer: Answer, quota: Quota | None) -> tuple[int, float] | None:
    """How many calls the vendor's own headers leave, and for how many seconds; None when they say nothing readable."""
    if quota is None:
        return None
    left, reset = answer.headers.get(quota.remaining, ""), answer.headers.get(quota.reset, "")
    try:
        calls, seconds = int(left), float(reset)
    except ValueError:
        return None
    return (
        (max(0, calls), min(seconds, _LONGEST_PAUSE.total_seconds()))
        if math.isfinite(seconds) and seconds > 0
        else None
    )


def _of_failure(failure: Failure, *, repeatable: bool) -> Outcome:
    if failure.late:
        return Deferred(reason=failure.reason, after=timedelta(), waiting=True)
    if not failure.sent or repeatable:
        return Deferred(reason=failure.reason)
    return Unknown(reason=failure.reason, settle=SETTLE if failure.timed_out else _SETTLE_CUT)


def _failure(error: Exception) -> Failure:
    """Only what is known to come before the first byte counts as not sent."""
    if isinstance(error, requests.ConnectTimeout):
        return Failure(sent=False, reason="connecting timed out")
    causes = _causes(error)
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return Failure(sent=False, reason="the host name is not known")
    if any(isinstance(cause, (NewConnectionError, ConnectionRefusedError, socket.gaierror)) for cause in causes):
        return Failure(sent=False, reason="the connection was refused")
    if isinstance(error, requests.Timeout):
        return Failure(sent=True, reason="no answer in time", timed_out=True)
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


def _read(response: requests.Response) -> bytes:
    body = b""
    # Until nothing more comes: only then is it known whether the answer was cut off.
    while chunk := response.raw.read(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise requests.exceptions.ContentDecodingError
    return body


def _headers(request: Request) -> dict[str, str]:
    sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip, deflate", "Accept": "application/json"}
    sent |= request.headers
    if request.body is not None:
        sent["Content-Type"] = "application/json; charset=utf-8"
    return sent
