"""Outgoing HTTP: connections of one account that stay open, and calls over them."""

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
_MOST_HEADS = 256
# Where a body may be expected, its absence is said.
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_MALFORMED = (requests.RequestException, exceptions.HTTPError, ValueError)


class Client:
    """Sends requests of one account over connections that stay open.

    Requests prepares them and finds the proxies and certificates that the environment names. Its `Session.send` is left
    out: cookies, redirects and a login from .netrc, all of which have no place here, cost as much as the call itself.
    """

    def __init__(self, base_url: str, timeout: float | None = None, watchdog: DeadlineWatchdog | None = None) -> None:
        """`timeout` bounds the seconds to wait for an answer, below `http.READ_SECONDS`, which leases outlast."""
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._watchdog = watchdog or DeadlineWatchdog()
        self._closes_watch = watchdog is None
        self._adapter = Adapter()
        # What does not change while we run: one address has one way to it, few paths, few sets of headers.
        self._route = functools.cache(self._find_route)
        self._head = functools.lru_cache(_MOST_HEADS)(self._write_head)

    def send(self, request: Request) -> Response | Failure:
        """Make one call and wait for its answer; never raises for what the network or the vendor does."""
        outgoing = self._prepare(request)
        if isinstance(outgoing, Failure):
            return outgoing
        pool, data = outgoing
        begun = self._begin(pool, pool.free() or pool.fresh(), data)
        return begun.finish() if isinstance(begun, InFlightCall) else begun

    def start(self, request: Request) -> InFlightCall | Failure | None:
        """Send over a connection that is open and free, without waiting for anything; None when there is none."""
        outgoing = self._prepare(request)
        if isinstance(outgoing, Failure):
            return outgoing
        pool, data = outgoing
        connection = pool.free()
        return self._begin(pool, connection, data) if connection is not None else None

    def close(self) -> None:
        """Close the connections; none may be in use."""
        with contextlib.suppress(*_MALFORMED):
            self._route().pool.close()
        self._adapter.close()
        if self._closes_watch:
            self._watchdog.close()

    def _prepare(self, request: Request) -> tuple[Pool, bytes] | Failure:
        """The request as it travels, and where to."""
        try:
            body = encode(request.body)
            named = (request.method, request.path, tuple(request.query.items()), tuple(request.headers.items()))
            head = self._head(*named, has_body=body is not None)
            return self._route().pool, _completed(head, request.method, body)
        except _MALFORMED:
            return Failure(sent=False, reason="the address or a credential is malformed; check the connection")

    def _begin(self, pool: Pool, connection: HttpConnection, request: bytes) -> InFlightCall | Failure:
        sent = InFlightCall(pool, connection, self._watchdog, self._timeout)
        return sent.begin(request) or sent

    def _find_route(self) -> _Route:
        with requests.Session() as session:
            around = session.merge_environment_settings(self._base_url, {}, True, None, None)  # noqa: FBT003  (its own form)
        # True stands for the certificates that come with requests.
        verify = DEFAULT_CA_BUNDLE_PATH if around["verify"] is True else around["verify"]
        pool = self._adapter.get_connection_with_tls_context(self._addressed("", ()), verify, around["proxies"])
        if not isinstance(pool, Pool):
            raise requests.exceptions.InvalidProxyURL("only HTTP proxies can be used")
        return _Route(pool=pool, proxies=dict(around["proxies"]))

    def _write_head(
        self,
        method: str,
        path: str,
        query: tuple[tuple[str, str], ...],
        headers: tuple[tuple[str, str], ...],
        *,
        has_body: bool,
    ) -> bytes:
        """All of a request that comes before its length; where a proxy is in between it names the whole address."""
        route, prepared = self._route(), requests.PreparedRequest()
        prepared.prepare_headers(_headers(dict(headers), has_body=has_body) | route.for_the_proxy)
        target = self._adapter.request_url(self._addressed(path, query), route.proxies)
        return written_head(route.pool, method, target, prepared.headers)

    def _addressed(self, path: str, query: tuple[tuple[str, str], ...]) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare_url(self._base_url + path, dict(query))
        return prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """How an address is reached from here."""

    pool: Pool
    proxies: dict[str, str]

    @property
    def for_the_proxy(self) -> dict[str, str]:
        """What a proxy wants to know that passes requests on; through a tunnel it is told while connecting."""
        return dict(self.pool.proxy_headers) if self.pool.forwards else {}


class Clients:
    """One `Sender` for each lane, address and timeout, shared by the threads of a process."""

    def __init__(self) -> None:
        self._watchdog = DeadlineWatchdog()
        self._clients: dict[tuple[str, str, str | None], Client] = {}
        self._lock = threading.Lock()

    def of(self, lane: str, base_url: str, timeout: str | None = None) -> Client:
        """The sender of a lane, for a connection with this setting `timeout`."""
        key = (lane, base_url, timeout)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = Client(base_url, float(timeout) if timeout else None, self._watchdog)
            return self._clients[key]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
        self._watchdog.close()


def _headers(own: Mapping[str, str], *, has_body: bool) -> dict[str, str]:
    sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip, deflate", "Accept": "application/json"}
    sent |= own
    if has_body:
        sent["Content-Type"] = "application/json; charset=utf-8"
    return sent


def _completed(head: bytes, method: str, body: bytes | None) -> bytes:
    if body is None and method not in _WITH_LENGTH:
        return head + b"\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body or b""), body or b"")
