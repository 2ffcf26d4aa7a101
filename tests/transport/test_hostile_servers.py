"""Odd and hostile answers over real sockets: each has its stated result, for a lane's call and for a single call.

A new urllib3, httptools or requests that reads one of them differently fails here.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from plugin.core.response import Failure, Response, retry_after
from plugin.core.step import Request
from plugin.core.vendor_profile import Quota
from plugin.delivery.classify import quota_of
from plugin.transport.client import Client
from plugin.transport.single_call import ask
from tests.support.certificates import tls
from tests.support.keep_alive_vendor import GET, Lasting, answered, echo, heard_from, kept, target, to
from tests.support.scripted_vendor import Scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    Call = Callable[[Request, str], Response | Failure]

CUT_OFF = Failure(sent=True, reason="the connection was cut before the answer came")
TOO_LARGE = Failure(sent=True, reason="the answer is larger than any should be")
TOO_LATE = Failure(sent=True, reason="no answer in time", timed_out=True)

OK = b"HTTP/1.1 200 OK\r\n"
FINE = b'{"a": 1}'
SIZED = b"Content-Length: 8\r\n\r\n" + FINE
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"8\r\n" + FINE + b"\r\n0\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
POST = Request(method="POST", path="/x", body={"name": "Zo\u00eb"})


def by_lane(request: Request, url: str) -> Response | Failure:
    """Make the call as a lane does."""
    with closing(Client(url)) as client:
        return client.send(request)


WAYS: dict[str, Call] = {"lane": by_lane, "single": ask}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def call(request: pytest.FixtureRequest) -> Call:
    """Each way of making a call."""
    way: Call = request.param
    return way


@dataclass(frozen=True)
class Odd:
    """An answer, and what each way makes of it: a status and a body, or a failure; `single` only where it differs."""

    said: bytes | Iterable[bytes]
    lane: tuple[int, bytes] | Failure
    single: tuple[int, bytes] | Failure | None = None

    def expected(self, way: str) -> tuple[int, bytes] | Failure:
        """Return what this way makes of it."""
        return self.lane if way == "lane" or self.single is None else self.single


def sized(body: bytes, *lines: bytes) -> bytes:
    """Return an answer with its length."""
    return OK + b"".join(line + b"\r\n" for line in lines) + b"Content-Length: %d\r\n\r\n" % len(body) + body


READ = (200, FINE)
DEFLATED_RAW = zlib.compress(FINE)[2:-4]
ZIPPED = gzip.compress(FINE)

ODD: dict[str, Odd] = {
    # The status line
    "nothing at all": Odd(b"", CUT_OFF),
    "a line end and nothing else": Odd(b"\r\n", CUT_OFF),
    "half a status line": Odd(b"HTTP/1.1 20", CUT_OFF),
    "a body without a head, as in HTTP/0.9": Odd(b"<html>hello</html>", CUT_OFF),
    "HTTP/1.0": Odd(b"HTTP/1.0 200 OK\r\n\r\n" + FINE, READ),
    "HTTP/1.2": Odd(b"HTTP/1.2 200 OK\r\n" + SIZED, CUT_OFF, READ),
    "HTTP/2 in clear text": Odd(b"HTTP/2 200\r\n" + SIZED, CUT_OFF),
    "HTTP/3.0": Odd(b"HTTP/3.0 200 OK\r\n" + SIZED, CUT_OFF),
    "a lower-case protocol": Odd(b"http/1.1 200 ok\r\n" + SIZED, CUT_OFF),
    "spaces before the status": Odd(b"HTTP/1.1   200   OK\r\n" + SIZED, CUT_OFF, READ),
    "a status without a reason": Odd(b"HTTP/1.1 200\r\n" + SIZED, READ),
    "a status without a reason but its space": Odd(b"HTTP/1.1 200 \r\n" + SIZED, READ),
    "an empty line before the status line": Odd(b"\r\n" + OK + SIZED, READ, CUT_OFF),
    "status 99": Odd(b"HTTP/1.1 99 Odd\r\n" + SIZED, CUT_OFF),
    "status 000": Odd(b"HTTP/1.1 000 Odd\r\n" + SIZED, CUT_OFF),
    "status 600": Odd(b"HTTP/1.1 600 Odd\r\n" + SIZED, (600, FINE)),
    "status 1000": Odd(b"HTTP/1.1 1000 Odd\r\n" + SIZED, CUT_OFF),
    "status abc": Odd(b"HTTP/1.1 abc Odd\r\n" + SIZED, CUT_OFF),
    "status -200": Odd(b"HTTP/1.1 -200 Odd\r\n" + SIZED, CUT_OFF),
    "a status of 20 digits": Odd(b"HTTP/1.1 99999999999999999999 Odd\r\n" + SIZED, CUT_OFF),
    "a reason of 1 MB": Odd(b"HTTP/1.1 200 " + b"x" * 1_000_000 + b"\r\n" + SIZED, TOO_LARGE, CUT_OFF),
    # The length
    "a negative length": Odd(OK + b"Content-Length: -1\r\n\r\n" + FINE, CUT_OFF, READ),
    "a length of 20 digits": Odd(OK + b"Content-Length: 99999999999999999999\r\n\r\n" + FINE, CUT_OFF),
    "a length that is no number": Odd(OK + b"Content-Length: eight\r\n\r\n" + FINE, CUT_OFF, READ),
    "a length with a sign": Odd(OK + b"Content-Length: +8\r\n\r\n" + FINE, CUT_OFF, READ),
    "an empty length": Odd(OK + b"Content-Length:\r\n\r\n" + FINE, CUT_OFF, READ),
    "two equal lengths": Odd(OK + b"Content-Length: 8\r\nA: b\r\n" + SIZED, READ),
    "two equal lengths in one line": Odd(OK + b"Content-Length: 8, 8\r\n\r\n" + FINE, READ),
    "two equal lengths, cut up": Odd((OK, b"Content-Length: 8\r\nContent-L", b"ength: 8\r", b"\n\r\n", FINE), READ),
    "two lengths": Odd(OK + b"Content-Length: 5\r\n" + SIZED, CUT_OFF),
    "two lengths in one line": Odd(OK + b"Content-Length: 8, 5\r\n\r\n" + FINE, CUT_OFF),
    "a length beside chunks": Odd(OK + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + CHUNKS + b"\r\n", READ),
    "a body that is too short": Odd(OK + b"Content-Length: 9\r\n\r\n" + FINE, CUT_OFF),
    "a body that is too long": Odd(OK + SIZED + b"more", READ),
    "no length and Connection: close": Odd(OK + b"Connection: close\r\n\r\n" + FINE, READ),
    "no length at all": Odd(OK + b"\r\n" + FINE, READ),
    "Transfer-Encoding: identity": Odd(OK + b"Transfer-Encoding: identity\r\n" + SIZED, READ),
    "Transfer-Encoding: gzip": Odd(OK + b"Transfer-Encoding: gzip\r\n\r\n" + FINE, READ),
    # Chunks
    "a chunk size that is no number": Odd(OK + CHUNKED + b"\r\nzz\r\n" + FINE, CUT_OFF),
    "a chunk size of 20 hex digits": Odd(OK + CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n" + FINE, CUT_OFF),
    "a negative chunk size": Odd(OK + CHUNKED + b"\r\n-8\r\n" + FINE + b"\r\n0\r\n\r\n", CUT_OFF),
    "a chunk without its line end": Odd(OK + CHUNKED + b"\r\n8\r\n" + FINE + b"0\r\n\r\n", CUT_OFF),
    "chunks without the last line end": Odd(OK + CHUNKED + b"\r\n" + CHUNKS, CUT_OFF, READ),
    "chunks without the last chunk": Odd(OK + CHUNKED + b"\r\n8\r\n" + FINE + b"\r\n", CUT_OFF),
    "chunks with extensions": Odd(OK + CHUNKED + b"\r\n8;a=b\r\n" + FINE + b"\r\n0\r\n\r\n", READ),
    "chunks with trailers": Odd(OK + CHUNKED + b"\r\n" + CHUNKS + b"X-Late: yes\r\n\r\n", READ),
    "chunks of one byte": Odd(
        OK + CHUNKED + b"\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in FINE) + b"0\r\n\r\n", READ
    ),
    # Interim answers
    "100 Continue": Odd(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + SIZED, READ),
    # The standard library, below requests, skips 100 and takes any other for the answer.
    "102 Processing": Odd(b"HTTP/1.1 102 Processing\r\n\r\n" + OK + SIZED, READ, CUT_OFF),
    "103 Early Hints": Odd(HINT + OK + SIZED, READ, CUT_OFF),
    "1,000 early hints": Odd(HINT * 1_000 + OK + SIZED, READ, CUT_OFF),
    "10,000 early hints": Odd(HINT * 10_000 + OK + SIZED, TOO_LARGE, CUT_OFF),
    "100 Continue and nothing else": Odd(b"HTTP/1.1 100 Continue\r\n\r\n", CUT_OFF),
    "101 Switching Protocols": Odd(
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello", CUT_OFF
    ),
    "101 without Upgrade": Odd(b"HTTP/1.1 101 Switching\r\n\r\nhello", CUT_OFF),
    "an offer to upgrade": Odd(OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + SIZED, READ),
    # Headers
    "a header of 1 MB": Odd(OK + b"A: " + b"b" * 1_000_000 + b"\r\n" + SIZED, TOO_LARGE, CUT_OFF),
    "10,000 headers": Odd(OK + b"A: b\r\n" * 10_000 + SIZED, TOO_LARGE, CUT_OFF),
    "a folded header": Odd(OK + b"A: b\r\n c\r\n" + SIZED, READ),
    "a NUL in a header": Odd(OK + b"A: b\0c\r\n" + SIZED, READ),
    "a DEL in a header": Odd(OK + b"A: b\x7fc\r\n" + SIZED, READ),
    "a header that is not ASCII": Odd(OK + "A: Zoë\r\n".encode() + SIZED, READ),
    "a header without a name": Odd(OK + b": b\r\n" + SIZED, CUT_OFF, READ),
    "a header without a colon": Odd(OK + b"nonsense\r\n" + SIZED, CUT_OFF, READ),
    "a space before a colon": Odd(OK + b"A : b\r\n" + SIZED, CUT_OFF, READ),
    "line ends without return": Odd((OK + SIZED).replace(b"\r", b""), READ),
    # Encodings
    "gzip": Odd(sized(ZIPPED, GZIP.strip()), READ),
    "a gzip bomb": Odd(sized(gzip.compress(b"x" * 200_000_000, 1), GZIP.strip()), TOO_LARGE),
    # Its length fits and urllib3 asks for no more: what there is comes, and JSON shows that it is not all.
    "gzip that is cut off": Odd(sized(ZIPPED[:-10], GZIP.strip()), (200, FINE[:-1])),
    "gzip that is none": Odd(sized(FINE, GZIP.strip()), CUT_OFF),
    "empty gzip": Odd(sized(b"", GZIP.strip()), (200, b"")),
    "gzip in gzip": Odd(sized(gzip.compress(ZIPPED), b"Content-Encoding: gzip, gzip"), READ),
    "1,000 times gzip": Odd(sized(FINE, b"Content-Encoding: " + b"gzip, " * 1_000 + b"gzip"), CUT_OFF),
    "an unknown encoding": Odd(sized(FINE, b"Content-Encoding: klingon"), READ),
    "deflate": Odd(sized(zlib.compress(FINE), b"Content-Encoding: deflate"), READ),
    "deflate without its head": Odd(sized(DEFLATED_RAW, b"Content-Encoding: deflate"), READ),
    # Bodies
    "a body of 50 MB": Odd(sized(b"x" * 50_000_000), TOO_LARGE),
    "a body of 50 MB in chunks": Odd(
        (OK + CHUNKED + b"\r\n", *[b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"] * 50), TOO_LARGE
    ),
    "204": Odd(b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    "204 with a body": Odd(b"HTTP/1.1 204 No Content\r\n" + SIZED, (204, b"")),
    "304": Odd(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\n", (304, b"")),
    "an answer as to HEAD": Odd(OK + b"Content-Length: 8\r\n\r\n", CUT_OFF),
    "301 to elsewhere": Odd(b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n" + SIZED, (301, FINE)),
    "307 to elsewhere": Odd(b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\n" + SIZED, (307, FINE)),
    "302 to no address": Odd(b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\n" + SIZED, (302, FINE)),
    "302 to no scheme": Odd(b"HTTP/1.1 302 Found\r\nLocation: gopher://x\r\n" + SIZED, (302, FINE)),
    "two answers": Odd((OK + SIZED) * 2, READ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_answer_has_its_stated_result(odd: Odd, way: str) -> None:
    """Never an exception; the vendor has the request, so no failure says that it was not sent."""
    with Scripted(odd.said) as vendor:
        found = WAYS[way](POST, vendor.url)
    assert len(vendor.heard) == 1
    result = (found.status, found.body) if isinstance(found, Response) else found
    assert result == odd.expected(way)


JSON: dict[str, tuple[bytes, object]] = {
    "nothing": (b"", None),
    "HTML": (b"<html>", None),
    "cut off": (b'{"a":', None),
    "a mark in front": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "UTF-16": ('{"a": "Zo\u00eb"}'.encode("utf-16"), {"a": "Zo\u00eb"}),
    "nested 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, None),
    "nested 51 deep": (b"[" * 52 + b"]" * 52, None),
    "a number of 5,000 digits": (b"9" * 5_000, None),
    "a number beyond all others": (b"[1e999]", None),
    "NaN": (b'{"a": NaN}', None),
    "Infinity": (b'{"a": -Infinity}', None),
    "half of a letter": (b'["\\ud800"]', ["?"]),
    "a NUL": (b'["a\\u0000b"]', ["a\ufffdb"]),
    "bytes that are no text": (b'["\xff"]', None),
    "a key twice": (b'{"a": 1, "a": 2}', {"a": 2}),
}


@pytest.mark.parametrize(("body", "parsed"), JSON.values(), ids=JSON)
def test_odd_json_is_none_or_fit_to_be_stored(call: Call, body: bytes, parsed: object) -> None:
    """Never an exception, and nothing that a database refuses."""
    with Scripted(sized(body)) as vendor:
        found = call(GET, vendor.url)
    assert isinstance(found, Response)
    assert found.json == parsed


@pytest.mark.parametrize(
    "value", [b"NaN", b"inf", b"-5", b"1e9", b"", b"9" * 5_000, b"soon", b"\xb2", b"Mon, 99 Foo 2026"]
)
def test_an_odd_retry_after_asks_for_no_time_or_an_hour_at_most(call: Call, value: bytes) -> None:
    """A vendor can't close its lane for ever, nor break what reads its answer."""
    with Scripted(b"HTTP/1.1 429 Slow\r\nRetry-After: " + value + b"\r\n" + SIZED) as vendor:
        found = call(GET, vendor.url)
    assert isinstance(found, Response)
    asked = retry_after(found)
    assert asked is None or 0 <= asked.total_seconds() <= 3600


