"""A group of commands that imports a command's module only when that command is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class LazyGroup(click.Group):
    """A group that knows the names and short helps of its commands, and loads a command to run it.

    `summaries` returns the short help of each command by its name; `load` returns a command, or None for a name that
    is none.
    """

    def __init__(
        self,
        *,
        summaries: Callable[[], Mapping[str, str]],
        load: Callable[[str], click.Command | None],
        **attributes: Any,  # noqa: ANN401  (click's own)
    ) -> None:
        super().__init__(**attributes)
        self._summaries = summaries
        self._load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in alphabetical order."""
        del ctx
        return sorted(self._summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now; None if there is none of this name."""
        del ctx
        return self._load(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands into the help, without importing one."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._summaries().items()))


def import_command(address: str) -> click.Command:
    """Return the command at `MODULE:NAME`."""
    module, _, name = address.partition(":")
    command: click.Command = getattr(import_module(module), name)
    return command
