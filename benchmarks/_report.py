"""The table of figures in docs/figures.md, made anew from the JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._figures import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = Path(__file__).parent.parent / "docs" / "figures.md"
_BEGIN, _END = "<!-- figures: python -m benchmarks report -->", "<!-- end of figures -->"


def write_table(folder: Path) -> None:
    """Replace what stands between the two marks by the figures in `folder`; a quick run's say nothing."""
    before, _, rest = _PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    documents = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"), key=_place)]
    lines = [line for document in documents if not document["quick"] for line in _section(document)]
    _PAGE.write_text("\n".join([before + _BEGIN, "", *lines, _END + after]))


def _place(path: Path) -> tuple[bool, str]:
    """Return where a benchmark stands: first the whole, then its parts."""
    return path.stem != "line", path.stem


def _section(document: dict[str, Any]) -> Iterator[str]:
    measures = list(dict.fromkeys(row["measure"] for row in document["figures"]))
    medians = {(row["case"], row["measure"]): row["median"] for row in document["figures"]}
    yield f"### {document['benchmark']}: {document['about']}"
    yield ""
    yield f"{document['measured_at'][:10]}, {document['machine']}, medians of {document['repeats']}."
    yield ""
    yield _row("case", *(measure.replace("_", " ") for measure in measures))
    yield _row("---", *("---:" for _ in measures))
    for case in dict.fromkeys(case for case, _ in medians):
        yield _row(case, *(shown(medians.get((case, measure))) for measure in measures))
    yield ""
    if document["ratios"]:
        yield from (_row("ratio", "times"), _row("---", "---:"))
        yield from (_row(name, shown(value)) for name, value in document["ratios"].items())
        yield ""
    given = [f"- {name}: {text}" for name, text in document["given"].items()]
    lines = [*given, *(f"- {note}" for note in document["notes"])]
    yield from [*lines, ""] if lines else []


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
