"""The pages of `docs/` that `crossdock docs` writes say what the declarations say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from plugin import destinations, storefronts
from plugin.__main__ import crossdock
from plugin.cli.docs import all_pages
from plugin.core.delivery import STATES, State
from plugin.core.event import EVENT_STATES, EventState
from plugin.core.outcome import Accepted, Deferred, Rejected, Skipped, Unknown
from plugin.delivery.transitions import FOLLOWS
from plugin.operations import docs
from plugin.settings import VARIABLES
from tests.support.folders import DOCS, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit status and what was printed."""
    result = CliRunner().invoke(crossdock, ["docs", *arguments])
    return result.exit_code, result.output


def test_every_page_says_what_is_declared() -> None:
    """Whoever changes a declaration runs `crossdock docs`."""
    assert docs.stale(all_pages(crossdock, DOCS), DOCS) == []


def test_every_integration_has_its_page() -> None:
    """From its folder alone."""
    made = docs.pages(DOCS)
    assert {f"destinations/{name}.md" for name in destinations.names()} <= made.keys()
    assert {f"topics/{name}.md" for name in storefronts.names()} <= made.keys()


@pytest.mark.parametrize("name", destinations.names())
def test_every_setting_of_a_destination_stands_on_its_page(name: str) -> None:
    """In the order in which it is declared."""
    text = docs.pages(DOCS)[f"destinations/{name}.md"]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [one.key for one in destinations.get(name).needs]


def test_every_topic_stands_on_its_platform_s_page() -> None:
    """Each once: handled, or left alone with its reason."""
    for platform in storefronts.names():
        topics = re.findall(r"^\| `([\w./]+)` \|", docs.pages(DOCS)[f"topics/{platform}.md"], re.MULTILINE)
        assert sorted(topics) == sorted(storefronts.get(platform).topics)


def test_every_variable_that_is_read_is_declared() -> None:
    """And none that is not."""
    source = (ROOT / "plugin" / "settings.py").read_text()
    assert {one.key for one in VARIABLES} == set(re.findall(r'env(?:\.get\(|, )"([A-Z_]+)"', source))


def test_every_state_and_every_outcome_is_explained() -> None:
    """All members of the enumerations, all five values."""
    assert set(STATES) == set(State)
    assert set(EVENT_STATES) == set(EventState)
    assert set(FOLLOWS) == {Accepted, Skipped, Deferred, Rejected, Unknown}


def test_every_command_stands_on_the_page() -> None:
    """With its own heading."""
    text = all_pages(crossdock, DOCS)["commands.md"]
    context = click.Context(crossdock)
    found = {name: crossdock.get_command(context, name) for name in crossdock.list_commands(context)}
    assert {name for name, one in found.items() if one and not one.hidden} == set(
        re.findall(r"^## crossdock ([\w-]+)$", text, re.MULTILINE)
    )


def test_a_check_writes_nothing_and_names_what_is_stale(tmp_path: Path) -> None:
    """A missing page, a changed one, and one of a destination that is gone; the next run mends all three."""
    assert run("--into", str(tmp_path))[0] == 0
    assert run("--into", str(tmp_path), "--check") == (0, "")
    (tmp_path / "states.md").unlink()
    (tmp_path / "environment.md").write_text("changed by hand")
    (tmp_path / "destinations" / "gone.md").write_text("gone")
    status, words = run("--into", str(tmp_path), "--check")
    assert status == 1
    assert [line.split()[0].removeprefix(f"{tmp_path}/") for line in words.splitlines()] == [
        "destinations/gone.md",
        "environment.md",
        "states.md",
    ]
    assert not (tmp_path / "states.md").exists()
    assert run("--into", str(tmp_path))[0] == 0
    assert run("--into", str(tmp_path), "--check")[0] == 0
    assert not (tmp_path / "destinations" / "gone.md").exists()


def test_cells_keep_to_their_rows() -> None:
    """A bar or a line end in a help text would break the table."""
    assert docs.table(("a",), [("x | y\nz",)]).splitlines()[-1] == "| x \\| y z |"
