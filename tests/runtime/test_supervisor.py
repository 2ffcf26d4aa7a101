"""`crossdock up`: everything on one machine with one command, kept alive, stopped whole."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.conftest import wait_until
from tests.support.console import crossdock, surroundings
from tests.support.running_line import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ROLES = ("web", "worker", "clock")


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Return an environment with nothing in it but a folder and a port: SQLite and Redis are brought along."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return {"DATABASE_URL": f"sqlite:///{tmp_path}/crossdock.db", "PORT": str(port), "LOG_LEVEL": "ERROR"}


@pytest.fixture
def up(alone: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the whole line and wait until it is ready."""
    with running("up", surroundings(alone)) as process:
        wait_until(lambda: is_ready(alone))
        wait_until(lambda: set(children(process)) == set(ROLES))
        yield process
    for pid in listeners(alone):
        os.kill(pid, signal.SIGKILL)


def is_ready(environment: Mapping[str, str]) -> bool:
    """Return whether webhooks are taken and Redis answers."""
    url = f"http://127.0.0.1:{environment['PORT']}/readyz"
    with suppress(URLError, OSError), urlopen(url, timeout=2) as answer:
        return bool(json.load(answer) == {"database": "ok", "redis": "ok"})
    return False


def is_answering(environment: Mapping[str, str]) -> bool:
    """Return whether anything listens on the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", int(environment["PORT"])), 1):
        return True
    return False


def listeners(environment: Mapping[str, str]) -> list[int]:
    """Return the web processes of this port, whoever their parent is."""
    listed = subprocess.run(["ps", "-axwwo", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line for line in listed.stdout.splitlines() if line.rstrip().endswith(f"--port {environment['PORT']}")]
    return [int(line.split()[0]) for line in lines]


def children(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Return the processes that it started, by role."""
    listed = subprocess.run(["ps", "-axwwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    found: dict[str, int] = {}
    for line in listed.stdout.splitlines():
        pid, parent, arguments = line.split(None, 2)
        words = arguments.split()
        if int(parent) == process.pid and "plugin" in words:
            found |= {role: int(pid) for role in ROLES if role in words}
    return found


def test_a_process_that_is_killed_is_started_again(up: subprocess.Popen[bytes], alone: dict[str, str]) -> None:
    """Web, worker and clock, each with -9; the line is ready again without anybody's help."""
    before = children(up)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(children(up)) == set(ROLES) and not set(children(up).values()) & set(before.values()))
    wait_until(lambda: is_ready(alone))


def test_a_killed_web_process_leaves_nobody_on_its_port(up: subprocess.Popen[bytes], alone: dict[str, str]) -> None:
    """What a killed server had started itself must not go on taking webhooks, least of all after `up` has ended."""
    os.kill(children(up)["web"], signal.SIGKILL)
    wait_until(lambda: set(children(up)) == set(ROLES))
    wait_until(lambda: is_ready(alone))
    up.send_signal(signal.SIGTERM)
    up.wait(40)
    assert listeners(alone) == []


def test_a_killed_up_can_be_started_again(up: subprocess.Popen[bytes], alone: dict[str, str]) -> None:
    """After a kill -9 of the whole thing, or a crash, the same command in the same folder simply works again."""
    up.kill()
    up.wait()
    wait_until(lambda: not is_answering(alone))
    with running("up", surroundings(alone)) as again:
        wait_until(lambda: again.poll() is not None or is_ready(alone))
        assert again.poll() is None


def test_it_stops_with_everything_it_started(up: subprocess.Popen[bytes], alone: dict[str, str]) -> None:
    """SIGTERM ends it with status 0; no process, port or socket of it is left."""
    before = children(up)
    up.send_signal(signal.SIGTERM)
    assert up.wait(40) == 0
    for pid in before.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with socket.create_server(("127.0.0.1", int(alone["PORT"]))):
        pass


def test_a_port_that_somebody_else_has_is_said(alone: dict[str, str]) -> None:
    """Not a trace and not a hang: the port is named, and PORT is what to set."""
    with socket.create_server(("127.0.0.1", int(alone["PORT"]))):
        complaint = crossdock(alone, "up").complaint
    assert alone["PORT"] in complaint
    assert "PORT" in complaint


def test_a_port_that_another_crossdock_has_is_said(
    up: subprocess.Popen[bytes], alone: dict[str, str], tmp_path: Path
) -> None:
    """Its health answers on that port too, but it is not ours: webhooks would go to the wrong database."""
    assert up.poll() is None
    other = alone | {"DATABASE_URL": f"sqlite:///{tmp_path}/other/crossdock.db"}
    with running("up", surroundings(other)) as second:
        wait_until(lambda: second.poll() is not None or bool(children(second).get("clock")))
        assert second.poll() in (None, 1)
        wait_until(lambda: second.poll() is not None, 10)
        assert second.poll() == 1


def test_a_second_up_on_the_same_folder_is_refused(up: subprocess.Popen[bytes], alone: dict[str, str]) -> None:
    """Two on one database folder would fight over its Redis."""
    assert up.poll() is None
    assert "already" in crossdock(alone, "up", "--port", str(int(alone["PORT"]) + 1)).complaint
