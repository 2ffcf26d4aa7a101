"""Calls over connections that stay open, in two halves: sent now and answered later, each in time and with its own."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin.core.response import Failure, Response
from plugin.core.step import Request
from plugin.transport.call import InFlightCall
from plugin.transport.client import Client
from tests.conftest import wait_until
from tests.support.certificates import tls
from tests.support.keep_alive_vendor import (
    GET,
    OURS,
    Lasting,
    answered,
    drip,
    echo,
    echo_after,
    kept,
    parked,
    target,
    to,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN = Path("/proc/self/fd")


def test_nothing_is_started_without_an_open_connection() -> None:
    """To connect could take a while, and whoever starts a call must not wait."""
    with Lasting(echo) as vendor, closing(Client(vendor.url)) as client:
        assert client.start(GET) is None
        client.send(GET)
        begun = parked(client)
        assert client.start(GET) is None, "the only connection is in use"
        begun.finish()
    assert (vendor.connections, len(vendor.heard)) == (1, 2)


def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    """The vendor hung up while nothing was sent: then nothing is lost, and the next call connects anew."""
    with Lasting(echo) as vendor, closing(Client(vendor.url)) as client:
        client.send(GET)
        vendor.hang_up()
        assert client.start(GET) is None
        assert isinstance(client.send(GET), Response)
    assert (vendor.connections, len(vendor.heard)) == (2, 2)


def test_a_started_call_waits_for_nothing_until_it_is_readable() -> None:
    """Whoever has many of them waits for all at once."""
    goes_on = threading.Event()
    with Lasting(echo_after(goes_on, "/1")) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/1"))
        begun = parked(client, to("/2"))
        assert select.select([begun], [], [], 0)[0] == []
        goes_on.set()
        assert select.select([begun], [], [], 10)[0] == [begun]
        assert answered(begun.finish()) == "/2"


def test_an_answer_is_never_taken_for_that_of_another_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is cut, its answer comes nevertheless, and the next call is answered with its own."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.2)
    was_cut = threading.Event()

    def say(request: bytes) -> Iterator[bytes]:
        if target(request) == "/cut":
            was_cut.wait(10)
        yield from echo(request)

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/0"))
        begun = parked(client, to("/cut"))
        assert select.select([begun], [], [], 10)[0] == [begun], "what was cut is readable"
        was_cut.set()
        assert begun.finish() == Failure(sent=True, reason="no answer in time", timed_out=True)
        assert client.start(to("/1")) is None, "its connection is not used again"
        assert answered(client.send(to("/2"))) == "/2"
        assert answered(parked(client, to("/3")).finish()) == "/3"


def test_what_a_vendor_says_before_its_answer_is_not_its_answer() -> None:
    """An early hint (103): whatever that call is said to be, the next one does not get what belongs to it."""
    goes_on = threading.Event()

    def say(request: bytes) -> Iterator[bytes]:
        if target(request) == "/hinted":
            yield b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
            goes_on.wait(10)
        yield from echo(request)

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        hinted = client.send(to("/hinted"))
        begun = client.start(to("/next"))
        goes_on.set()
        found = begun.finish() if isinstance(begun, InFlightCall) else client.send(to("/next"))
    assert answered(found) == "/next"
    assert hinted.sent if isinstance(hinted, Failure) else answered(hinted) == "/hinted"


def test_an_answer_that_does_not_begin_in_time_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nobody reads: the call becomes readable, and is known to have been sent."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.3)
    ended = threading.Event()
    with Lasting(echo_after(ended, "/1")) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/1"))
        began = time.monotonic()
        begun = parked(client)
        assert select.select([begun], [], [], 10)[0] == [begun]
        assert 0.25 < time.monotonic() - began < 2
        found = begun.finish()
        ended.set()
    assert found == Failure(sent=True, reason="no answer in time", timed_out=True)


def test_a_trickle_over_an_open_connection_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte comes in time, and all of them together don't."""
    monkeypatch.setattr("plugin.transport.call.TOTAL_SECONDS", 0.5)
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.3)
    ended = threading.Event()

    def say(request: bytes) -> Iterator[bytes]:
        yield from echo(request) if target(request) == "/1" else drip(ended)

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/1"))
        began = time.monotonic()
        found = parked(client).finish()
        took = time.monotonic() - began
        ended.set()
        assert client.start(GET) is None
    assert found == Failure(sent=True, reason="no answer in time", timed_out=True)
    assert 0.4 < took < 2


