"""What every command shares: services, errors in words, and one JSON document or a table."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from plugin.core import log
from plugin.core.errors import ConfigError, PluginError
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import require_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


_LONG = frozenset({"reason", "webhook_url", "base_url", "subject", "found", "do"})
# Whoever pipes a table wants its lines whole.
_PIPED_WIDTH = 200


@contextmanager
def services(*, level: str = "WARNING") -> Iterator[Services]:
    """Services for one command; brings the schema of an embedded database up to date by itself."""
    settings = Settings.from_env()
    log.set_up(level)
    opened = Services.open(settings)
    try:
        require_schema(opened.database)
        yield opened
    finally:
        opened.close()


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, title: str) -> None:
    """Print rows as a JSON array, or as a table of the columns a person looks at."""
    if as_json:
        print_json(rows)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        # Words are never broken, except in the columns that hold sentences or addresses.
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column not in _LONG)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    console = Console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(table if rows else f"no {title}")


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, default=str, ensure_ascii=False, indent=2))


def say(text: str) -> None:
    """A line for a person, on standard error, so that `--json` stays alone on standard output."""
    click.echo(text, err=True)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """What is wrong and what to do, without a trace; the exit status is 1."""
    try:
        yield
    except PluginError as error:
        say(f"crossdock: {error}")
        sys.exit(1)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def needed_id(ident: int | None) -> int:
    """Return the id that was given; raise `ConfigError` where none was."""
    if ident is None:
        raise ConfigError("show what? Give the id, as the list shows it")
    return ident


def only_row(rows: list[dict[str, Any]], what: str) -> dict[str, Any]:
    """Return the first row; raise `ConfigError` naming `what` there is none of."""
    if not rows:
        raise ConfigError(f"no {what} with this id")
    return rows[0]


def save_file(data: bytes, output: str) -> None:
    """Write a file, or standard output where `output` is `-`; raise `ConfigError` where that can't be done."""
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    try:
        Path(output).write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{output} can't be written: {error.strerror}") from None
