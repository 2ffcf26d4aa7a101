"""The shape of the tree: who may import whom, and that a name is the same everywhere."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("plugin", "mappings") for path in (ROOT / folder).rglob("*.py"))
KINDS = ("storefronts", "destinations")
MOST_LINES = 250
MOST_LINES_OF_A_FUNCTION = 40


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _names(kind: str) -> set[str]:
    files = (ROOT / "plugin" / kind).glob("*.py")
    return {path.stem for path in files if path.stem != "base" and not path.stem.startswith("_")}


def _integration(path: Path) -> str:
    """`_shopify_topics.py` belongs to shopify."""
    return path.stem.removeprefix("_").partition("_")[0]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_imports_go_one_way(path: Path) -> None:
    """`mappings` never imports `plugin`; an integration never imports another; emulators know nothing of us."""
    module = _module(path)
    for imported in _imports(path):
        if module.startswith("mappings"):
            assert not imported.startswith("plugin"), f"{module} imports {imported}"
        if module.startswith("plugin.sandbox"):
            assert not imported.startswith(("plugin.", "mappings")) or imported.startswith("plugin.sandbox")
        for kind in KINDS:
            for root in ("plugin", "mappings"):
                _check_integration(path, module, imported, f"{root}.{kind}.")


def _check_integration(path: Path, module: str, imported: str, prefix: str) -> None:
    if not imported.startswith(prefix) or path.stem in ("base", "__init__"):
        return
    target = imported.removeprefix(prefix).partition(".")[0].removeprefix("_").partition("_")[0]
    inside = any(f".{kind}." in module for kind in KINDS)
    allowed = {"base", "get", "names"} | ({_integration(path)} if inside else set())
    assert target in allowed or target[:1].isupper(), f"{module} imports {imported}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_integration_has_its_three_things(kind: str) -> None:
    """The plugin module, the mapping module and the test folder have one name."""
    for name in _names(kind):
        assert (ROOT / "mappings" / kind / f"{name}.py").is_file(), name
        assert (ROOT / "tests" / kind / name / "SOURCE.md").is_file(), name
    for name in _names("destinations"):
        assert (ROOT / "plugin" / "sandbox" / f"{name}.py").is_file(), f"{name} has no emulator"


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_no_integration_is_named_outside_its_own_modules(path: Path) -> None:
    """A vendor's name in a condition elsewhere would make the next vendor an edit instead of an addition."""
    names = _names("storefronts") | _names("destinations")
    own = _integration(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            literals = {item.value for item in ast.walk(node) if isinstance(item, ast.Constant)}
            assert not (literals & names) - {own}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_files_and_functions_stay_small(path: Path) -> None:
    """A file over 250 lines or a function over 40 hides more than one thought."""
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES or path.stem == "_shopify_topics", "a table of topics may be long"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and "versions" not in path.parts:
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{path}:{node.lineno} {node.name}"


def test_only_settings_reads_the_environment() -> None:
    """A variable that is read elsewhere is missing from `crossdock doctor` and the README."""
    allowed = {"plugin.settings", "plugin.runtime.supervisor"}
    for path in SOURCES:
        reads = any(
            isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
            for node in ast.walk(ast.parse(path.read_text()))
        )
        assert not reads or _module(path) in allowed, path
