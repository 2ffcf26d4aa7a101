"""Bad input on the wire: bytes that no HTTP client would send, to the real `crossdock web`."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import migrate
from tests.conftest import wait_until
from tests.support.running_line import events, running
from tests.support.shop import ADDRESS, SECRET, headers, sent, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Backend

PATIENCE = 2.0
MEGABYTE = 1_000_000


class Answer(NamedTuple):
    """What came back before the connection ended; status 0 says that it was closed without a word."""

    status: int
    text: str


class Web(NamedTuple):
    """A running `crossdock web`, and its database."""

    port: int
    services: Services

    def send(self, *parts: bytes) -> Answer:
        """Write bytes as they are, as far as they are taken, and read until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            with suppress(ConnectionError):
                for part in parts:
                    connection.sendall(part)
            return _answer(connection)

    def post(self, raw: bytes, named: dict[str, str] | None = None, *extra: bytes) -> Answer:
        """Return a webhook with a length; `extra` are header lines of any bytes."""
        known = headers(raw, "orders/create", "w") if named is None else named
        return self.send(head(known, *extra, b"Content-Length: %d" % len(raw)) + raw)

    def stored(self) -> int:
        """How many webhooks were stored."""
        return len(events(self.services))

    def is_well(self) -> bool:
        """Whether it still answers."""
        with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
        return False


def _answer(connection: socket.socket) -> Answer:
    heard = b""
    with suppress(ConnectionError, TimeoutError):
        while chunk := connection.recv(65_536):
            heard += chunk
    assert b"Traceback" not in heard
    assert b'File "' not in heard
    text = heard.decode("latin-1")
    return Answer(int(text.split(" ", 2)[1]) if text.startswith("HTTP/") else 0, text)


