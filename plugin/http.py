"""Outgoing HTTP: one pool of kept-alive connections per lane. What an answer means is in `plugin/meaning.py`."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import Retry, Timeout, exceptions

from plugin.mask import storable
from plugin.watch import Watch, WatchedAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

    from plugin.model import Request

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
# A slow trickle resets the read timeout with every byte, so the whole call is bounded too. With the seconds that a call
# may wait for its thread that stays well below `ledger.LEASE`.
TOTAL_SECONDS = 20.0
_LARGEST_ANSWER = 5_000_000
_USER_AGENT = "Crossdock/0.1"
_MOST_URLS = 256
_CHUNK = 1_000_000
# Whether to try again is decided where it is known what the call was for; errors come as they are.
_ONCE = Retry(total=False)


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


class Sender:
    """Sends requests of one account over connections that stay open.

    Requests prepares them, finds the proxies and certificates that the environment names, and keeps the pools of
    connections. Its `Session.send` is left out: cookies, redirects and a login from .netrc, all of which have no place
    here, cost as much as the call itself.
    """

    def __init__(self, base_url: str, connections: int, timeout: float | None = None) -> None:
        """`timeout` bounds the seconds to wait for an answer, below `READ_SECONDS`, which leases outlast."""
        self._base_url = base_url.rstrip("/")
        self._times = Timeout(connect=CONNECT_SECONDS, read=min(timeout or READ_SECONDS, READ_SECONDS))
        self._watch = Watch(TOTAL_SECONDS)
        self._adapter = WatchedAdapter(pool_connections=1, pool_maxsize=connections)
        # What does not change while we run: one address has one way to it, and few paths.
        self._route = functools.cache(self._find_route)
        self._target = functools.lru_cache(_MOST_URLS)(self._find_target)

    def send(self, request: Request) -> Answer | Failure:
        """Make one call; never raises for what the network or the vendor does."""
        result: Answer | Failure
        try:
            prepared = _prepare(request)
            pool, target = self._route().pool, self._target(request.path, tuple(request.query.items()))
        except (requests.RequestException, exceptions.HTTPError, ValueError):
            return Failure(sent=False, reason="the address or a credential is malformed; check the connection")
        with self._watch.call() as call:
            try:
                result = self._exchange(pool, target, prepared)
            except (exceptions.HTTPError, OSError, ValueError) as error:
                result = _failure(error)
        return Failure(sent=True, reason="no answer in time", timed_out=True) if call.expired else result

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()
        self._watch.close()

    def _exchange(self, pool: HTTPConnectionPool, target: str, prepared: requests.PreparedRequest) -> Answer:
        response = pool.urlopen(
            prepared.method or "",
            target,
            body=prepared.body,
            headers=prepared.headers,
            retries=_ONCE,
            redirect=False,
            assert_same_host=False,
            timeout=self._times,
            preload_content=False,
        )
        with contextlib.closing(response):
            return Answer(status=response.status, headers=response.headers, body=_read(response))

    def _find_route(self) -> _Route:
        with requests.Session() as session:
            around = session.merge_environment_settings(self._base_url, {}, True, None, None)  # noqa: FBT003
        # True stands for the certificates that come with requests.
        verify = DEFAULT_CA_BUNDLE_PATH if around["verify"] is True else around["verify"]
        pool = self._adapter.get_connection_with_tls_context(self._addressed("", ()), verify, around["proxies"])
        return _Route(pool=cast("HTTPConnectionPool", pool), proxies=dict(around["proxies"]))

    def _find_target(self, path: str, query: tuple[tuple[str, str], ...]) -> str:
        """What the request line names: a path, or the whole address where a proxy is in between."""
        return self._adapter.request_url(self._addressed(path, query), self._route().proxies)

    def _addressed(self, path: str, query: tuple[tuple[str, str], ...]) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare_url(self._base_url + path, dict(query))
        return prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """How an address is reached from here."""

    pool: HTTPConnectionPool
    proxies: dict[str, str]


class Senders:
    """One `Sender` for each lane, address and timeout, shared by the threads of a process."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._senders: dict[tuple[str, str, str | None], Sender] = {}
        self._lock = threading.Lock()

    def of(self, lane: str, base_url: str, timeout: str | None = None) -> Sender:
        """The sender of a lane, for a connection with this setting `timeout`."""
        key = (lane, base_url, timeout)
        with self._lock:
            if key not in self._senders:
                self._senders[key] = Sender(base_url, self._connections, float(timeout) if timeout else None)
            return self._senders[key]

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


def _prepare(request: Request) -> requests.PreparedRequest:
    """What `Session.prepare_request` would make, without its address, which `Sender` remembers."""
    prepared = requests.PreparedRequest()
    prepared.prepare_method(request.method)
    prepared.prepare_headers(_headers(request))
    prepared.prepare_body(encode(request.body), None)
    for value in prepared.headers.values():
        # What does not fit into a header would fail later, half-way through sending.
        (value if isinstance(value, bytes) else value.encode("latin-1")).decode("latin-1")
    return prepared


def _failure(error: Exception) -> Failure:
    """Only what is known to come before the first byte counts as not sent."""
    causes = _causes(error)
    if any(isinstance(cause, exceptions.NameResolutionError) for cause in causes):
        return Failure(sent=False, reason="the host name is not known")
    if any(
        isinstance(cause, (exceptions.NewConnectionError, ConnectionRefusedError, socket.gaierror)) for cause in causes
    ):
        return Failure(sent=False, reason="the connection was refused")
    # A refused connection is one of these to urllib3, too.
    if isinstance(error, exceptions.ConnectTimeoutError):
        return Failure(sent=False, reason="connecting timed out")
    if isinstance(error, exceptions.ReadTimeoutError):
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


def _read(response: BaseHTTPResponse) -> bytes:
    body = b""
    # Until nothing more comes: only then is it known whether the answer was cut off.
    while chunk := response.read(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise exceptions.DecodeError("larger than any answer should be")
    return body


def _headers(request: Request) -> dict[str, str]:
    sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip, deflate", "Accept": "application/json"}
    sent |= request.headers
    if request.body is not None:
        sent["Content-Type"] = "application/json; charset=utf-8"
    return sent