@pytest.mark.parametrize("value", [b"9" * 5_000, b"NaN", b"-1", b"", b"1, 2", b"\xb2"])
def test_odd_headers_about_a_limit_say_nothing(call: Call, value: bytes) -> None:
    """Nor do they break what reads them."""
    names = (b"X-RateLimit-Limit", b"X-RateLimit-Remaining", b"X-RateLimit-Reset")
    with Scripted(sized(FINE, *[name + b": " + value for name in names])) as vendor:
        found = call(GET, vendor.url)
    assert isinstance(found, Response)
    quota = Quota(limit="X-RateLimit-Limit", remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset")
    assert quota_of(found, quota) is None


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 20", OK + b"Content-Length: 100\r\n\r\n{"], ids=["first", "head", "body"]
)
def test_a_reset_after_the_request_counts_as_sent(call: Call, said: bytes) -> None:
    """Whatever of the answer was there already."""
    with _Rude(lambda connection: _reset(connection, said)) as url:
        assert call(POST, url) == CUT_OFF


def test_an_answer_before_the_request_is_read_counts(call: Call) -> None:
    """A vendor that refuses a large body need not read it."""
    refusal = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n" + SIZED
    with _Rude(lambda connection: connection.sendall(refusal), reads=False) as url:
        found = call(Request(method="POST", path="/x", body=b'"x"'), url)
    assert isinstance(found, Response)
    assert (found.status, found.body) == (413, FINE)


def test_nobody_listens(call: Call) -> None:
    """Nothing was sent, so nothing can have been booked."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert call(POST, f"http://127.0.0.1:{port}") == Failure(sent=False, reason="the connection was refused")


def test_nobody_has_this_name(call: Call) -> None:
    """`.invalid` never resolves (RFC 6761)."""
    assert call(POST, "http://vendor.invalid") == Failure(sent=False, reason="the host name is not known")


def test_tls_with_a_server_that_speaks_none(call: Call) -> None:
    """At an https address nothing travels in the clear, so nothing was sent."""
    with _Rude(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), reads=False) as url:
        found = call(POST, url.replace("http:", "https:"))
    assert isinstance(found, Failure)
    assert not found.sent


@pytest.mark.parametrize("url", ["", "vendor", "http://", "http://[bad", "gopher://x", "http://a b"])
def test_an_address_that_is_none(call: Call, url: str) -> None:
    """Nothing is sent, and nothing raised."""
    found = call(POST, url)
    assert isinstance(found, Failure)
    assert not found.sent


SLOW = {
    "silence": [b""],
    "a head that trickles": [OK + b"A: "],
    "a body that trickles": [OK + b"Content-Length: 100000\r\n\r\n"],
    "a body without length that trickles": [OK + b"\r\n"],
    "chunks that trickle": [OK + CHUNKED + b"\r\n186a0\r\n"],
    "a redirect that trickles": [b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 100000\r\n\r\n"],
}


@pytest.mark.parametrize("parts", SLOW.values(), ids=SLOW)
def test_a_slow_answer_is_cut_in_time(monkeypatch: pytest.MonkeyPatch, call: Call, parts: list[bytes]) -> None:
    """Though every byte comes in time: the whole has a bound."""
    monkeypatch.setattr("plugin.transport.call.TOTAL_SECONDS", 0.2)
    monkeypatch.setattr("plugin.transport.deadline._TICK_SECONDS", 0.02)
    ended = threading.Event()

    def say() -> Iterator[bytes]:
        yield from parts
        while not ended.wait(0.02):
            yield b"x" if parts[0] else b""

    with Scripted(say()) as vendor:
        began = time.monotonic()
        found = call(POST, vendor.url)
        took = time.monotonic() - began
        ended.set()
    assert found == TOO_LATE
    assert 0.15 < took < 2


def test_silence_between_two_bytes_is_bounded(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    """By less than the whole call is."""
    for module in ("call", "single_call"):
        monkeypatch.setattr(f"plugin.transport.{module}.READ_SECONDS", 0.2)
    ended = threading.Event()

    def say() -> Iterator[bytes]:
        yield OK + b"Content-Length: 8\r\n\r\n{"
        ended.wait(10)

    with Scripted(say()) as vendor:
        found = call(POST, vendor.url)
        ended.set()
    assert found == TOO_LATE


def test_a_login_of_the_machine_is_not_sent(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Requests would take it from a .netrc where a call has none of its own."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login thief password stolen\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Scripted(OK + SIZED) as vendor:
        call(POST, vendor.url)
    assert b"authorization" not in vendor.heard[0].lower()


def test_a_proxy_of_the_environment_is_used(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the whole address; the vendor's name need not be known here."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Lasting(echo) as proxy:
        monkeypatch.setenv("http_proxy", f"http://localhost:{proxy.port}")
        assert answered(call(GET, "http://vendor.example/v1")) == "http://vendor.example/v1/x"


@pytest.mark.parametrize(("host", "is_trusted"), [("localhost", True), ("other.example", False)])
def test_certificates_are_checked(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, *, is_trusted: bool
) -> None:
    """By the authorities that the environment names; an untrusted server gets nothing."""
    with Lasting(echo, tls=tls(tmp_path, monkeypatch, host)) as vendor:
        found = call(GET, vendor.url)
    assert isinstance(found, Response) if is_trusted else isinstance(found, Failure) and not found.sent
    assert len(vendor.heard) == is_trusted


def test_both_ways_send_the_same() -> None:
    """Method, target, body, and every header but those of requests' own order."""
    request = Request(
        method="POST", path="/x", query={"q": "\u00e4 b"}, headers={"Authorization": "us"}, body={"a": "\u00eb"}
    )
    with Lasting(echo) as vendor:
        for way in WAYS.values():
            way(request, vendor.url)
    first, second = (heard.partition(b"\r\n\r\n") for heard in vendor.heard)
    assert first[2] == second[2]
    assert sorted(first[0].split(b"\r\n")) == sorted(second[0].split(b"\r\n"))


AFTERWARDS: dict[str, tuple[bytes, bool]] = {
    "an ordinary answer": (OK + SIZED, True),
    "an interim answer before it": (HINT + OK + SIZED, True),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    "a length beside chunks": (OK + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + CHUNKS + b"\r\n", False),
    "two equal lengths": (OK + b"Content-Length: 8\r\n" + SIZED, False),
    "two answers": ((OK + SIZED) * 2, False),
    "204 with a body": (b"HTTP/1.1 204 No Content\r\n" + SIZED, False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n" + SIZED, False),
}


@pytest.mark.parametrize(("said", "lasts"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_a_lane_s_connection_is_used_again_only_where_nothing_is_in_doubt(said: bytes, *, lasts: bool) -> None:
    """The next call gets its own answer in any case."""

    def say(request: bytes) -> Iterator[bytes]:
        yield said if target(request) == "/odd" else kept({"for": target(request)})

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        assert isinstance(client.send(to("/odd")), Response)
        assert answered(client.send(to("/next"))) == "/next"
    assert vendor.connections == (1 if lasts else 2)


def test_a_lane_s_connection_that_was_closed_meanwhile_is_not_used_again() -> None:
    """It was kept alive, then closed before the next request, which goes over another one."""
    with Lasting(echo) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/1"))
        vendor.hang_up()
        assert answered(client.send(to("/2"))) == "/2"
    assert len(vendor.heard) == 2


def test_a_trailer_is_no_header_of_a_lane_s_answer() -> None:
    """It could contradict what was acted upon."""
    with Scripted(OK + CHUNKED + b"\r\n" + CHUNKS + b"X-Late: yes\r\n\r\n") as vendor:
        found = by_lane(GET, vendor.url)
    assert isinstance(found, Response)
    assert "X-Late" not in found.headers


class _Rude:
    """A server of one connection that does with it what a test says, having read the request or not."""

    def __init__(self, act: Callable[[socket.socket], object], *, reads: bool = True) -> None:
        self._act = act
        self._reads = reads
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, suppress(OSError):
            if self._reads:
                heard_from(connection)
            self._act(connection)
            if not self._reads:
                # Closing with bytes unread would be a reset, which may overtake what was said.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass


def _reset(connection: socket.socket, said: bytes) -> None:
    connection.sendall(said)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
