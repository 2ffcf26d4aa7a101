"""The demo's own small world: a temporary directory, emulated destinations, two shops, the whole line."""

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
from plugin.demo.stories import ACCESS, PLATFORM, SECRET, SHOPS
from plugin.operations.connections import make_connection
from plugin.rules import rule_file
from plugin.runtime.supervisor import Supervisor
from plugin.sandbox import Fault, Sandbox, available
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import queries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import requests

    from plugin.demo.stories import Hook
    from plugin.destinations.base import Destination
    from plugin.sandbox import Sample

# What an order can't say and a destination needs, besides invented credentials; the second shop buys postage at once.
_PACKAGE = {"size_x": "25", "size_y": "18", "size_z": "10"}
_SETTINGS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "chitchats": (_PACKAGE, _PACKAGE | {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}),
    "shiptheory": ({"token": "demo-1"}, {"token": "demo-2"}),
    "pingnetwork": ({"session_skus": f"{ACCESS}=de"}, {}),
}
# Which carrier an order goes to; who has no rules takes what the others leave.
_RULES = {
    "shiptheory": {"priority": "1", "rules": [{"name": "Britain", "when": {"country": "GB"}}]},
    "chitchats": {"rules": [{"name": "everywhere else"}]},
}
# Each is met once, by the request that `every` counts to; `reset_after` loses the answer after the call took effect.
FAULTS: Mapping[str, Sequence[Fault]] = {
    "chitchats": (
        Fault("reset_after", match="POST /api/v1/clients/1/", every=2),
        Fault("garbage", match="POST /api/v1/clients/1/", every=3),
        Fault("status", status=503, match="POST /api/v1/clients/1/", every=4),
        Fault("status", status=429, retry_after=1, match="POST /api/v1/clients/1/", every=5),
        Fault("reset_after", match="/buy"),
    ),
    "shiptheory": (
        Fault("status", status=503, match="POST /v1/shipments"),
        Fault("reset_after", match="POST /v1/shipments", every=2),
    ),
    "chrts": (
        Fault("status", status=503, match="/event/track", every=2),
        Fault("status", status=429, retry_after=1, match="/event/track", every=4),
        Fault("garbage", match="/customer/identify", every=3),
        Fault("reset_before", match="/customer/alias", every=2),
    ),
    "segment": (
        Fault("status", status=503, match="POST /v1/batch"),
        Fault("reset_after", match="POST /v1/batch", every=2),
    ),
    "pingnetwork": (
        Fault("status", status=503, match="POST /v2/customers"),
        Fault("reset_after", match="POST /v2/customers", every=2),
    ),
}


@dataclass(frozen=True, slots=True)
class Posted:
    """What posting one webhook came to."""

    hook: Hook
    status: int


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the demo runs, and how to reach it."""

    running: Supervisor
    sandbox: Sandbox
    services: Services
    stores: tuple[str, ...]

    def post(self, hook: Hook, sample: Sample, session: requests.Session) -> list[Posted]:
        """Post a webhook as its hook says: once, repeatedly, under several ids, or forged."""
        address = f"{self.running.base_url}/webhooks/{PLATFORM}"
        body = sample.body + b" " if hook.forged else sample.body
        own = [dict(sample.headers)] * (1 + hook.repeats)
        copies = [_renamed(sample.headers, f"copy {number}") for number in range(hook.copies)]
        answers = [session.post(address, data=body, headers=headers, timeout=30) for headers in (*own, *copies)]
        return [Posted(hook, answer.status_code) for answer in answers]

    def switch_faults_on(self) -> None:
        """From now on something goes wrong at every emulated destination."""
        for name, faults in FAULTS.items():
            self.sandbox.emulators[name].faults.add(*faults)

    def rests(self) -> dict[str, list[str]]:
        """The reasons shown for each order of which something was skipped or held."""
        found: dict[str, list[str]] = {}
        for row in (*self._at_rest("skipped"), *self._at_rest("held")):
            found.setdefault(row["subject"].partition(":")[2], []).append(row["reason"] or "")
        return found

    def reasons(self, state: str) -> list[str]:
        """Why deliveries are in this state."""
        return [f"{row['destination']}: {row['reason']}" for row in self._at_rest(state)]

    def _at_rest(self, state: str) -> list[dict[str, str]]:
        return queries.list_deliveries(self.services.database, state=state)


@contextmanager
def world() -> Iterator[World]:
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
        stores = tuple(_open_shop(services, sandbox, number) for number in range(len(SHOPS)))
        yield World(running, sandbox, services, stores)


def _open_shop(services: Services, sandbox: Sandbox, number: int) -> str:
    """A store connected to the emulated destinations that the stories are about, with accounts of its own."""
    address = storefronts.get(PLATFORM).normal_address(SHOPS[number])
    store = services.stores.add(PLATFORM, address, {"secret": SECRET}, None)
    for name in set(destinations.names()) & set(available()) & set(FAULTS):
        own = dict(_SETTINGS[name][number]) if name in _SETTINGS else {}
        given = _credentials(destinations.get(name), number) | own
        rules = rule_file.read(json.dumps(_RULES[name]), name) if name in _RULES else None
        make_connection(services, store, name, sandbox.base_url, given, rules=rules)
    return store.id


def _credentials(vendor: Destination, number: int) -> dict[str, str]:
    """Something for every required setting: a number where only that will do."""
    candidates = (f"demo-{number + 1}", str(number + 1))
    required = [setting for setting in vendor.needs if setting.required]
    return {one.key: next(text for text in candidates if _fits(one.check, text)) for one in required}


def _fits(check: object, text: str) -> bool:
    try:
        check(text)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def _renamed(headers: Mapping[str, str], suffix: str) -> dict[str, str]:
    """The same webhook under another id, which is not signed."""
    return {
        name: f"{value} {suffix}" if name.lower().endswith("-webhook-id") else value for name, value in headers.items()
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
