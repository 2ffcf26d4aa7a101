"""`crossdock new`: the skeleton of an integration, as small as one that works can be."""

from __future__ import annotations

from pathlib import Path

import click

from plugin.cli.new_storefront import storefront
from plugin.cli.output import say
from plugin.operations import new as skeletons


@click.group()
def new() -> None:
    """Write the files of a new integration: the smallest that works."""


@new.command()
@click.argument("name")
@click.option("--title", help="Its name as people write it.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="A new folder for a package of its own, instead of this checkout.",
)
def destination(name: str, title: str | None, into: Path | None) -> None:
    """Write a destination with one call for each order, and an emulator that takes it."""
    called = title or name.capitalize()
    if into is None:
        skeleton = skeletons.destination_in_source(Path.cwd(), name, called)
        following = f"pytest tests/destinations -k {name}; then read docs/adding-a-destination.md"
    else:
        skeleton = skeletons.destination_as_package(into, name, called)
        following = f"pip install -e {into}"
    for path in skeleton.write():
        say(str(path))
    say(f"next: {following}")


new.add_command(storefront)
