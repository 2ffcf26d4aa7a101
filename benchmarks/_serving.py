"""Applications that `crossdock web` serves: our own, and others in its place."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from benchmarks._processes import ROOT, free_port, is_listening, python, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks._places import Place


@contextlib.contextmanager
def our_web(at: Place) -> Iterator[int]:
    """Yield the port of our own web process on a place."""
    with _serving(at, {}, ROOT, "crossdock web") as port:
        yield port


@contextlib.contextmanager
def served_as_ours(at: Place, module: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Yield the port of one of `benchmarks.stacks`: our command serves the `wsgi:app` of the folder it starts in."""
    folder = at.folder / module
    folder.mkdir()
    (folder / "wsgi.py").write_text(f"from benchmarks.stacks.{module} import app\n")
    with _serving(at, environment, folder, module) as port:
        yield port


@contextlib.contextmanager
def _serving(at: Place, environment: Mapping[str, str], cwd: Path, name: str) -> Iterator[int]:
    port = free_port()
    command = python("-m", "plugin", "web", "--host", "127.0.0.1", "--port", str(port))
    with running(command, at.folder, {**at.environment, **environment}, cwd=cwd):
        wait_until(lambda: is_listening(port), 30, f"{name} does not listen")
        yield port
