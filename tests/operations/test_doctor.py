"""`crossdock doctor`: what it finds, and what it never shows."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from plugin.operations.connections import make_connection
from plugin.operations.doctor import examine
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def states(services: Services) -> dict[str, set[str]]:
    """Return the states found under each name."""
    found: dict[str, set[str]] = {}
    for finding in examine(services):
        found.setdefault(finding.check, set()).add(finding.state)
    return found


def run(environment: Mapping[str, str]) -> tuple[int, str]:
    """Run the command in a process of its own; return its status and all it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "plugin", "doctor", "--json"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout


def test_a_fresh_machine_has_no_problem(tmp_path: Path) -> None:
    """Before the first `crossdock up` there is nothing to mend, and nothing is made."""
    status, printed = run({"DATABASE_URL": f"sqlite:///{tmp_path}/crossdock.db"})
    assert status == 0
    found = {row["check"]: row["state"] for row in json.loads(printed)}
    assert found["database"] == found["redis"] == "note"
    assert not (tmp_path / "crossdock.db").exists()


def test_a_wrong_setting_is_a_problem_in_json() -> None:
    """One document, the variable named, status 1."""
    status, printed = run({"DATABASE_URL": "mysql://127.0.0.1/x"})
    document: Any = json.loads(printed)
    assert status == 1
    assert [(row["check"], row["state"]) for row in document] == [("settings", "problem")]
    assert "DATABASE_URL" in document[0]["found"]


def test_no_worker_is_a_problem(services: Services) -> None:
    """Redis answers, nobody works."""
    assert states(services)["worker"] == {"problem"}


def test_a_store_without_a_secret_is_a_problem(services: Services) -> None:
    """Its webhooks would all be refused."""
    store = services.stores.add("shopify", "demo.myshopify.com", {}, None)
    assert "problem" in states(services)[f"store {store.id}"]


def test_paused_and_unfinished_connections_are_told(services: Services) -> None:
    """A paused one is a problem; settings without which everything is held are a note."""
    store = services.stores.add("shopify", "demo.myshopify.com", {"secret": "s"}, None)
    bare = make_connection(services, store, "chitchats", "http://127.0.0.1:9", {"client_id": "1", "token": "t"})
    paused = make_connection(services, store, "chrts", "http://127.0.0.1:9", {"api_key": "k"})
    services.stores.pause(paused.id, "401: the credentials are refused")
    found = states(services)
    assert found[f"connection {bare.id}"] == {"note"}
    assert found[f"connection {paused.id}"] == {"problem"}


def test_no_secret_is_shown(services: Services) -> None:
    """Neither of the environment nor of stores and connections."""
    secrets = {"SECRET_KEY": "a key for tests", "SHOPIFY_API_SECRET": "hush-app"}
    environment = dict(services.settings.environment) | secrets
    store = services.stores.add("shopify", "demo.myshopify.com", {"secret": "hush-store"}, None)
    make_connection(services, store, "chrts", "http://127.0.0.1:9", {"api_key": "hush-key"})
    opened = Services.open(Settings.from_env(environment))
    shown = repr(examine(opened))
    opened.close()
    assert "hush" not in shown
    assert "a key for tests" not in shown


def test_a_wrong_secret_key_is_a_problem(services: Services) -> None:
    """What was sealed with another key can't be opened, and doctor says so instead of failing."""
    services.stores.add("shopify", "demo.myshopify.com", {"secret": "s"}, None)
    opened = Services.open(Settings.from_env(dict(services.settings.environment) | {"SECRET_KEY": "another"}))
    found = states(opened)
    opened.close()
    assert found["secrets"] == {"problem"}


def test_passwords_in_addresses_are_masked(tmp_path: Path) -> None:
    """Addresses are shown, what is inside them is not."""
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "REDIS_URL": "redis://:hush@127.0.0.1:1/0"}
    opened = Services.open(Settings.from_env(environment))
    migrate(opened.database)
    found = {finding.check: finding for finding in examine(opened)}
    opened.close()
    assert found["redis"].state == "problem"
    assert "hush" not in repr(found)
