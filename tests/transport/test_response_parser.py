"""Answers as servers really give them: whatever can be read is read, and each call gets its own."""

from __future__ import annotations

import gc
import gzip
import json
import weakref
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from plugin.core.response import Failure, Response
from plugin.transport.client import Client
from plugin.transport.response_parser import ResponseParser
from tests.support.keep_alive_vendor import GET, Lasting, answered, echo, kept, target, to
from tests.support.scripted_vendor import Scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

FINE = b'{"for": "it"}'
CHUNKED = b"d\r\n" + FINE + b"\r\n0\r\n"
ZIPPED = gzip.compress(FINE)

READABLE = {
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED + b"\r\n",
    "chunks and a length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    + CHUNKED
    + b"\r\n",
    "something after the chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED + b"A: b\r\n\r\n",
    "blanks after a chunk's size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + CHUNKED.replace(b"d\r", b"d  \r")
    + b"\r\n",
    "an encoding that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 13\r\n\r\n" + FINE,
    "lines that end without return": b"HTTP/1.1 200 OK\nContent-Length: 13\n\n" + FINE,
    "no word for the status": b"HTTP/1.1 200\r\nContent-Length: 13\r\n\r\n" + FINE,
    "the older protocol": b"HTTP/1.0 200 OK\r\n\r\n" + FINE,
    "no length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + FINE,
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
    "more than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + FINE + b"HTTP/1.1 500 No\r\n\r\n",
    "garbage after its end": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n" + FINE + b"\0\0",
}


@pytest.mark.parametrize("said", READABLE.values(), ids=READABLE)
def test_an_answer_is_read_however_its_end_is_told(said: bytes) -> None:
    """Had it been booked, nobody would know otherwise."""
    with Scripted(said) as vendor, closing(Client(vendor.url)) as client:
        found = client.send(GET)
    assert isinstance(found, Response)
    assert (found.status, found.json) == (200, {"for": "it"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_json_is_read_in_every_encoding_that_it_may_have(encoding: str) -> None:
    """With a mark in front or without; halves of letters and NUL, which databases refuse, are replaced."""
    text = '{"for": "Zo\\u00eb \\ud800 \\u0000", "more": "it"}'
    assert Response(status=200, headers={}, body=text.encode(encoding)).json == {"for": "Zoë ? \ufffd", "more": "it"}


CUT_OFF, TOO_LARGE = "the connection was cut before the answer came", "the answer is larger than any should be"
LOST: dict[str, tuple[bytes | list[bytes], str]] = {
    "a status that there is not": (b"HTTP/1.1 000 OK\r\nContent-Length: 13\r\n\r\n" + FINE, CUT_OFF),
    "a body shorter than its length": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 14\r\n\r\n" + FINE,
        CUT_OFF,
    ),
    "a trailer without end": (
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED + b"A: ",
            *[b"b" * 1_000_000] * 30,
        ],
        TOO_LARGE,
    ),
}


@pytest.mark.parametrize(("said", "reason"), LOST.values(), ids=LOST)
def test_what_is_no_answer_is_not_taken_for_one(said: bytes | list[bytes], reason: str) -> None:
    """The call counts as sent, and what became of it is to be found out."""
    with Scripted(said) as vendor, closing(Client(vendor.url)) as client:
        found = client.send(GET)
    assert found == Failure(sent=True, reason=reason)


def test_an_answer_without_a_body_is_over_with_its_head() -> None:
    """204 says nothing, and the connection stays open for the next call."""

    def say(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 204 No Content\r\n\r\n" if target(request) == "/nothing" else kept({"for": "all"})

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        found = client.send(to("/nothing"))
        assert answered(client.send(to("/2"))) == "all"
    assert isinstance(found, Response)
    assert (found.status, found.body, vendor.connections) == (204, b"", 1)


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"more", b"\r\n\r\nHTTP/1.1"])
def test_what_follows_an_answer_is_never_the_next_one_s(more: bytes) -> None:
    """The answer counts, and its connection is not used again."""

    def say(request: bytes) -> Iterator[bytes]:
        (whole,) = echo(request)
        yield whole + more if target(request) == "/1" else whole

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        assert answered(client.send(to("/1"))) == "/1"
        assert client.start(to("/2")) is None
        assert answered(client.send(to("/3"))) == "/3"
    assert vendor.connections == 2


def test_headers_are_found_in_any_case_and_those_of_a_trailer_are_not() -> None:
    """What was said twice is joined; what comes after the body could contradict what was acted upon."""
    head = b"HTTP/1.1 200 OK\r\nretry-AFTER: 7\r\nVary: a\r\nVary: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Scripted(head + CHUNKED + b"X-Late: yes\r\n\r\n") as vendor, closing(Client(vendor.url)) as client:
        found = client.send(GET)
    assert isinstance(found, Response)
    assert (found.headers["Retry-After"], found.headers["vary"], "X-Late" in found.headers) == ("7", "a, b", False)


def test_a_small_answer_that_is_large_when_unpacked_is_given_up() -> None:
    """A megabyte of answer must not become a gigabyte of memory."""
    packed = gzip.compress(json.dumps("x" * 50_000_000).encode())
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    with Scripted(said) as vendor, closing(Client(vendor.url)) as client:
        found = client.send(GET)
    assert isinstance(found, Failure)
    assert found.sent


def test_nothing_of_an_answer_waits_for_a_search_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search stops all calls, for as long as it takes to look at what thousands of them left behind."""
    left: list[weakref.ref[ResponseParser]] = []

    class Watched(ResponseParser):
        def __init__(self) -> None:
            super().__init__()
            left.append(weakref.ref(self))

    monkeypatch.setattr("plugin.transport.connection.ResponseParser", Watched)
    with Lasting(echo) as vendor, closing(Client(vendor.url)) as client, _without_searching():
        for number in range(3):
            assert answered(client.send(to(f"/{number}"))) == f"/{number}"
        assert [one() for one in left] == [None] * 3


@contextmanager
def _without_searching() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
