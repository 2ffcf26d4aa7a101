"""The command `new storefront`."""

from __future__ import annotations

from pathlib import Path

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say
from plugin.operations.new_storefront import write_skeleton


@click.command()
@click.argument("name")
@json_option
def storefront(name: str, as_json: bool) -> None:
    """Write the four folders of a storefront NAME, with the smallest one in them that works."""
    root = Path.cwd()
    paths = [path.relative_to(root).as_posix() for path in write_skeleton(name, root)]
    if as_json:
        print_json({"name": name, "files": paths})
        return
    for path in paths:
        say(path)
    say(f"\nIt works as it is: pytest tests/storefronts/test_contract.py -k {name}")
    say(f"Then replace what is invented in it, with the documentation of {name} beside you.")
