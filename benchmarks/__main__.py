"""`python -m benchmarks NAME`: one benchmark, or `all`, or `report`, which writes the table of docs/figures.md."""

from __future__ import annotations

import signal
import sys
import time
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

from benchmarks import _report
from benchmarks._figures import Plan, write

NAMES = ("line", "intake", "delivery", "limits", "scale", "lanes", "start")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", type=click.Choice([*NAMES, "all", "report"]))
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Medians of how many.")
@click.option("--quick", is_flag=True, help="The smallest size: shows that it runs, measures nothing.")
@click.option("--path", type=click.Path(path_type=Path), default=Path("var/bench"), show_default=True)
def main(name: str, repeats: int, quick: bool, path: Path) -> None:  # noqa: FBT001  (click passes options by name)
    """Measure Crossdock beside others on this machine; ratios within one run, and JSON in PATH/NAME.json."""
    # However it ends, what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if name == "report":
        _report.write_table(path)
        return
    plan = Plan(repeats=1 if quick else repeats, small=quick, path=path)
    for one in NAMES if name == "all" else (name,):
        began = time.monotonic()
        figures = import_module(f"benchmarks.{one}").run_benchmark(plan)
        write(path / f"{one}.json", figures.document(plan))
        figures.show()
        Console().print(f"{one} took {time.monotonic() - began:.0f} s", highlight=False)


if __name__ == "__main__":
    main()
