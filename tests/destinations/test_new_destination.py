"""A vendor of one POST is added by a command: it works everywhere with no edit outside its own folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from plugin.core.errors import ConfigError
from plugin.operations.new import check_name, destination_in_source
from tests.support.console import Ran, surroundings
from tests.support.folders import ROOT
from tests.support.shop import ADDRESS, SENT, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.conftest import Backend

NAME = "acme"
FOLDERS = (
    f"plugin/destinations/{NAME}",
    f"mappings/destinations/{NAME}",
    f"plugin/sandbox/{NAME}",
    f"tests/destinations/{NAME}",
)
MOST_LINES = 47
COPIED = ("plugin", "mappings", "tests", "docs", "README.md", "pyproject.toml", "wsgi.py")
IGNORED = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def python(folder: Path, environment: Mapping[str, str], *arguments: str, path: str | None = None) -> Ran:
    """Run Python in a folder, so that what lies there is imported first; `path` goes before it."""
    found = os.pathsep.join(filter(None, (path, str(folder))))
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=surroundings({**environment, "PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def fingerprints(tree: Path) -> dict[str, str]:
    """Return a fingerprint of every file."""
    files = (path for path in tree.rglob("*") if path.is_file())
    return {path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this tree."""
    tree = tmp_path_factory.mktemp("copy") / "tree"
    tree.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=IGNORED)
        else:
            shutil.copy2(source, tree / name)
    return tree


@pytest.fixture(scope="module")
def untouched(before: Path) -> dict[str, str]:
    """Return what the copy held before the vendor was added."""
    return fingerprints(before)


@pytest.fixture(scope="module")
def tree(before: Path, untouched: dict[str, str]) -> Path:
    """Return the copy with the vendor in it."""
    assert untouched
    added = python(before, {}, "-m", "plugin", "new", "destination", NAME)
    assert added.status == 0, added.err
    return before


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the vendor as a package of its own, installed: pip would write the same entry points beside it."""
    folder = tmp_path_factory.mktemp("package") / "site"
    made = python(ROOT, {}, "-m", "plugin", "new", "destination", NAME, "--into", str(folder))
    assert made.status == 0, made.err
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    about = folder / f"crossdock_{NAME}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) for group, points in groups
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(params=["tree", "package"])
def run(request: pytest.FixtureRequest, environment: Mapping[str, str]) -> Callable[..., Ran]:
    """Run Python where the vendor is in the tree, and where it is installed."""
    if request.param == "tree":
        folder, path = request.getfixturevalue("tree"), None
    else:
        folder, path = ROOT, str(request.getfixturevalue("package"))
    return lambda *arguments: python(folder, environment, *arguments, path=path)


def test_nothing_is_edited_outside_its_folders(tree: Path, untouched: dict[str, str]) -> None:
    """Its four folders are all that is new, and its plugin module is short."""
    now = fingerprints(tree)
    changed = {path for path, found in now.items() if untouched.get(path) != found}
    assert {path for path in changed if not path.startswith(tuple(f"{folder}/" for folder in FOLDERS))} == set()
    assert untouched.keys() - now.keys() == set()
    assert [folder for folder in FOLDERS if not any(path.startswith(folder) for path in changed)] == []
    lines = (tree / FOLDERS[0] / "vendor.py").read_text().splitlines()
    assert len(lines) <= MOST_LINES


def test_an_order_is_sent_to_it(run: Callable[..., Ran]) -> None:
    """Through the whole line, once."""
    assert run("-m", "tests.support.one_order", NAME).json == [str(sent("orders_create")["id"])]


def commands(run: Callable[..., Ran], *lines: tuple[str, ...]) -> list[dict[str, Any]]:
    """Run commands one after the other in one process."""
    found: list[dict[str, Any]] = run("-m", "tests.support.commands", json.dumps(lines)).json
    return found


def test_commands_know_it(run: Callable[..., Ran]) -> None:
    """`connect` asks for its settings, `dry-run` shows its call, `doctor` has nothing to complain of."""
    add = ("store", "add", "shopify", ADDRESS, "--secret", "s", "--json")
    store = json.loads(commands(run, ("migrate",), add)[1]["out"])["id"]
    connect = ("connect", NAME, "--store", store, "--base-url", "http://127.0.0.1:9", "--json")
    of = ("--platform", "shopify", "--topic", "orders/create", "--store", store)
    refused, connected, shown, looked = commands(
        run,
        connect,
        (*connect, "--set", "token=a-secret-token"),
        ("dry-run", str(SENT / "orders_create.json"), *of),
        ("doctor", "--json"),
    )
    assert "needs token" in refused["error"]
    assert json.loads(connected["out"])["destination"] == NAME
    assert f"/{NAME}/orders" in shown["out"]
    assert "a-secret-token" not in shown["out"]
    about = [one for one in json.loads(looked["out"]) if NAME in json.dumps(one)]
    assert about
    assert [one for one in about if one["state"] == "problem"] == []


def test_the_tests_of_all_destinations_try_it(tree: Path, environment: Mapping[str, str]) -> None:
    """Contract, odd answers, goldens, traps and the rules of the tree, each as it is for every vendor."""
    files = ("test_contract", "test_odd_answers", "test_goldens", "test_traps")
    paths = (*(f"tests/destinations/{file}.py" for file in files), FOLDERS[3], "tests/test_layout.py")
    chosen = f"({NAME} and not server) or its_table or four_places or named_after"
    ran = python(tree, environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, "-k", chosen)
    assert ran.status == 0, ran.out[-3000:]


def test_linters_have_nothing_to_say(tree: Path) -> None:
    """As it is written, before anybody changes it."""
    for command in (("check",), ("format", "--check")):
        ran = python(tree, {}, "-m", "ruff", *command, "--no-cache", *FOLDERS)
        assert ran.status == 0, ran.out


def test_the_demo_sends_it_orders(tree: Path, package: Path) -> None:
    """And judges that each arrived once, where the vendor is in the tree and where it is installed."""
    command = ("-m", "plugin", "demo", "--exit", "--orders", "4")
    with ThreadPoolExecutor() as pool:
        both = (pool.submit(python, tree, {}, *command), pool.submit(python, ROOT, {}, *command, path=str(package)))
        ran = [one.result() for one in both]
    assert [one.status for one in ran] == [0, 0], ran
    assert [NAME in one.out.lower() for one in ran] == [True, True]


def test_the_generated_pages_list_it(tree: Path) -> None:
    """Its settings stand there once the pages are generated anew."""
    ran = python(tree, {}, "-m", "plugin", "docs")
    assert ran.status == 0, ran.err
    assert any(f"`{NAME}`" in page.read_text() for page in tree.glob("docs/**/*.md"))


@pytest.mark.parametrize("name", ["Acme", "shopify", "segment", "a-b", "a", "class", "kit"])
def test_a_name_that_is_taken_or_impossible_is_refused(name: str) -> None:
    """It becomes folders, addresses and variables."""
    with pytest.raises(ConfigError, match=repr(name)):
        check_name(name)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A folder that is there already is left as it is, and so are the others."""
    for part in ("plugin", "mappings", "tests"):
        (tmp_path / part).mkdir()
    (tmp_path / FOLDERS[2]).mkdir(parents=True)
    with pytest.raises(ConfigError, match=FOLDERS[2]):
        destination_in_source(tmp_path, NAME, "Acme").write()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
