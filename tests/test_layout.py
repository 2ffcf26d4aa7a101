"""The shape of the tree: rooms in their order, an integration in its folders, small functions, one schema."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from plugin.storage.database import Database
from plugin.storage.migrate import migrate
from plugin.storage.tables import metadata
from tests.support.folders import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# From the top down: each room may import those after it, and itself.
ROOMS = (
    "__main__",
    "app",
    "web",
    "cli",
    "demo",
    "operations",
    "runtime",
    "delivery",
    "routing",
    "services",
    "broker",
    "rules",
    "intake",
    "destinations",
    "storefronts",
    "transport",
    "customer_data",
    "limiter",
    "storage",
    "settings",
    "core",
)
# What a person runs may run the emulators too; nothing else knows of them, and they know nothing of us.
RUN_THE_SANDBOX = ("cli", "demo", "operations")
INTEGRATIONS = ("destinations", "storefronts")
FUNCTION_LINES = 40

SOURCES = sorted(path for folder in ("plugin", "mappings") for path in (ROOT / folder).rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}


def module_of(path: Path) -> str:
    """Return the dotted name of a source file; a package's is its folder's."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in SOURCES}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports, also for type checking and inside functions."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                named = f"{node.module}.{alias.name}"
                found = named if named in MODULES else node.module
                if found in MODULES:
                    yield found


def room_of(module: str) -> str:
    """Return the room that a module of `plugin` lies in."""
    return module.split(".")[1] if "." in module else ""


def names(kind: str) -> set[str]:
    """Return what there is of a kind of integration: the packages of its room."""
    return {path.parent.name for path in (ROOT / "plugin" / kind).glob("*/__init__.py")}


def integration_of(path: Path) -> str | None:
    """Return the integration whose folder a file lies in."""
    known = names("destinations") | names("storefronts")
    return next((part for part in path.relative_to(ROOT).parts if part in known), None)


def misplaced_imports(module: str, imported: str) -> str | None:
    """Return what is wrong with one import, or None."""
    if module.startswith("mappings"):
        return "mappings are pure translation" if imported.startswith("plugin") else None
    room, other = room_of(module), room_of(imported)
    if room == "sandbox":
        return None if other == "sandbox" else "an emulator that shared our reading would agree with our mistakes"
    if imported.startswith("mappings") or room == other or not other:
        return None
    if other == "sandbox":
        return None if room in RUN_THE_SANDBOX else "only what a person runs knows the emulators"
    if room not in ROOMS or other not in ROOMS:
        return "no such room"
    return None if ROOMS.index(room) < ROOMS.index(other) else "imports run downwards only"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_run_downwards(path: Path) -> None:
    """A room knows those below it; mappings and emulators know nothing of the plugin."""
    module = module_of(path)
    wrong = {imported: misplaced_imports(module, imported) for imported in imports(path)}
    assert {imported: why for imported, why in wrong.items() if why} == {}


def test_no_module_imports_itself_in_a_circle() -> None:
    """Modules of one room have an order too, which each of them could be read in."""
    known = {module_of(path): set(imports(path)) - {module_of(path)} for path in SOURCES}
    while leaves := {module for module, imported in known.items() if not imported & known.keys()}:
        known = {module: imported for module, imported in known.items() if module not in leaves}
    assert sorted(known) == []


def test_the_root_holds_wiring_only() -> None:
    """Whatever else there is has a room."""
    found = {path.name for path in (ROOT / "plugin").glob("*.py")}
    assert found == {"__init__.py", "__main__.py", "app.py", "broker.py", "services.py", "settings.py"}
    assert {path.name for path in (ROOT / "mappings").glob("*.py")} == {"__init__.py"}


@pytest.mark.parametrize("kind", INTEGRATIONS)
def test_an_integration_is_a_folder_of_one_name_in_four_places(kind: str) -> None:
    """Code, mapping, emulator, and tests with their fixtures and where these are from."""
    for name in names(kind):
        assert (ROOT / "mappings" / kind / name / "__init__.py").is_file(), name
        assert (ROOT / "plugin" / "sandbox" / name / "__init__.py").is_file(), name
        assert (ROOT / "tests" / kind / name / "SOURCE.md").is_file(), name
        assert (ROOT / "tests" / kind / name / "__init__.py").is_file(), name


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_an_integration_knows_no_other(path: Path) -> None:
    """Its files import base classes and what several share, never another's; the line gets it from its registry."""
    known = names("destinations") | names("storefronts")
    own = integration_of(path)
    for imported in imports(path):
        assert not (set(imported.split(".")) & known) - {own}, f"{module_of(path)} imports {imported}"


@pytest.mark.parametrize("path", [path for path in SOURCES if integration_of(path) is None], ids=module_of)
def test_no_integration_is_named_outside_its_own_folders(path: Path) -> None:
    """A name in a condition, a table or a message elsewhere makes the next one an edit instead of an addition."""
    known = names("destinations") | names("storefronts")
    named = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Constant) and node.value in known]
    assert [f"{path.relative_to(ROOT)}:{node.lineno} {node.value!r}" for node in named] == []


def test_no_file_is_named_after_an_integration() -> None:
    """Its folder says whose it is, and the file what is in it."""
    known = tuple(f"{name}_" for name in names("destinations") | names("storefronts"))
    files = [path for folder in ("plugin", "mappings", "tests") for path in (ROOT / folder).rglob("*.py")]
    outside = [path for path in files if path.stem.lstrip("_").removeprefix("test_").startswith(known)]
    assert [path.relative_to(ROOT).as_posix() for path in outside] == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=module_of)
def test_packages_only_hand_names_on(path: Path) -> None:
    """What is written in an `__init__` has no name of its own to be found by; discovery is all that may stand there."""
    defined = [node for node in TREES[path].body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert [node.name for node in defined] == []


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_functions_stay_small(path: Path) -> None:
    """A function over 40 lines hides more than one thought; a file is as long as its one thing."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef) and "versions" not in path.parts:
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{path}:{node.lineno} {node.name}"


def test_only_settings_reads_the_environment() -> None:
    """A variable that is read elsewhere is missing from `crossdock doctor` and the documentation."""
    allowed = {"plugin.settings", "plugin.runtime.supervisor"}
    for path in SOURCES:
        reads = any(
            isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
            for node in ast.walk(TREES[path])
        )
        assert not reads or module_of(path) in allowed, path


def test_every_table_is_known_after_one_import() -> None:
    """A table that another module declares would be missing from whatever looks at the schema as a whole."""
    everything = ", ".join(sorted(module for module in MODULES if module.startswith("plugin.storage.")))
    count = "len(__import__('plugin.storage.tables').storage.tables.metadata.tables)"
    script = f"print({count}); import {everything}; print({count})"
    if "migrations" in script:
        script = script.replace(", ".join(sorted(module for module in MODULES if "migrations" in module)), "sys")
    said = subprocess.run([sys.executable, "-c", f"import sys; {script}"], capture_output=True, text=True, check=True)
    before, after = said.stdout.split()
    assert before == after == str(len(metadata.tables))


def test_the_schema_is_what_the_migrations_make(tmp_path: Path) -> None:
    """A column that was added on one side only shows itself here, not on a server."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    migrate(database)
    with database.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    database.close()
    assert differences == []
