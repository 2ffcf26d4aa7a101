"""Clients of vendors' APIs: each makes the calls of one lane over connections that stay open."""

from __future__ import annotations

import contextlib
import functools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import exceptions

from plugin.core.response import Failure, Response, encode
from plugin.transport.call import InFlightCall
from plugin.transport.connection import Adapter, Pool, written_head
from plugin.transport.deadline import DeadlineWatchdog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.core.step import Request
    from plugin.transport.connection import HttpConnection

_USER_AGENT = "Crossdock/0.1"
_HEADS_CACHED = 256
# Where a body may be expected, its absence is said.
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
MALFORMED = (requests.RequestException, exceptions.HTTPError, ValueError)


NOT_SENDABLE = Failure(sent=False, reason="the address or a credential is malformed; check the connection")


class Client:
    """A client that makes the calls of one lane over connections that stay open.

    Requests prepares them and finds the proxies and certificates that the environment names. Its `Session.send` is left
    out: it takes eight times as long as the call itself (docs/decisions/outgoing-http.md).
    """

    def __init__(self, base_url: str, timeout: float | None = None, watchdog: DeadlineWatchdog | None = None) -> None:
        """Prepare for calls to `base_url`; connect to nothing yet.

        `timeout` is how many seconds an answer may take to begin: at most `call.READ_SECONDS`, which leases outlast.
        """
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._watchdog = watchdog or DeadlineWatchdog()
        self._owns_watchdog = watchdog is None
        self._adapter = Adapter()
        # What does not change while we run: one address has one way to it, few paths, few sets of headers.
        self._route = functools.cache(self._find_route)
        self._head = functools.lru_cache(_HEADS_CACHED)(self._write_head)

    def send(self, request: Request) -> Response | Failure:
        """Make one call, wait for its answer and return it; never raise for what the network or the vendor does."""
        outgoing = self._prepare(request)
        if isinstance(outgoing, Failure):
            return outgoing
        pool, data = outgoing
        begun = self._begin(pool, pool.free() or pool.fresh(), data)
        return begun.finish() if isinstance(begun, InFlightCall) else begun

    def start(self, request: Request) -> InFlightCall | Failure | None:
        """Send over a connection that is open and free, waiting for nothing; return None when there is none."""
        outgoing = self._prepare(request)
        if isinstance(outgoing, Failure):
            return outgoing
        pool, data = outgoing
        connection = pool.free()
        return self._begin(pool, connection, data) if connection is not None else None

    def close(self) -> None:
        """Close the connections; none may be in use."""
        with contextlib.suppress(*MALFORMED):
            self._route().pool.close()
        self._adapter.close()
        if self._owns_watchdog:
            self._watchdog.close()

    def _prepare(self, request: Request) -> tuple[Pool, bytes] | Failure:
        """Return the request as it travels, and the pool of connections it goes to."""
        try:
            body = encode(request.body)
            head_of = (request.method, request.path, tuple(request.query.items()), tuple(request.headers.items()))
            head = self._head(*head_of, has_body=body is not None)
            return self._route().pool, _with_body(head, request.method, body)
        except MALFORMED:
            return NOT_SENDABLE

    def _begin(self, pool: Pool, connection: HttpConnection, request: bytes) -> InFlightCall | Failure:
        call = InFlightCall(pool, connection, self._watchdog, self._timeout)
        return call.begin(request) or call

    def _find_route(self) -> _Route:
        with requests.Session() as session:
            environment = session.merge_environment_settings(self._base_url, {}, True, None, None)  # noqa: FBT003  (its own form)
        # True stands for the certificates that come with requests.
        verify = DEFAULT_CA_BUNDLE_PATH if environment["verify"] is True else environment["verify"]
        pool = self._adapter.get_connection_with_tls_context(self._prepared_url("", ()), verify, environment["proxies"])
        if not isinstance(pool, Pool):
            raise requests.exceptions.InvalidProxyURL("only HTTP proxies can be used")
        return _Route(pool=pool, proxies=dict(environment["proxies"]))

    def _write_head(
        self,
        method: str,
        path: str,
        query: tuple[tuple[str, str], ...],
        headers: tuple[tuple[str, str], ...],
        *,
        has_body: bool,
    ) -> bytes:
        """Return a request up to its length; for a proxy that passes requests on it names the whole address."""
        route, prepared = self._route(), requests.PreparedRequest()
        prepared.prepare_headers(headers_of(dict(headers), has_body=has_body) | route.proxy_headers)
        target = self._adapter.request_url(self._prepared_url(path, query), route.proxies)
        return written_head(route.pool, method, target, prepared.headers)

    def _prepared_url(self, path: str, query: tuple[tuple[str, str], ...]) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare_url(self._base_url + path, dict(query))
        return prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """How an address is reached from here: its connections, and the proxies by scheme."""

    pool: Pool
    proxies: dict[str, str]

    @property
    def proxy_headers(self) -> dict[str, str]:
        """The headers for a proxy that passes requests on; one that makes a tunnel gets them while connecting."""
        return dict(self.pool.proxy_headers) if self.pool.forwards else {}


class Clients:
    """The clients of a process, one for each lane, address and timeout, shared by its threads."""

    def __init__(self) -> None:
        self._watchdog = DeadlineWatchdog()
        self._clients: dict[tuple[str, str, str | None], Client] = {}
        self._lock = threading.Lock()

    def of(self, lane: str, base_url: str, timeout: str | None = None) -> Client:
        """Return the client of a lane; `timeout` is the connection's setting, in seconds."""
        key = (lane, base_url, timeout)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = Client(base_url, float(timeout) if timeout else None, self._watchdog)
            return self._clients[key]

    def close(self) -> None:
        """Close every client and its connections; none may be in use."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
        self._watchdog.close()


def headers_of(own: Mapping[str, str], *, has_body: bool) -> dict[str, str]:
    """Return the headers of a request: ours, over those that every request has."""
    headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip, deflate", "Accept": "application/json"}
    headers |= own
    if has_body:
        headers["Content-Type"] = "application/json; charset=utf-8"
    return headers


def _with_body(head: bytes, method: str, body: bytes | None) -> bytes:
    if body is None and method not in _WITH_LENGTH:
        return head + b"\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body or b""), body or b"")
