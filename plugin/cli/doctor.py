"""`crossdock doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plugin.cli.options import json_option
from plugin.cli.output import print_json
from plugin.core import log
from plugin.operations.doctor import examine_environment

if TYPE_CHECKING:
    from plugin.operations.doctor import Finding

_COLOURS = {"ok": "green", "note": "yellow", "problem": "bold red"}
# Whoever pipes it wants its lines whole.
_PIPED_WIDTH = 160


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check every setting, secret, process and backlog; exit 1 if something is wrong. No vendor is contacted."""
    log.set_up("ERROR")
    findings = examine_environment()
    if as_json:
        print_json([finding.row() for finding in findings])
    else:
        _print(findings)
    sys.exit(any(finding.state == "problem" for finding in findings))


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        text = Text(finding.found)
        if finding.do:
            text.append(f"\n→ {finding.do}", style=_COLOURS[finding.state])
        table.add_row(Text(finding.state, style=_COLOURS[finding.state]), finding.check, text)
    console = Console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(table)
    counts = {state: sum(finding.state == state for finding in findings) for state in _COLOURS}
    console.print(", ".join(f"{count} {state}" for state, count in counts.items()), style="bold", highlight=False)
