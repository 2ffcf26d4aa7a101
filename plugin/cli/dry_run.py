"""`crossdock dry-run`: what a webhook would lead to. Nothing is sent, and nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json
from plugin.cli.session import open_services
from plugin.operations.dry_run import dry_run as run

if TYPE_CHECKING:
    from io import BufferedReader


@click.command("dry-run")
@click.argument("file", type=click.File("rb"))
@click.option("--platform", required=True, help="Where the webhook comes from, for example shopify.")
@click.option("--topic", "platform_topic", required=True, help="The platform's own topic, for example orders/create.")
@click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
@json_option
def dry_run(file: BufferedReader, platform: str, platform_topic: str, store_id: str, as_json: bool) -> None:
    """Show what a webhook would lead to: sends nothing, writes nothing.

    FILE holds its body; `-` reads standard input. Names the rule that chooses the shipping connection, and every
    request that would go out, with its later steps. Secrets are masked; the addresses are shown as they would be sent.
    """
    with open_services() as opened:
        found = run(opened, store_id, platform, platform_topic, file.read())
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(shown: dict[str, Any]) -> None:
    click.echo(f"{shown['topic']} to store {shown['store']}: {shown['state']}, {shown['reason'] or 'as follows'}")
    for row in shown["rules"]:
        verdict = "takes it" if row["takes"] else f"passes it on: {row['because']}"
        click.echo(f"  {row['destination']} {row['name']} (priority {row['priority']}), rule {row['rule']}: {verdict}")
    if shown["given_to"]:
        click.echo(f"  connection {shown['given_to']} has this order already; a move is made as the README says")
    for number, row in enumerate(shown["requests"], start=1):
        _print_call(number, row)
    click.echo("Nothing was sent, and nothing was written.")


def _print_call(number: int, row: dict[str, Any]) -> None:
    when = f"after {row['after_minutes']:g} minutes" if row["after_minutes"] else ""
    notes = "; ".join(filter(None, ("later" if row["later"] else "", when, row["note"], row["reason"])))
    click.echo(f"\n{number}. {row['destination']} {row['name']}: {row['action']}" + (f" ({notes})" if notes else ""))
    if row["method"]:
        click.echo(f"   {row['method']} {row['url']}")
    for key, text in row["headers"].items():
        click.echo(f"   {key}: {text}")
    if row["body"] is not None:
        text = json.dumps(row["body"], ensure_ascii=False, indent=2, default=str)
        click.echo("\n".join(f"   {line}" for line in text.splitlines()))
