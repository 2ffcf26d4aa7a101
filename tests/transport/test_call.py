"""Outgoing HTTP: what goes out, and that whatever comes back becomes an answer or a failure in time."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from plugin.core.response import Failure, Response
from plugin.core.step import Request
from plugin.transport.client import Client
from tests.support.scripted_vendor import Scripted, answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GET = Request(method="GET", path="/x", repeatable=True)
POST = Request(method="POST", path="/x", body={"name": "Zoë"})


def call(url: str, request: Request = POST) -> Response | Failure:
    """Make one call by a client of its own."""
    client = Client(url)
    try:
        return client.send(request)
    finally:
        client.close()


def test_a_refused_connection_was_never_sent() -> None:
    """Nobody listens, so nothing can have been booked."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    found = call(f"http://127.0.0.1:{port}")
    assert found == Failure(sent=False, reason="the connection was refused")


def test_an_unknown_host_was_never_sent() -> None:
    """`.invalid` never resolves (RFC 6761)."""
    found = call("http://vendor.invalid")
    assert found == Failure(sent=False, reason="the host name is not known")


LOST: dict[str, bytes | None] = {
    "a reset": None,
    "nothing": b"",
    "a banner": b"220 smtp ready\r\n",
    "a cut head": b"HTTP/1.1 201 Created\r\nContent-Le",
    "a cut body": b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{",
    "a cut chunk": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
    "a wrong chunk": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{",
    "no gzip": b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "101 headers": b"HTTP/1.1 201 Created\r\n" + b"A: b\r\n" * 101 + b"Content-Length: 2\r\n\r\n{}",
    "a header without end": b"HTTP/1.1 201 Created\r\nA: " + b"b" * 70_000 + b"\r\n\r\n{}",
    "a status that is no number": b"HTTP/1.1 OK fine\r\n\r\n{}",
}


@pytest.mark.parametrize("said", LOST.values(), ids=LOST)
def test_whatever_goes_wrong_after_the_request_left_counts_as_sent(said: bytes | None) -> None:
    """The vendor has it, so it may have booked: never "not sent", and never an exception."""
    with Scripted(said) as vendor:
        found = call(vendor.url)
    assert len(vendor.heard) == 1
    assert found.sent if isinstance(found, Failure) else found.json is None


@pytest.mark.parametrize("location", ["http://[bad", "//", "http://\x7f/", "gopher://x", "http://evil.example/"])
def test_a_redirect_is_an_answer_wherever_it_points(location: str) -> None:
    """It is not followed, so what it says is not read either."""
    with Scripted(answer(302, b"", f"Location: {location}")) as vendor:
        found = call(vendor.url)
    assert isinstance(found, Response)
    assert (found.status, len(vendor.heard)) == (302, 1)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe", b"[" * 100_000, b'"\\ud800', b"9" * 5_000])
def test_an_answer_that_is_no_json_is_none(body: bytes) -> None:
    """Never an exception: HTML, cut off, nothing, absurd."""
    with Scripted(answer(200, body)) as vendor:
        found = call(vendor.url)
    assert isinstance(found, Response)
    assert found.json is None


@pytest.mark.parametrize("token", ["a\r\nX-Injected: yes", "a\nb", "a\rb", "tökén", "€uro"])
def test_a_credential_that_is_no_header_never_leaves(token: str) -> None:
    """No header can be smuggled in through a setting; what can't be written is not sent."""
    request = Request(method="POST", path="/x", headers={"Authorization": token}, body={})
    with Scripted(answer(200, {})) as vendor:
        found = call(vendor.url, request)
    assert not any(b"X-Injected" in heard for heard in vendor.heard)
    assert isinstance(found, Response) or not found.sent


def test_a_netrc_never_replaces_our_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Requests would take a machine's .netrc for the Authorization that we set."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login thief password stolen\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Scripted(answer(200, {})) as vendor:
        call(vendor.url, Request(method="GET", path="/x", headers={"Authorization": "ours"}))
    assert b"Authorization: ours\r\n" in vendor.heard[0]


def test_cookies_are_not_kept() -> None:
    """They would tie the accounts together that share a process."""
    with Scripted(answer(200, {}, "Set-Cookie: session=1; Path=/")) as vendor:
        client = Client(vendor.url)
        for _ in range(2):
            client.send(GET)
        client.close()
    assert b"cookie" not in vendor.heard[1].lower()


def test_a_body_leaves_as_utf_8_json() -> None:
    """Names keep their letters."""
    with Scripted(answer(200, {})) as vendor:
        call(vendor.url)
    head, _, body = vendor.heard[0].partition(b"\r\n\r\n")
    assert json.loads(body.decode("utf-8")) == {"name": "Zoë"}
    assert b"application/json" in head


def drip(head: bytes, count: int, ended: threading.Event) -> Iterator[bytes]:
    """Yield a byte now and then, for longer than any deadline of these tests."""
    yield head
    for _ in range(count):
        yield b"x"
        ended.wait(0.05)


@pytest.mark.parametrize(
    "head",
    [
        *(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: "),
        b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["a body of known length", "a body of unknown length", "a header", "a redirect"],
)
def test_a_trickle_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """Every byte resets the read timeout; the whole call still ends before its lease does."""
    monkeypatch.setattr("plugin.transport.call.TOTAL_SECONDS", 0.5)
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.3)
    ended = threading.Event()
    with Scripted(drip(head, 50, ended)) as vendor:
        began = time.monotonic()
        call(vendor.url)
        took = time.monotonic() - began
        ended.set()
    assert took < 1.5


@pytest.mark.parametrize(("timeout", "longest"), [(0.2, 15.0), (15.0, 0.2)])
def test_a_connection_may_wait_less_than_others(
    monkeypatch: pytest.MonkeyPatch, timeout: float, longest: float
) -> None:
    """`timeout` lowers the seconds that a call waits for its answer; never more is waited than leases outlast."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", longest)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout)
        found = client.send(POST)
        client.close()
    assert isinstance(found, Failure)
    assert found.timed_out
    assert time.monotonic() - began < 5


def test_an_endless_answer_is_cut() -> None:
    """A gigabyte of answer must not become a gigabyte of memory."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with Scripted([head, *[b"x" * 1_000_000] * 60]) as vendor:
        found = call(vendor.url)
    assert isinstance(found, Failure)
    assert found.sent
