"""Processes of many threads keep to a core each, as far as there are cores."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import migrate
from tests.conftest import wait_until
from tests.support.running_line import is_listening, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Backend

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) == 1, reason="needs a choice of cores"
)

# Says which core it keeps to and which it may use, and keeps to it until its input ends.
ASK = """
import os, pathlib, sys
from plugin.runtime.process_tuning import keep_to_one
print(keep_to_one(pathlib.Path(sys.argv[1])), *os.sched_getaffinity(0), flush=True)
sys.stdin.read()
"""


@contextmanager
def asking(folder: Path) -> Iterator[tuple[int | None, set[int]]]:
    """Run a process that asks for a core; return the answer, and where it may run."""
    with subprocess.Popen(
        [sys.executable, "-c", ASK, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        core, *allowed = process.stdout.readline().split()
        yield None if core == "None" else int(core), {int(one) for one in allowed}
        process.communicate()


def test_each_process_gets_a_core_of_its_own_and_one_too_many_is_left_alone(tmp_path: Path) -> None:
    """And a core whose process has ended is given again."""
    all_cores = os.sched_getaffinity(0)
    with ExitStack() as others:
        kept = [others.enter_context(asking(tmp_path / "data")) for _ in range(len(all_cores) - 1)]
        with asking(tmp_path / "data") as last, asking(tmp_path / "data") as spare:
            kept.append(last)
            assert {core for core, _ in kept} == all_cores
            assert all(allowed == {core} for core, allowed in kept)
            assert spare == (None, all_cores)
        with asking(tmp_path / "data") as again:
            assert again == last


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """Web answers all the same, only slower."""
    (tmp_path / "file").touch()
    with asking(tmp_path / "file" / "data") as answer:
        assert answer == (None, os.sched_getaffinity(0))


def _allowed_cores(parent: int) -> list[set[int]]:
    """Return the cores that each thread of a process's children may run on."""
    return [
        os.sched_getaffinity(int(thread.name))
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for thread in Path(f"/proc/{child}/task").iterdir()
    ]


def test_the_web_process_keeps_all_its_threads_to_one_core(embedded: Backend, tmp_path: Path) -> None:
    """The one that serves; the one that watches over it may be anywhere."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/crossdock.db",
        "REDIS_URL": embedded.redis_url,
        "SECRET_KEY": "a key for tests",
    }
    services = Services.open(Settings.from_env(environment))
    migrate(services.database)
    services.close()
    with running("web", environment, "--host", "127.0.0.1", "--port", str(port)) as web:
        wait_until(lambda: is_listening(port))
        # The one that watches listens before the one that serves has its threads.
        wait_until(lambda: len(_allowed_cores(web.pid)) > 1)
        allowed = _allowed_cores(web.pid)
        assert {len(cores) for cores in allowed} == {1}
