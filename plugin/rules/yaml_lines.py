"""A document that a person wrote, in YAML or JSON, with the line of each of its parts.

Every scalar is taken as it is written: in YAML 1.1 an unquoted NO is a boolean, and orders to Norway would match
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from plugin.core.errors import ConfigError

_LONGEST = 256_000
# Aliases may stand for themselves, or multiply.
_MOST_PARTS = 10_000
_DEEPEST = 20
_NULL = "tag:yaml.org,2002:null"

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Written:
    """What was written, made of mappings, lists, texts and None; `lines` count from 1."""

    name: str
    document: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Return the line of a part; of one that is missing, where it should be."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, path: Path) -> str:
        """Return the file and line of a part."""
        return f"{self.name}, line {self.line(path)}"


def parse(text: str, name: str) -> Written:
    """Read the one document of a file; raise `ConfigError` with the line where it is none."""
    if len(text) > _LONGEST:
        raise ConfigError(f"{name}: longer than {_LONGEST:,} characters")
    written = Written(name)
    root = _composed(text, name)
    if root is not None:
        written.document = _plain(root, (), written)
    return written


def _composed(text: str, name: str) -> yaml.Node | None:
    # JSON may be indented by tabs, and holds none elsewhere; YAML refuses them.
    json_like = text.lstrip().startswith(("{", "["))
    try:
        found: yaml.Node | None = yaml.compose(text.replace("\t", " ") if json_like else text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}, line {line}: neither YAML nor JSON: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: neither YAML nor JSON: {error}") from None
    return found


def _plain(node: yaml.Node, path: Path, written: Written) -> Any:  # noqa: ANN401  (mappings, lists, texts, None)
    written.lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > _DEEPEST or len(written.lines) > _MOST_PARTS:
        raise ConfigError(f"{written.at(path)}: too deep or too much")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, written)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, place), written) for place, item in enumerate(node.value)]
    return None if node.tag == _NULL else node.value


def _mapping(node: yaml.MappingNode, path: Path, written: Written) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{written.name}, line {line}: a key must be a word")
        if key.value in made:
            raise ConfigError(f"{written.name}, line {line}: {key.value} is there twice; write it once")
        written.lines[(*path, key.value)] = line
        made[key.value] = _plain(value, (*path, key.value), written)
    return made
