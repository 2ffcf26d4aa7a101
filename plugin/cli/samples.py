"""Signed sample webhooks for a running server."""

from __future__ import annotations

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say
from plugin.cli.session import open_services
from plugin.core.errors import ConfigError
from plugin.operations import samples
from plugin.operations.stores import webhook_url


@click.command()
@click.argument("platform")
@click.argument("topic")
@click.option("--store", "store_id", required=True, help="The store's id.")
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many, each of its own."
)
@json_option
def send_sample(platform: str, topic: str, store_id: str, count: int, as_json: bool) -> None:
    """Send signed sample webhooks of invented people to the running server."""
    with open_services() as opened:
        statuses = samples.send(opened, platform, topic, store_id, count)
        address = webhook_url(opened, platform, store_id)
    taken = statuses.count(200)
    if as_json:
        print_json({"sent": count, "statuses": statuses})
    else:
        say(f"sent {count} to {address}: {taken} answered 200")
    if taken != count:
        raise ConfigError("not every sample was taken: is `crossdock up` running, and BASE_URL its address?")
