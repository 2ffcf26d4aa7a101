"""Signed sample webhooks for a running server."""

from __future__ import annotations

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, services
from plugin.core.errors import ConfigError
from plugin.operations import samples


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
    with services() as opened:
        answered = samples.send(opened, platform, topic, store_id, count)
        address = samples.webhook_address(opened, platform, store_id)
    if as_json:
        print_json({"sent": count, "statuses": answered})
    else:
        say(f"sent {count} to {address}: {answered.count(200)} answered 200")
    if answered.count(200) != count:
        raise ConfigError("not every sample was taken: is `crossdock up` running, and BASE_URL its address?")
