"""The demo's own small world: a temporary directory, emulated shops and destinations, the whole line between them."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugin import destinations, storefronts
from plugin.core import log
from plugin.operations.connections import make_connection
from plugin.rules import rule_file
from plugin.runtime.supervisor import Supervisor
from plugin.sandbox import Sandbox, available, cast
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugin.destinations.base import Destination
    from plugin.sandbox import Cast


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the demo runs, and how to reach it; `stores` are the ids of the first cast's shops."""

    running: Supervisor
    sandbox: Sandbox
    services: Services
    casts: Sequence[Cast]
    stores: Sequence[str]

    def resting(self, *states: str) -> list[dict[str, str]]:
        """Return the deliveries that are in one of these states."""
        database = self.services.database
        return [row for state in states for row in queries.list_deliveries(database, state=state)]


@contextmanager
def world(orders: int) -> Iterator[World]:
    """Start it all in a temporary directory; stop and remove it all, whatever happens.

    Nothing of the environment is used: a demo never touches a database or a Redis that holds anything.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="crossdock-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        port = _free_port()
        settings = Settings.from_env({"DATABASE_URL": f"sqlite:///{folder}/crossdock.db", "PORT": str(port)})
        log.set_up("ERROR")
        sandbox = stack.enter_context(Sandbox())
        running = stack.enter_context(Supervisor(settings, port, quiet=True))
        services = Services.open(settings)
        stack.callback(services.close)
        casts = [found for platform in storefronts.names() if (found := cast(platform, orders))]
        stores = [_open_shop(services, sandbox, one, number) for one in casts for number in range(len(one.shops))]
        yield World(running, sandbox, services, casts, stores)


def _open_shop(services: Services, sandbox: Sandbox, one: Cast, number: int) -> str:
    """Add a store and connect it to every destination that has an emulator, with accounts of its own."""
    address = storefronts.get(one.platform).normal_address(one.shops[number])
    store = services.stores.add(one.platform, address, {"secret": one.secret}, None)
    for name in sorted(set(destinations.names()) & set(available())):
        demo = sandbox.emulators[name].vendor.demo
        given = _credentials(destinations.get(name), number) | dict(demo.settings[number])
        rules = rule_file.read(json.dumps(demo.rules), name) if demo.rules else None
        make_connection(services, store, name, sandbox.base_url, given, rules=rules)
    return store.id


def _credentials(vendor: Destination, number: int) -> dict[str, str]:
    """Return something for every required setting: a number where only that will do."""
    candidates = (f"demo-{number + 1}", str(number + 1))
    required = [setting for setting in vendor.needs if setting.required]
    return {one.key: next(text for text in candidates if _fits(one.check, text)) for one in required}


def _fits(check: object, text: str) -> bool:
    try:
        check(text)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
