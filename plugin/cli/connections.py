"""Connections: connect a store to a destination, and list what is connected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugin import destinations
from plugin.cli.lazy_group import LazyGroup
from plugin.cli.options import json_option
from plugin.cli.output import print_json, say, show
from plugin.cli.session import open_services
from plugin.core.errors import ConfigError
from plugin.operations import connections as operations
from plugin.rules import rule_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugin.core.setting import Setting
    from plugin.destinations.base import Destination


def _summaries() -> dict[str, str]:
    return {name: f"Connect a store to {name}." for name in destinations.names()}


def _load(name: str) -> click.Command:
    """Return the command that connects to one destination; raise `ConfigError` if there is none of this name."""
    return _connect_command(destinations.get(name))


@click.group(cls=LazyGroup, summaries=_summaries, load=_load)
def connect() -> None:
    """Connect a store to a destination; `crossdock connect DESTINATION --help` lists its settings."""


@click.command()
@click.option("--store", "store_id", help="Only this store's.")
@json_option
def connections(store_id: str | None, as_json: bool) -> None:
    """List the connections, with what pauses them."""
    with open_services() as opened:
        rows = operations.list_connections(opened, store_id)
    columns = ("id", "destination", "name", "store", "account", "base_url", "rate", "books", "state", "reason")
    show(rows, columns, as_json=as_json, title="connections")


def _connect_command(vendor: Destination) -> click.Command:
    @click.command(name=vendor.name, help=_help(vendor))
    @click.option("--store", "store_id", required=True, help="The store's id (`crossdock store list`).")
    @click.option("--base-url", default=vendor.base_url, show_default=True, help="The vendor's root, without a path.")
    @click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting; may be repeated.")
    @click.option("--name", help=f"Which of several connections to {vendor.name}; without it the one of that name.")
    @click.option(
        "--rules", "path", metavar="FILE", help="Which orders it books, in YAML or JSON; kept until given anew."
    )
    @click.option("--no-rules", is_flag=True, help="Forget its rules: it takes every order.")
    @json_option
    def command(
        store_id: str,
        base_url: str,
        pairs: Sequence[str],
        name: str | None,
        path: str | None,
        no_rules: bool,
        as_json: bool,
    ) -> None:
        given = dict(_pair(text) for text in pairs)
        rules = "" if no_rules else _read_rules(path) if path else None
        with open_services() as opened:
            made, warnings = operations.connect(opened, store_id, vendor.name, base_url, given, name=name, rules=rules)
        for line in warnings:
            say(f"note: {line}")
        print_json(made) if as_json else say(f"connection {made['id']}: {vendor.name}, store {store_id}")

    return command


def _help(vendor: Destination) -> str:
    lines = [f"  {setting.key}{_marks(setting)}: {setting.help}" for setting in operations.declared_settings(vendor)]
    return f"Connect a store to {vendor.name}.\n\n\b\nSettings:\n" + "\n".join(lines)


def _marks(setting: Setting) -> str:
    if setting.required:
        return " [required]"
    return f" [default: {setting.default}]" if setting.default else ""


def _pair(text: str) -> tuple[str, str]:
    """Return key and value of one `--set`; raise `ConfigError` for anything but `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {key!r} is not KEY=VALUE")
    return key.strip(), value.strip()


def _read_rules(path: str) -> str:
    """Return the rules in a file as they are kept; raise `ConfigError` with the line of what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--rules {path}: can't be read: {error}") from None
    return rule_file.read(text, path)
