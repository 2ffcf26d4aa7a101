"""What a benchmark found: medians with every single value, ratios within the run, and what each side was given."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PIPED_WIDTH = 160
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured: `repeats` times, and each time the `small` size (a smoke test) or the whole."""

    repeats: int
    small: bool
    path: Path

    def size(self, whole: int, small: int) -> int:
        """One of two sizes."""
        return small if self.small else whole

    def some(self, *values: _Value) -> tuple[_Value, ...]:
        """Every one of these values, or the first alone."""
        return values[:1] if self.small else values


@dataclass(slots=True)
class Figures:
    """Collects what one benchmark measures."""

    name: str
    about: str
    given: dict[str, str] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _values: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, case: str, **measured: float) -> None:
        """One repeat of a case; the name of a measure ends in its unit."""
        for measure, value in measured.items():
            self._values.setdefault((case, measure), []).append(value)

    def median(self, case: str, measure: str) -> float | None:
        """Return the median of a case's repeats; None when it was not measured."""
        values = self._values.get((case, measure))
        return statistics.median(values) if values else None

    def ratio(self, case: str, other: str, measure: str) -> None:
        """How many times as much `case` reached as `other`; left out when either was not measured."""
        ours, theirs = self.median(case, measure), self.median(other, measure)
        if ours is not None and theirs:
            what = "" if measure == "per_second" else f" ({measure.replace('_', ' ')})"
            self.ratios[f"{case} ÷ {other}{what}"] = ours / theirs

    def share(self, case: str, measure: str, of: str) -> None:
        """Note a measure that is a ratio already, of something that has no measure of its own."""
        value = self.median(case, measure)
        if value is not None:
            self.ratios[f"{case} ÷ {of}"] = value

    def note(self, text: str) -> None:
        """Something a reader has to know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def document(self, plan: Plan) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "benchmark": self.name,
            "about": self.about,
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
            "repeats": plan.repeats,
            "quick": plan.small,
            "given": self.given,
            "figures": [
                {"case": case, "measure": measure, "median": statistics.median(values), "values": values}
                for (case, measure), values in self._values.items()
            ],
            "ratios": self.ratios,
            "notes": self.notes,
        }

    def show(self) -> None:
        """Tables for a person, the ratios last."""
        console = Console()
        if not console.is_terminal:
            console.width = _PIPED_WIDTH
        measures = list(dict.fromkeys(measure for _, measure in self._values))
        cases = list(dict.fromkeys(case for case, _ in self._values))
        rows = [[case, *(shown(self.median(case, measure)) for measure in measures)] for case in cases]
        console.print(_table(self.name, [self.name, *(measure.replace("_", " ") for measure in measures)], rows))
        ratios = [[name, shown(value)] for name, value in self.ratios.items()]
        if ratios:
            console.print(_table(f"{self.name}: ratios within this run", ["ratio", "times"], ratios))
        for line in self.notes:
            console.print(f"note: {line}", markup=False, highlight=False)


def write(path: Path, document: dict[str, Any]) -> None:
    """One JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def shown(value: float | None) -> str:
    """Return a figure with as many digits as it deserves."""
    if value is None:
        return ""
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
