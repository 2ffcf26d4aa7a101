"""Acting: the schema, doing again, samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, services
from plugin.core.errors import ConfigError
from plugin.operations.replay import Selection, deliveries_to_replay, events_to_replay, replay_deliveries, replay_events

if TYPE_CHECKING:
    from collections.abc import Sequence


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
        opened.wake_up.send()
    if as_json:
        print_json({"replayed": found})
    else:
        say(f"replayed {len(found)}")


def _confirm(what: str, *, asked: bool) -> None:
    if asked and not click.confirm(f"Replay {what}?", err=True):
        raise ConfigError("nothing was replayed")
