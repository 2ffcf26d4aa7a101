"""Start: how much processor time a command takes that does next to nothing, so how much it loads to do it.

Each command runs in a process of its own, to its end; `processor_seconds` are what the system counted for it, of the
program and of the system on its behalf, which a busy machine changes less than the time that passes. Of the runs of a
repeat the cheapest counts. `status` looks at a new SQLite database that has its schema. Python itself, which does
nothing, is what no command can go below.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks._figures import Figures
from benchmarks._places import SQLITE, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks._figures import Plan

_PYTHON = "Python alone"
_COMMANDS = {
    _PYTHON: ("-c", "pass"),
    "crossdock --version": ("-m", "plugin", "--version"),
    "crossdock --help": ("-m", "plugin", "--help"),
    "crossdock status": ("-m", "plugin", "status"),
}
_RUNS = 5


def run_benchmark(plan: Plan) -> Figures:
    """Measure what the commands that are asked most often take until they end."""
    figures = Figures("start", "processor time of a command that does next to nothing")
    with place(SQLITE) as at:
        environment = {**os.environ, **at.environment}
        # The first one writes compiled modules and the schema.
        for arguments in _COMMANDS.values():
            _processor_seconds(arguments, environment)
        for _ in range(plan.repeats):
            for case, arguments in _COMMANDS.items():
                runs = (_processor_seconds(arguments, environment) for _ in range(plan.size(_RUNS, 1)))
                figures.add(case, processor_seconds=min(runs))
    for case in _COMMANDS:
        if case != _PYTHON:
            figures.ratio(case, _PYTHON, "processor_seconds")
    return figures


def _processor_seconds(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """Run Python with these arguments; return the seconds of processor time that its process took."""
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime
