"""A storefront is added by a command and nothing else: its skeleton works in a copy of the tree that is not edited."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from plugin.cli.new import new
from plugin.core.errors import ConfigError
from plugin.operations.new_storefront import storefront_in_source
from tests.support.folders import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAME = "acme"
# The shortest and the longest that a name may be: no line of a template may become too long, or fit where it is broken.
OTHERS = ("zz", "z" * 31)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources, with the skeletons of invented storefronts written into it."""
    copy = tmp_path_factory.mktemp("copy")
    for room in ("plugin", "mappings", "tests"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name in (NAME, *OTHERS):
        storefront_in_source(copy, name).write()
    return copy


def run(tree: Path, *arguments: str) -> str:
    """Run a module of Python in the copy, which it imports everything of ours from; return what it printed."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", *arguments]
    ended = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_skeleton_passes_its_contract_and_the_layout_tests(tree: Path) -> None:
    """Whatever every storefront is held to, the smallest one keeps at once."""
    said = run(tree, "pytest", "-q", "-p", "no:cacheprovider", "tests/storefronts/test_contract.py", "-k", NAME)
    assert "passed" in said
    assert "skipped" not in said
    assert "passed" in run(tree, "pytest", "-q", "-p", "no:cacheprovider", "tests/test_layout.py")


def test_the_skeleton_is_written_as_the_rest_is(tree: Path) -> None:
    """Neither the linter nor the formatter nor the type checker finds anything in it, however long its name is."""
    rooms = ("plugin/storefronts", "mappings/storefronts", "plugin/sandbox", "tests/storefronts")
    folders = [f"{room}/{name}" for room in rooms for name in (NAME, *OTHERS)]
    run(tree, "ruff", "check", "--no-cache", *folders)
    run(tree, "ruff", "format", "--no-cache", "--check", *folders)
    packages = [f"{room.replace('/', '.')}.{NAME}" for room in rooms]
    run(tree, "mypy", "--cache-dir", str(tree / "types"), *(part for one in packages for part in ("-p", one)))


@pytest.mark.parametrize(
    "name", ["Acme", "a-b", "a_b", "a", "9lives", "class", "", "../x", "a" * 32, "stores", "taken"]
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    """The name is a folder, a module, an address and a prefix, and nothing else's; no file is written."""
    empty_rooms(tmp_path)
    (tmp_path / "plugin" / "cli").mkdir()
    (tmp_path / "plugin" / "cli" / "stores.py").touch()
    (tmp_path / "plugin" / "storefronts" / "taken").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=r"choose another name|a name is 2 to 31"):
        storefront_in_source(tmp_path, name).write()
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_says_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works in the current directory, which has to be a clone of the repository."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no checkout of Crossdock"):
        CliRunner().invoke(new, ["storefront", NAME], catch_exceptions=False)
    empty_rooms(tmp_path)
    *paths, following = CliRunner().invoke(new, ["storefront", NAME], catch_exceptions=False).output.splitlines()
    assert f"pytest tests/storefronts -k {NAME}" in following
    assert all((tmp_path / path).is_file() for path in paths)
    assert {path.partition(f"/{NAME}/")[0] for path in paths} == {
        f"{tmp_path}/{room}"
        for room in ("plugin/storefronts", "mappings/storefronts", "plugin/sandbox", "tests/storefronts")
    }


def empty_rooms(root: Path) -> None:
    """Make the packages that a storefront's folders lie in."""
    for room in ("plugin/storefronts", "mappings/storefronts", "plugin/sandbox", "tests/storefronts"):
        (root / room).mkdir(parents=True)
        for package in (root / room, (root / room).parent):
            (package / "__init__.py").touch()
