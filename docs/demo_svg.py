"""Draws docs/demo.svg from a real run of the demo: `python docs/demo_svg.py`."""  # noqa: INP001

from __future__ import annotations

import re
import sys
from pathlib import Path

from rich.console import Console

from plugin.cli.demo import perform
from plugin.cli.processes import stop_on_signals

# The fonts that rich names would be fetched from elsewhere; every machine has a monospaced one of its own.
_FONT_FACES = re.compile(r"\s*@font-face \{.*?\}\s*(?=\.)", re.DOTALL)


def main() -> int:
    """Run the demo, draw what it printed, return its exit status."""
    console = Console(record=True, width=92, force_terminal=False)
    status = perform(console, stop_on_signals(), orders=40, ends=True)
    svg = console.export_svg(title="crossdock demo --exit")
    picture = _FONT_FACES.sub("\n", svg).replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    Path(__file__).with_name("demo.svg").write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