def head(named: dict[str, str], *extra: bytes, path: str = "/webhooks/shopify") -> bytes:
    """Return the head of a request that wants the connection closed afterwards."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in named.items()]
    return b"\r\n".join([line.encode("latin-1") for line in lines] + list(extra)) + b"\r\n\r\n"


def chunks(raw: bytes, size: int) -> Iterator[bytes]:
    """Return a body whose length is not known before its end."""
    for start in range(0, len(raw), size):
        part = raw[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


@pytest.fixture(scope="module")
def started(embedded: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One server for all of these tests, with one shop."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("web")
    environment = {
        "DATABASE_URL": f"sqlite:///{folder}/crossdock.db",
        "REDIS_URL": embedded.redis_url,
        "SECRET_KEY": "a key for tests",
        "LOG_LEVEL": "ERROR",
    }
    services = Services.open(Settings.from_env(environment))
    migrate(services.database)
    services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
    web = Web(port, services)
    with running("web", environment, "--host", "127.0.0.1", "--port", str(port)):
        wait_until(web.is_well)
        yield web
    services.close()


@pytest.fixture
def web(started: Web) -> Iterator[Web]:
    """Yield the running server, which every test has to leave in good health."""
    yield started
    assert started.is_well()


ORDER = json.dumps(sent("orders_create")).encode()


def named(**changes: str | None) -> dict[str, str]:
    """Return the headers of a well-signed order, some of them changed or left out."""
    known = headers(ORDER, "orders/create", os.urandom(8).hex())
    return {name: value for name, value in (known | changes).items() if value is not None}


def test_an_order_is_taken(web: Web) -> None:
    """What the other tests break one thing of."""
    before = web.stored()
    assert web.post(ORDER, named()).status == 200
    assert web.stored() == before + 1


@pytest.mark.parametrize("value", [b"\xff\xfe\x80", "é".encode(), b"\xc3\xa9" * 22, b"a" * 44 + b"\xa0"])
def test_a_signature_of_any_bytes_is_401(web: Web, value: bytes) -> None:
    """No header byte gets further than the comparison of its form."""
    before = web.stored()
    assert web.post(ORDER, named(**{"X-Shopify-Hmac-SHA256": None}), b"X-Shopify-Hmac-SHA256: " + value).status == 401
    assert web.stored() == before


@pytest.mark.parametrize(
    "name", ["X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Shopify-API-Version", "X-Shopify-Triggered-At"]
)
def test_unsigned_headers_of_any_bytes_lose_no_order(web: Web, name: str) -> None:
    """The signature covers the body only: what stands beside it may be odd, and is stored."""
    before = web.stored()
    assert web.post(ORDER, named(**{name: None}), name.encode() + b": \xff\xfeo").status == 200
    assert web.stored() == before + 1


def test_a_malformed_signature_is_answered_while_the_body_is_still_on_its_way(web: Web) -> None:
    """A million bytes are announced and none is sent: nobody waits for them."""
    known = named(**{"X-Shopify-Hmac-SHA256": "no signature"})
    assert web.send(head(known, b"Content-Length: %d" % MEGABYTE)).status == 401


def test_an_announced_length_over_the_limit_is_413(web: Web) -> None:
    """Refused by its announcement; the bytes are not waited for."""
    assert web.send(head(named(), b"Content-Length: %d" % (11 * MEGABYTE)), b"x" * 1000).status == 413


def test_an_unannounced_length_over_the_limit_is_413(web: Web) -> None:
    """A chunked body is counted as it comes."""
    before = web.stored()
    raw = b'"' + b"x" * (11 * MEGABYTE) + b'"'
    known = named(**{"X-Shopify-Hmac-SHA256": sign(raw)})
    assert web.send(head(known, b"Transfer-Encoding: chunked"), *chunks(raw, MEGABYTE)).status == 413
    assert web.stored() == before


@pytest.mark.parametrize("size", [7, 4_096, 10 * MEGABYTE])
def test_a_chunked_body_is_stored_whole(web: Web, size: int) -> None:
    """Proxies may send webhooks on without a length; the signature is checked over the joined bytes."""
    before = web.stored()
    assert web.send(head(named(), b"Transfer-Encoding: chunked"), b"".join(chunks(ORDER, size))).status == 200
    assert web.stored() == before + 1


def test_a_body_that_ends_too_early_is_not_stored(web: Web) -> None:
    """A sender that dies half-way leaves nothing: it comes again."""
    before = web.stored()
    with socket.create_connection(("127.0.0.1", web.port), PATIENCE) as connection:
        connection.sendall(head(named(), b"Content-Length: %d" % len(ORDER)) + ORDER[:500])
        connection.shutdown(socket.SHUT_WR)
        answer = _answer(connection)
    assert answer.status in (0, 400, 401)
    assert web.stored() == before


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"GARBAGE\r\n\r\n",
        b"POST /webhooks/shopify HTTP/9.9\r\n\r\n",
        b"POST /webhooks/shopify HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /webhooks/shopify HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
        b"POST /webhooks/shopify HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"POST /webhooks/shopify HTTP/1.1\r\nHost: a\r\nX-Shopify-Topic: a\0b\r\n\r\n",
        b"POST /webhooks/sh\xffpify HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_turned_away_without_harm(web: Web, raw: bytes) -> None:
    """Scanners send anything; none of it is answered 5xx, and the server goes on."""
    assert web.send(raw).status in (0, *range(400, 500))


@pytest.mark.parametrize(
    "path", ["/webhooks/shopify/%00", "/webhooks/shopify/%ff", "/webhooks/%2e%2e/etc", "/?" + "q" * 9]
)
def test_a_path_nobody_has_is_404(web: Web, path: str) -> None:
    """Whatever it spells."""
    assert web.send(head(named(), b"Content-Length: 2", path=path) + b"{}").status in (404, 405)


def test_contradictory_lengths_are_refused(web: Web) -> None:
    """Two lengths are how requests are smuggled past a proxy."""
    before = web.stored()
    both = (b"Content-Length: 5", b"Content-Length: %d" % len(ORDER))
    assert web.send(head(named(), *both) + ORDER).status == 400
    assert web.stored() == before
