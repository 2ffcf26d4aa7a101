"""The README's tables say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plugin import destinations, storefronts
from plugin.core.delivery import State
from plugin.rules import rule_file
from plugin.rules.rule import NUMBERS, WORDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
NO_DEFAULT = {"none", "required"}


def rows(heading: str) -> dict[str, str]:
    """Name and default of each row of the table below a heading."""
    section = README.split(f"\n{heading}\n")[1].split("\n#")[0]
    return {
        name: default.strip("`") for name, default in re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE)
    }


def test_every_variable_is_listed() -> None:
    """What the environment may hold, and nothing that is not read."""
    read = set(re.findall(r'env(?:\.get\(|, )"([A-Z_]+)"', (ROOT / "plugin" / "settings.py").read_text()))
    for platform in storefronts.names():
        read |= {f"{platform.upper()}_{setting.key}" for setting in storefronts.get(platform).needs}
    assert set(rows("## The environment")) == read


@pytest.mark.parametrize("name", destinations.names())
def test_every_setting_is_listed_with_its_default(name: str) -> None:
    """A connection's settings, in the order in which the module declares them."""
    vendor = destinations.get(name)
    declared = {one.key: "required" if one.required else one.default or "none" for one in vendor.needs}
    declared["rate"] = ",".join(map(str, vendor.limits))
    assert rows(f"### {name}") == declared


def test_the_rules_that_are_shown_are_rules_and_every_condition_is_explained() -> None:
    """The example is read as it stands and uses every condition, and the table explains each."""
    example = README.split("A file of rules is YAML or JSON:")[1].split("```yaml\n")[1].split("```")[0]
    used = {condition.key for condition in rule_file.book(rule_file.read(example, "README.md")).rules[0].when}
    explained = set(re.findall(r"^\| `(\w+)` \|", README.split("| condition |")[1].split("\n\n")[0], re.MULTILINE))
    assert used == explained == {*WORDS, *NUMBERS}


def test_every_state_is_explained() -> None:
    """The states of a delivery."""
    assert set(re.findall(r"^\| `(\w+)` \| [a-z]", README.split("Its states:")[1], re.MULTILINE)) >= set(State)


def test_every_file_that_is_linked_exists() -> None:
    """Links into the repository."""
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
