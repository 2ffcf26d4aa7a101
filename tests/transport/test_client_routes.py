"""How a call gets to its vendor: through TLS and through proxies, and that nobody on the way learns too much."""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from plugin.core.response import Failure
from plugin.transport.client import Client
from tests.support.certificates import certify, serving, tls
from tests.support.keep_alive_vendor import GET, OURS, Lasting, answered, drip, echo, kept, parked, target, to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN = "Basic " + base64.b64encode(b"user:secret").decode()
UNTRUSTED = "no secure connection: the certificate is not trusted, or it speaks no TLS that we do"
PROXIES = [name + "_proxy" for name in ("http", "https", "all", "no")]


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no authority but those that a test names."""
    for name in (*PROXIES, *map(str.upper, PROXIES), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def tunnel(request: bytes) -> Iterator[bytes]:
    """Yield what a proxy says to a CONNECT."""
    yield b"HTTP/1.1 200 Connection established\r\n\r\n" if request.startswith(b"CONNECT") else kept({})


def test_a_secure_connection_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its handshake costs several journeys; the calls that follow travel over the same connection."""
    with Lasting(echo, tls=tls(tmp_path, monkeypatch)) as vendor, closing(Client(vendor.url)) as client:
        found = [client.send(to("/1")), parked(client, to("/2")).finish(), client.send(to("/3"))]
    assert [answered(one) for one in found] == ["/1", "/2", "/3"]
    assert vendor.connections == 1


def test_an_authority_that_nobody_named_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to whoever answers instead of the vendor, and the reason says why."""
    context = tls(tmp_path / "theirs", monkeypatch)
    tls(tmp_path / "ours", monkeypatch)
    with Lasting(echo, tls=context) as vendor, closing(Client(vendor.url)) as client:
        assert client.send(GET) == Failure(sent=False, reason=UNTRUSTED)
    assert vendor.heard == []


def test_a_certificate_of_another_host_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its authority is."""
    context = tls(tmp_path, monkeypatch, "other.example")
    with Lasting(echo, tls=context) as vendor, closing(Client(vendor.url)) as client:
        assert client.send(GET) == Failure(sent=False, reason=UNTRUSTED)
    assert vendor.heard == []


def test_a_server_without_tls_is_not_called_without() -> None:
    """At an https address nothing travels in the clear."""
    heard: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            heard.append(connection.recv(65_536))
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        with closing(Client(f"https://localhost:{listening.getsockname()[1]}")) as client:
            assert client.send(GET) == Failure(sent=False, reason=UNTRUSTED)
        thread.join()
    assert OURS.encode() not in heard[0]


def test_a_secure_answer_that_never_comes_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As without TLS: whoever reads it is woken, and says that none came in time."""
    monkeypatch.setattr("plugin.transport.call.TOTAL_SECONDS", 0.3)
    ended = threading.Event()

    def say(request: bytes) -> Iterator[bytes]:
        yield from echo(request) if target(request) == "/1" else drip(ended)

    with Lasting(say, tls=tls(tmp_path, monkeypatch)) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/1"))
        found = parked(client).finish()
        ended.set()
    assert found == Failure(sent=True, reason="no answer in time", timed_out=True)


@pytest.mark.parametrize("named", ["http://user:secret@", "http://"])
def test_a_proxy_passes_on_what_is_not_secure(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    """It is told the whole address, and who we are if it asks for that; the vendor's name need not be known here."""
    with Lasting(echo) as proxy:
        monkeypatch.setenv("http_proxy", f"{named}localhost:{proxy.port}")
        with closing(Client("http://vendor.example:81/v1")) as client:
            found = [client.send(to("/1")), parked(client, to("/2")).finish()]
    assert [answered(one) for one in found] == [f"http://vendor.example:81/v1/{number}" for number in (1, 2)]
    for heard in proxy.heard:
        assert b"\r\nHost: vendor.example:81\r\n" in heard
        assert f"\r\nAuthorization: {OURS}\r\n".encode() in heard
        assert (f"\r\nProxy-Authorization: {LOGIN}\r\n".encode() in heard) == ("secret" in named)
    assert proxy.connections == 1


