"""Acting: the schema, doing again, samples."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
import requests

from plugin import storefronts
from plugin.cli.output import json_option, print_json, say, services
from plugin.core import log
from plugin.core.errors import ConfigError
from plugin.operations.replay import Selection, deliveries_to_replay, events_to_replay, replay_deliveries, replay_events
from plugin.settings import Settings
from plugin.storage import migrate as schema
from plugin.storage.database import Database
from plugin.storage.stores import require_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugin.services import Services


@click.command()
def migrate() -> None:
    """Bring the database's schema to the version of this release."""
    settings = Settings.from_env()
    log.set_up("WARNING")
    database = Database(settings.database_url)
    before, after = schema.migrate(database)
    database.close()
    say(f"the schema is at {after}" + ("" if before == after else f" (was {before or 'empty'})"))


@click.command()
@click.argument("ids", nargs=-1, type=int)
@click.option("--events", "are_events", is_flag=True, help="The ids are events', to be routed again.")
@click.option("--state", help="Only those in this state.")
@click.option("--store", "store_id", help="Only this store's.")
@click.option("--destination", help="Only deliveries to this destination.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def replay(
    ids: Sequence[int],
    are_events: bool,
    state: str | None,
    store_id: str | None,
    destination: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Do again what was held, skipped or failed: deliveries by id or filter, or with --events whole webhooks.

    Every delivery has a key, and a booking that was tried is looked up first, so nothing is booked twice by it. What
    can't be looked up, such as a track whose answer was lost, is sent again because you ask for it.
    """
    if not ids and state is None:
        raise ConfigError("replay what? Give ids, or a --state such as held or failed")
    selection = Selection(ids=ids, state=state, store_id=store_id, destination=destination)
    with services() as opened:
        find = events_to_replay if are_events else deliveries_to_replay
        found = find(opened.database, selection)
        _confirm(f"{len(found)} {'events' if are_events else 'deliveries'}", asked=bool(found) and not yes)
        (replay_events if are_events else replay_deliveries)(opened.database, found)
        opened.bell.ring()
    if as_json:
        print_json({"replayed": found})
    else:
        say(f"replayed {len(found)}")


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
    storefront = storefronts.get(platform)
    with services() as opened:
        found = require_store(opened.shops, store_id)
        secret = next(iter([*filter(None, [found.secrets.get("secret")]), *_app_secrets(opened, platform)]), None)
        address = f"{opened.settings.base_url}/webhooks/{platform}/{store_id}"
    if secret is None:
        raise ConfigError(f"store {store_id} has no secret to sign with")
    answered = []
    with requests.Session() as session:
        # Numbers that no earlier call used, so that every sample is an order of its own.
        first = int(time.time() * 10) % 10**9 * 1000
        for number in range(first, first + count):
            sample = storefront.sample(topic, number, secret, found.address)
            try:
                answer = session.post(address, data=sample.body, headers=dict(sample.headers), timeout=10)
            except requests.RequestException:
                raise ConfigError(
                    f"nothing answers at {address}: is `crossdock up` running, and BASE_URL right?"
                ) from None
            answered.append(answer.status_code)
    if as_json:
        print_json({"sent": count, "statuses": answered})
    else:
        say(f"sent {count} to {address}: {answered.count(200)} answered 200")
    if answered.count(200) != count:
        raise ConfigError("not every sample was taken: is `crossdock up` running, and BASE_URL its address?")


def _app_secrets(opened: Services, platform: str) -> Sequence[str]:
    return storefronts.get(platform).app_secrets(opened.settings.environment)


def _confirm(what: str, *, asked: bool) -> None:
    if asked and not click.confirm(f"Replay {what}?", err=True):
        raise ConfigError("nothing was replayed")
