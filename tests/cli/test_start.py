"""Starting fast: a command loads what it needs, and the tables that stand in for imports are true."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from plugin import destinations
from plugin.__main__ import COMMANDS
from plugin.cli.lazy_group import import_command
from plugin.storage import migrate
from tests.support.console import surroundings
from tests.support.folders import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Backend
    from tests.support.shop import Shop

# A process that runs one command and then writes, as its last line, which modules it loaded.
LOADED = """
import sys
sys.argv = ["crossdock", *sys.argv[1:]]
from plugin.__main__ import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(*sys.modules)
"""
# What serves, what draws tables, what makes calls, what changes the schema, and the vendors.
HEAVY = {"alembic", "flask", "granian", "phonenumbers", "psycopg", "requests", "rich", "rq", "urllib3", "werkzeug"}
# What `--version` and `--help` do without besides.
WIRING = {"cryptography", "mappings", "marshmallow", "redis", "sqlalchemy", "yaml"}


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Choose the embedded one: nothing here depends on the kind of database."""
    return embedded


def loaded(environment: Mapping[str, str], *arguments: str) -> set[str]:
    """Return the names of the modules that a command loads."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env=surroundings(environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_no_command(environment: Mapping[str, str], option: str) -> None:
    """They are answered from the table, whatever there is to import."""
    found = loaded(environment, option)
    assert found & (HEAVY | WIRING) == set()
    ours = {name for name in found if name.startswith("plugin.")} - {"plugin.__main__"}
    assert ours <= {"plugin.cli", "plugin.cli.lazy_group", "plugin.cli.output", "plugin.core", "plugin.core.errors"}


@pytest.mark.parametrize(
    "arguments",
    [("status", "--json"), ("events", "--json"), ("deliveries", "--json"), ("status",), ("events",), ("deliveries",)],
    ids=" ".join,
)
def test_looking_loads_neither_servers_nor_clients(
    shop: Shop, environment: Mapping[str, str], arguments: tuple[str, ...]
) -> None:
    """Of a database that has its schema: looking at it takes SQL and Redis, and rich where a table is drawn."""
    shop.services.stores.remove(shop.store)
    assert loaded(environment, *arguments) & HEAVY == set()


def test_status_loads_the_vendors_that_are_connected_and_no_server(shop: Shop, environment: Mapping[str, str]) -> None:
    """A lane's limit may be its vendor's; what maps documents for it comes along, but nothing that calls it."""
    used = {item.destination for item in shop.services.stores.connections()}
    found = loaded(environment, "status", "--json")
    assert found & (HEAVY - {"phonenumbers"}) == set()
    assert {name for name in destinations.names() if f"plugin.destinations.{name}" in found} <= used


def test_connecting_loads_one_vendor(environment: Mapping[str, str]) -> None:
    """So that the number of vendors costs nothing; the list of them loads none."""
    for arguments, expected in ((("connect", "chrts", "--help"), {"chrts"}), (("connect", "--help"), set[str]())):
        found = loaded(environment, *arguments)
        assert {name for name in destinations.names() if f"plugin.destinations.{name}" in found} == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_is_true(name: str) -> None:
    """Each is where the table says, has the name it says, and begins its own help with the same words."""
    address, summary = COMMANDS[name]
    command = import_command(address)
    assert isinstance(command, click.Command)
    assert command.name == name
    first_words = summary.rstrip(".").partition(":")[0].partition(",")[0]
    assert (command.help or "").startswith(first_words)


def test_the_newest_version_of_the_schema_is_known_without_alembic() -> None:
    """The names of the files say it, as Alembic finds it by their contents."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "plugin" / "storage" / "migrations"))
    config.set_main_option("path_separator", "os")
    assert migrate.newest() == ScriptDirectory.from_config(config).get_current_head()