def test_a_secure_proxy_passes_on_what_is_not_secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to the proxy is secure, the rest is not: no tunnel is asked for."""
    with Lasting(echo, tls=tls(tmp_path, monkeypatch)) as proxy:
        monkeypatch.setenv("http_proxy", f"https://user:secret@localhost:{proxy.port}")
        with closing(Client("http://vendor.example")) as client:
            found = [client.send(to("/1")), parked(client, to("/2")).finish()]
    assert [answered(one) for one in found] == ["http://vendor.example/1", "http://vendor.example/2"]
    assert all(f"\r\nProxy-Authorization: {LOGIN}\r\n".encode() in heard for heard in proxy.heard)


def test_a_proxy_leads_to_what_is_secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the vendor it learns the name and nothing else, and the vendor nothing of the proxy."""
    context = tls(tmp_path, monkeypatch, "vendor.example")
    with Lasting(echo, tls=context) as vendor, Lasting(tunnel, leads_to=vendor.port) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:secret@localhost:{proxy.port}")
        with closing(Client("https://vendor.example")) as client:
            found = [client.send(to("/1")), parked(client, to("/2")).finish()]
    assert [answered(one) for one in found] == ["/1", "/2"]
    (asked,) = proxy.heard
    assert asked.startswith(b"CONNECT vendor.example:443 HTTP/1")
    assert f"Proxy-Authorization: {LOGIN}\r\n".encode() in asked
    assert OURS.encode() not in asked
    assert not any(b"Proxy-Authorization" in heard for heard in vendor.heard)
    assert all(f"\r\nAuthorization: {OURS}\r\n".encode() in heard for heard in vendor.heard)


def test_a_call_through_two_layers_of_tls_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secure proxy leads to a secure vendor, which never answers the second call; later ones are bounded as well."""
    monkeypatch.setattr("plugin.transport.call.TOTAL_SECONDS", 0.5)
    trusted, served = zip(*(certify(tmp_path / host, host) for host in ("localhost", "vendor.example")), strict=True)
    (tmp_path / "both.pem").write_bytes(b"".join(path.read_bytes() for path in trusted))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "both.pem"))
    front, behind = map(serving, served)
    ended = threading.Event()

    def say(request: bytes) -> Iterator[bytes]:
        yield from echo(request) if target(request) == "/1" else drip(ended)

    with Lasting(say, tls=behind) as vendor, Lasting(tunnel, tls=front, leads_to=vendor.port) as proxy:
        monkeypatch.setenv("https_proxy", f"https://localhost:{proxy.port}")
        with closing(Client("https://vendor.example")) as client:
            found = [client.send(to(path)) for path in ("/1", "/2", "/3")]
            ended.set()
    assert answered(found[0]) == "/1"
    assert found[1:] == [Failure(sent=True, reason="no answer in time", timed_out=True)] * 2


def test_what_comes_unasked_through_two_layers_of_tls_is_no_call_s_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken from the kernel together with the answer before it; that connection is not used again."""
    trusted, served = zip(*(certify(tmp_path / host, host) for host in ("localhost", "vendor.example")), strict=True)
    (tmp_path / "both.pem").write_bytes(b"".join(path.read_bytes() for path in trusted))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "both.pem"))
    front, behind = map(serving, served)
    with Lasting(echo, tls=behind) as vendor, Lasting(tunnel, tls=front, leads_to=vendor.port) as proxy:
        monkeypatch.setenv("https_proxy", f"https://localhost:{proxy.port}")
        with closing(Client("https://vendor.example")) as client:
            client.send(to("/1"))
            assert answered(parked(client, to("/2")).finish()) == "/2"
            (wire,) = client._route().pool._free  # noqa: SLF001  (its timing can't be had from outside)
            inner: Any = wire.sock
            inner.incoming.write(b"unasked")
            assert client.start(to("/3")) is None
            assert answered(client.send(to("/4"))) == "/4"
    assert len(proxy.heard) == 2


@pytest.mark.parametrize("status", [407, 502])
def test_a_proxy_that_leads_nowhere_got_nothing(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """It refuses before the call could leave: nothing can have been booked, and our credentials stayed here."""
    with Lasting(lambda _: [kept({}, status)]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://localhost:{proxy.port}")
        with closing(Client("https://vendor.example")) as client:
            found = client.send(GET)
            again = client.start(GET)
    assert isinstance(found, Failure)
    assert not found.sent
    assert again is None
    assert len(proxy.heard) == 1
    assert OURS.encode() not in proxy.heard[0]


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_is_obeyed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Hosts that it names are called directly, and hear nothing of the proxy."""
    with Lasting(echo) as vendor, Lasting(echo) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:secret@localhost:{proxy.port}")
        monkeypatch.setenv(name, "other.example,localhost")
        with closing(Client(vendor.url)) as client:
            assert answered(client.send(to("/1"))) == "/1"
    assert proxy.heard == []
    assert b"Proxy-Authorization" not in vendor.heard[0]


def test_a_proxy_that_is_none_of_ours_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a SOCKS proxy wants nothing to leave without it."""
    with Lasting(echo) as vendor, closing(Client(vendor.url)) as client:
        monkeypatch.setenv("http_proxy", "socks5://localhost:1")
        found = client.send(GET)
    assert isinstance(found, Failure)
    assert not found.sent
    assert vendor.connections == 0
