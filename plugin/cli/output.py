"""What commands write: one JSON document or a table on standard output, words for a person on standard error."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plugin.core.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


# Words are never broken, except in the columns that hold sentences or addresses.
_LONG = frozenset({"reason", "webhook_url", "base_url", "subject", "found", "do"})
# Whoever pipes a table wants its lines whole.
_PIPED_WIDTH = 200


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, title: str) -> None:
    """Print rows as a JSON array, or as a table of the columns a person looks at."""
    if as_json:
        print_json(rows)
    elif rows:
        _print_table(rows, columns, title)
    else:
        click.echo(f"no {title}")


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> None:
    from rich.console import Console  # noqa: PLC0415  (takes a while to load, and most output is JSON or a line)
    from rich.table import Table  # noqa: PLC0415  (the same)

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column not in _LONG)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    console = Console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(table)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, default=str, ensure_ascii=False, indent=2))


def say(text: str) -> None:
    """Write a line for a person on standard error, so that the JSON of `--json` stays alone on standard output."""
    click.echo(text, err=True)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Write what is wrong and what to do, without a trace, and exit with status 1."""
    try:
        yield
    except PluginError as error:
        say(f"crossdock: {error}")
        sys.exit(1)


def needed_id(ident: int | None) -> int:
    """Return the id that was given; raise `ConfigError` where none was."""
    if ident is None:
        raise ConfigError("show what? Give the id, as the list shows it")
    return ident


def save_file(data: bytes, output: str) -> None:
    """Write a file, or standard output where `output` is `-`; raise `ConfigError` where that can't be done."""
    if output == "-":
        sys.stdout.buffer.write(data)
        return
    try:
        Path(output).write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{output} can't be written: {error.strerror}") from None
