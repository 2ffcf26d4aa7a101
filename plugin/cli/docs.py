"""`crossdock docs`: the pages of `docs/` that follow from declarations and from the commands themselves."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugin.cli.output import say
from plugin.operations.docs import page, pages, stale, table, write

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command()
@click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("docs"),
    show_default=True,
    help="The folder of the pages.",
)
@click.option("--check", is_flag=True, help="Write nothing; name the stale pages and exit 1 if there are any.")
@click.pass_context
def docs(context: click.Context, folder: Path, check: bool) -> None:
    """Write the pages about settings, variables, states, topics and commands.

    They follow from what the modules declare; everything else in the folder is left as it is.
    """
    made = all_pages(context.find_root().command, folder)
    if not check:
        written = write(made, folder)
        say("\n".join(f"wrote {folder / name}" for name in written) or "every page was right")
        return
    wrong = stale(made, folder)
    for name in wrong:
        say(f"{folder / name} is stale: run `crossdock docs`")
    sys.exit(bool(wrong))


def all_pages(root: click.Command, folder: Path) -> dict[str, str]:
    """Return every generated page by its path below `folder`; `root` is the whole command line."""
    return {**pages(folder), "commands.md": commands_page(root)}


def commands_page(root: click.Command) -> str:
    """Return the page of all commands below `root`, with their arguments and options."""
    context = click.Context(root, info_name="crossdock")
    return page("The commands", "`crossdock COMMAND --help` says the same.", *_described(root, context))


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the parts of a command and of those below it; variants that take the same are shown once."""
    if not isinstance(command, click.Group):
        yield from _one(command, context, context.command_path)
        return
    below = {name: found for name in command.list_commands(context) if (found := command.get_command(context, name))}
    if context.parent is not None:
        yield f"## {context.command_path}"
        yield _words(command)
    if len(below) > 1 and len({tuple(_option_names(one)) for one in below.values()}) == 1:
        name, found = next(iter(below.items()))
        yield "One for each of " + ", ".join(f"`{one}`" for one in below) + ", all with these options:"
        yield _options(found, defaults=False).replace(name, "NAME")
        return
    for name, found in below.items():
        if not found.hidden:
            yield from _described(found, click.Context(found, info_name=name, parent=context))


def _one(command: click.Command, context: click.Context, path: str) -> Iterator[str]:
    level = "##" if context.parent is None or context.parent.parent is None else "###"
    yield f"{level} {path}"
    yield _words(command)
    arguments = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    if arguments:
        yield f"`{path} {arguments}`"
    yield _options(command, defaults=True)


def _words(command: click.Command) -> str:
    return inspect.cleandoc((command.help or "").split("\b")[0])


def _shown(command: click.Command) -> Iterator[click.Option]:
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield parameter


def _option_names(command: click.Command) -> list[str]:
    return [name for option in _shown(command) for name in option.opts]


def _options(command: click.Command, *, defaults: bool) -> str:
    rows = [
        (", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts)), _help(option, defaults=defaults))
        for option in _shown(command)
    ]
    return table(("option", "what it does"), rows) if rows else ""


def _help(option: click.Option, *, defaults: bool) -> str:
    words = option.help or ""
    if isinstance(option.type, click.Choice):
        words += " One of " + ", ".join(f"`{choice}`" for choice in option.type.choices) + "."
    if option.required:
        words += " Required."
    if defaults and option.show_default and isinstance(option.default, str | int | Path):
        words += f" Default: `{option.default}`."
    return words
