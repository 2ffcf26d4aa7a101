"""The README and the pages that people write say what the code says."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from plugin.__main__ import crossdock
from plugin.rules import rule_file
from plugin.rules.rule import NUMBERS, WORDS
from tests.support.folders import DOCS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text()
RULES = (DOCS / "rules.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
MOST_LINES = 220


def anchors(page: Path) -> set[str]:
    """Return what a link may name after `#` on a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> list[list[str]]:
    """Return the words of every call of `crossdock` in the blocks of a page, without `crossdock` itself."""
    blocks = re.findall(r"^ *```(?:sh|text)\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    called = [re.split(r"\$ ?\(|#", line.strip())[0].removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(line)[1:] for line in called if line.startswith("crossdock ")]


def test_a_newcomer_gets_a_short_page() -> None:
    """Whatever is longer has a page of its own."""
    assert len(README.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("words", [*commands(README), *commands(RULES)], ids=" ".join)
def test_every_command_that_is_shown_exists_with_its_options(words: list[str]) -> None:
    """Down to the group's own command; each option is one that it takes."""
    command: click.Command = crossdock
    context = click.Context(crossdock)
    rest = list(words)
    while isinstance(command, click.Group):
        found = command.get_command(context, rest.pop(0))
        assert found is not None, words
        command, context = found, click.Context(found, parent=context)
    taken = {name for parameter in command.params for name in parameter.opts}
    assert [word for word in rest if word.startswith("-") and word not in taken] == []


def test_the_rules_that_are_shown_are_rules_and_every_condition_is_explained() -> None:
    """The example is read as it stands and uses every condition, and the table explains each."""
    example = RULES.split("A file of rules is YAML or JSON:")[1].split("```yaml\n")[1].split("```")[0]
    used = {condition.key for condition in rule_file.book(rule_file.read(example, "rules.md")).rules[0].when}
    explained = set(re.findall(r"^\| `(\w+)` \|", RULES.split("| condition |")[1].split("\n\n")[0], re.MULTILINE))
    assert used == explained == {*WORDS, *NUMBERS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_everything_that_is_linked_exists(page: Path) -> None:
    """Links into the repository, with the heading that they name."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_is_on_the_map() -> None:
    """By its name, or by its folder's."""
    index = (DOCS / "README.md").read_text()
    linked = {target.rstrip("/") for target in re.findall(r"\]\(([^)#]+)\)", index)}
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}
    assert sorted(page for page in pages if page not in linked and page.rsplit("/", 1)[0] not in linked) == []
