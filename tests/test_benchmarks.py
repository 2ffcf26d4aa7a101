"""Every benchmark runs at its smallest size with what a developer has installed, and says what it left out."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import NAMES
from benchmarks._processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def _start(name: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--path", str(folder)]
    environment = {**os.environ, "COLUMNS": "160"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_each_benchmark_prints_its_ratios_and_writes_its_figures(tmp_path: Path) -> None:
    """All at the same time: they mostly wait, and nobody looks at what they measure."""
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(_start(name, tmp_path)) for name in NAMES}
        for process in running.values():
            stack.callback(process.terminate)
        for name, process in running.items():
            _judge(name, process, tmp_path)


def _judge(name: str, process: subprocess.Popen[str], folder: Path) -> None:
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert f"{name}: ratios within this run" in printed
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    assert document["quick"]
    assert all(value > 0 for value in document["ratios"].values()), document["ratios"]
    assert all(row["values"] for row in document["figures"])
