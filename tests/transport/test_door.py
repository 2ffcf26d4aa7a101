"""The door: the rest of the tree takes a handful of names out of `plugin.transport`, and nothing else."""

from __future__ import annotations

import ast

from tests.support.folders import ROOT

# What docs/decisions/outgoing-http.md promises something about.
DOOR = {
    "plugin.transport.call": {"InFlightCall"},
    "plugin.transport.client": {"Client", "Clients"},
    "plugin.transport.login": {"Logins"},
    "plugin.transport": {"single_call"},
}


def test_nobody_else_opens_the_room() -> None:
    """What is behind the door may change without anybody looking."""
    found = [
        f"{path.relative_to(ROOT)} imports {alias.name} from {node.module}"
        for path in (ROOT / "plugin").rglob("*.py")
        if path.parent != ROOT / "plugin" / "transport"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("plugin.transport")
        for alias in node.names
        if alias.name not in DOOR.get(node.module or "", ())
    ]
    assert found == []