def test_a_vendor_may_end_the_connection_with_its_answer() -> None:
    """`Connection: close`: the answer counts, and nothing else is sent there."""
    said = kept({"for": "all"}, 200, "Connection: close")
    with Lasting(lambda _: [said]) as vendor, closing(Client(vendor.url)) as client:
        assert answered(client.send(GET)) == "all"
        assert client.start(GET) is None
        assert answered(client.send(GET)) == "all"
    assert vendor.connections == 2


@pytest.mark.parametrize("said", [b"220 smtp ready\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: zz\r\n\r\n{", b""])
def test_after_a_failure_the_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """Nobody knows what would come out of it next."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.3)

    def say(request: bytes) -> Iterator[bytes]:
        if target(request) == "/odd":
            yield said
        else:
            yield from echo(request)

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        client.send(to("/1"))
        odd = parked(client, to("/odd")).finish()
        assert client.start(to("/2")) is None or isinstance(odd, Response)
        assert answered(client.send(to("/3"))) == "/3"
    assert vendor.connections == 2


def test_every_part_of_an_answer_is_read_however_it_is_cut_up() -> None:
    """Byte by byte, over a connection that is used again."""

    def say(request: bytes) -> Iterator[bytes]:
        (whole,) = echo(request)
        yield from (whole[place : place + 1] for place in range(len(whole)))

    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        found = [answered(client.send(to(f"/{number}"))) for number in range(5)]
    assert found == [f"/{number}" for number in range(5)]
    assert vendor.connections == 1


def test_a_deadline_that_comes_with_the_answer_spoils_no_other_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that arrive just as they are given up: each call gets its own answer or says that none came in time."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.02)
    monkeypatch.setattr("plugin.transport.deadline._TICK_SECONDS", 0.0)
    moment = threading.Event()

    def say(request: bytes) -> Iterator[bytes]:
        # Never set: the clock is what is tested here.
        moment.wait(0.0205 if target(request).startswith("/late") else 0)
        yield from echo(request)

    too_late = Failure(sent=True, reason="no answer in time", timed_out=True)
    with Lasting(say) as vendor, closing(Client(vendor.url)) as client:
        for path in (f"/{kind}{number}" for number in range(40) for kind in ("late", "next")):
            found = client.send(to(path))
            assert found == too_late or answered(found) == path


@pytest.mark.skipif(not OPEN.exists(), reason="only Linux tells what is open")
def test_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever became of the calls: a worker makes millions of them."""
    monkeypatch.setattr("plugin.transport.call.READ_SECONDS", 0.1)
    context = tls(tmp_path, monkeypatch, "other.example")
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = f"http://localhost:{probe.getsockname()[1]}"

    def say(request: bytes) -> Iterator[bytes]:
        if target(request) == "/never":
            ended.wait(10)
        yield kept({}, 200, *(["Connection: close"] if target(request) == "/closes" else []))

    before = len(list(OPEN.iterdir()))
    with Lasting(say) as vendor, Lasting(say, tls=context) as insecure:
        for url in (vendor.url, insecure.url, nobody):
            with closing(Client(url)) as client:
                for path in ("/x", "/closes", "/never", "/x"):
                    client.send(to(path))
                    begun = client.start(to(path))
                    if isinstance(begun, InFlightCall):
                        begun.finish()
        ended.set()
    wait_until(lambda: len(list(OPEN.iterdir())) <= before)


def test_what_is_sent_is_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of making a call send the same bytes."""
    monkeypatch.setenv("http_proxy", "")
    request = Request(method="POST", path="/x", query={"q": "ä b"}, headers={"Authorization": OURS}, body={"a": "Zoë"})
    with Lasting(echo) as vendor, closing(Client(vendor.url)) as client:
        client.send(request)
        parked(client, request).finish()
    first, second = vendor.heard
    assert first == second
    assert first.startswith(b"POST /x?q=%C3%A4+b HTTP/1.1\r\n")
    assert json.loads(first.partition(b"\r\n\r\n")[2]) == {"a": "Zoë"}
