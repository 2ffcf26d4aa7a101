"""`crossdock new storefront`: the skeleton of a storefront."""

from __future__ import annotations

from pathlib import Path

import click

from plugin.cli.output import say
from plugin.operations.new_storefront import storefront_in_source


@click.command()
@click.argument("name")
def storefront(name: str) -> None:
    """Write a storefront with one signed webhook, and an emulated shop that sends it."""
    for path in storefront_in_source(Path.cwd(), name).write():
        say(str(path))
    say(f"next: pytest tests/storefronts -k {name}; then replace what is invented by what its documentation says")
