"""Doing again what came to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plugin.cli.options import json_option
from plugin.cli.output import print_json, say
from plugin.cli.session import open_services
from plugin.core.errors import ConfigError
from plugin.operations.replay import Selection, replay_again, select_for_replay

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
    selection = Selection(ids=ids, state=state, store_id=store_id, destination=destination)
    with open_services() as opened:
        found = select_for_replay(opened, selection, events=are_events)
        if found and not yes:
            _confirm(f"{len(found)} {'events' if are_events else 'deliveries'}")
        replay_again(opened, found, events=are_events)
    if as_json:
        print_json({"replayed": found})
    else:
        say(f"replayed {len(found)}")


def _confirm(what: str) -> None:
    if not click.confirm(f"Replay {what}?", err=True):
        raise ConfigError("nothing was replayed")
