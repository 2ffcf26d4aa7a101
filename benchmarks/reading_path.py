"""How far a reader has to go to follow one order through the worker: `python -m benchmarks.reading_path`.

One order goes through a warm worker (SQLite, the embedded Redis) to an emulated destination of each kind: a parcel is
booked, and a customer-data call is made. Every call of a function of ours is noted with its file, over all threads.
`files` counts the files in which anything ran, `changes` how often the next call was in another file than the last.
Both count the path of the code, not its speed; the emulators and whatever is not ours are left out.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks._places import SQLITE, place
from plugin import sandbox, storefronts
from plugin.delivery.round import Worker
from plugin.operations.connections import make_connection
from plugin.sandbox import Sandbox
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import inbox, queries
from plugin.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from plugin.storage.stores import Store

ROOT = Path(__file__).parent.parent
_OURS = tuple(f"{ROOT / folder}/" for folder in ("plugin", "mappings"))
_EMULATORS = f"{ROOT / 'plugin' / 'sandbox'}/"
_PLATFORM, _SHOP, _SECRET = "shopify", "demo.myshopify.com", "s"
_CONNECTIONS = {
    "chitchats": {"client_id": "1", "token": "t", "size_x": "25", "size_y": "18", "size_z": "10"},
    "chrts": {"api_key": "k"},
}


class Trail:
    """The files of ours in which functions were called, in the order of their calls, over all threads."""

    def __init__(self) -> None:
        self._files: list[str] = []

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call; the interpreter calls this for each."""
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(_OURS) and not file.startswith(_EMULATORS):
            self._files.append(file.removeprefix(f"{ROOT}/"))

    def clear(self) -> None:
        """Forget what was noted."""
        self._files.clear()

    def changes(self) -> int:
        """Return how often a call was in another file than the one before it."""
        return sum(before != after for before, after in itertools.pairwise(self._files))

    def calls(self) -> Counter[str]:
        """Return the number of calls in each file."""
        return Counter(self._files)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Note what is called meanwhile, in this thread and in those that are already running."""
        threading.setprofile(self.note)
        sys.setprofile(self.note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


def _receive(services: Services, store: Store, number: int) -> None:
    sample = sandbox.sample(_PLATFORM, "orders/create", number, _SECRET, _SHOP)
    envelope = storefronts.get(_PLATFORM).envelope(sample.headers, sample.body)
    services.inbox.put([inbox.Incoming(store_id=store.id, envelope=envelope, body=sample.body)])


def _deliver(services: Services, worker: Worker) -> None:
    while not queries.is_idle(services.database):
        worker.round(5)


def follow() -> Trail:
    """Return the trail of one order through a worker that has delivered another before."""
    trail = Trail()
    with place(SQLITE) as at, Sandbox(list(_CONNECTIONS)) as emulated:
        services = Services.open(Settings.from_env(at.environment))
        migrate(services.database)
        store = services.stores.add(_PLATFORM, _SHOP, {"secret": _SECRET}, None)
        for destination, settings in _CONNECTIONS.items():
            make_connection(services, store, destination, emulated.base_url, settings)
        worker = Worker(services)
        # Threads that make calls start with the first of them, and only what starts meanwhile is noted.
        with trail.recording():
            _receive(services, store, 1)
            _deliver(services, worker)
            _receive(services, store, 2)
            trail.clear()
            _deliver(services, worker)
        worker.close()
        services.close()
    return trail


@click.command()
def main() -> None:
    """Count the files that one order runs through in a warm worker, and how often it changes between them."""
    trail = follow()
    for file, count in trail.calls().most_common():
        click.echo(f"{count:6} {file}")
    click.echo(f"{len(trail.calls())} files, {trail.changes()} changes of file")


if __name__ == "__main__":
    main()
