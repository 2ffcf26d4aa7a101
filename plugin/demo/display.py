"""What a person sees of the demo: progress while it runs, and the table in the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from plugin.demo.received import heard, parcels
from plugin.storage import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType

    from plugin.demo.run import Progress, Run
    from plugin.demo.verdict import Verdict
    from plugin.sandbox.kit.emulator import Emulator


_LINES = {"webhooks sent": "webhooks", "orders booked": "bookings", "events tracked": "events"}
_TOTALS = {"webhooks": "webhooks_to_post", "bookings": "bookings_to_make", "events": "events_to_track"}
_PLAIN_SECONDS = 2.0
_MOST_NAMED = 10
_FAULTS = {
    "reset_after": "answer lost after the call took effect",
    "reset_before": "connection reset",
    "garbage": "HTML instead of an answer",
}


class Live:
    """Bars on a terminal; elsewhere one plain line every two seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Bars | None = None
        self._tasks: dict[str, Any] = {}
        self._next = 0.0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = Bars(*columns, TextColumn("[dim]{task.fields[note]}"), console=self._console, transient=True)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def show(self, progress: Progress) -> None:
        """Bring what is shown up to date."""
        if self._bars:
            self._move_bars(self._bars, progress)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            done = ", ".join(f"{text} {_figure(progress, name)}" for text, name in _LINES.items())
            seconds = time.monotonic() - self._began
            self._console.print(f"{seconds:5.1f} s  {done}, faults {progress.faults}", highlight=False, soft_wrap=True)

    def _move_bars(self, bars: Bars, progress: Progress) -> None:
        for text, name in _LINES.items():
            if name not in self._tasks:
                self._tasks[name] = bars.add_task(text, total=getattr(progress, _TOTALS[name]), note="")
            bars.update(self._tasks[name], completed=min(getattr(progress, name), getattr(progress, _TOTALS[name])))
        bars.update(self._tasks["webhooks"], note=progress.stage)
        bars.update(self._tasks["bookings"], note=f"{progress.faults} faults met" if progress.faults else "")


def _figure(progress: Progress, name: str) -> str:
    total: int = getattr(progress, _TOTALS[name])
    # One booking more than stays: it is taken back when its order is cancelled.
    return f"{min(getattr(progress, name), total)} of {total}"


def report(console: Console, run: Run, verdict: Verdict) -> None:
    """Print the table, and what is wrong if anything is."""
    table = Table(
        title=f"Crossdock demo: {run.orders} orders through the line in {run.seconds:.0f} seconds",
        box=box.ROUNDED,
        title_style="bold",
        show_header=False,
        expand=True,
    )
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column(ratio=1)
    for section in (_received(run), _booked(run), _told_of(run), _rested(run), _faults(run), _judged(verdict)):
        for row in section:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    for text in (*verdict.lost, *verdict.doubled, *verdict.amiss)[:_MOST_NAMED]:
        console.print(Text(f"  ✗ {text}", style="red"))


Row = tuple[str, str, "RenderableType"]


def _received(run: Run) -> list[Row]:
    stored = sum(queries.counts(run.world.services.database)["events"].values())
    forged = sum(one.hook.forged for one in run.posted)
    again = len(run.posted) - stored - forged
    explained = [(stored, "stored"), (again, "known already, stored once"), (forged, "forged, refused with 401")]
    return [("webhooks sent", str(len(run.posted)), _grid(explained)), ("orders in", str(run.orders), "")]


def _booked(run: Run) -> list[Row]:
    found = parcels(run.world.sandbox)
    bought = [one for one in found if one["carrier_tracking_code"]]
    kinds = Counter(
        f"{one['carrier']}: {'bought, each with its tracking number' if one['carrier_tracking_code'] else 'drafts'}"
        for one in found
    )
    rows: list[Row] = [("bookings", str(len(found)), _grid((count, text) for text, count in sorted(kinds.items())))]
    if bought:
        code, cost = bought[0]["carrier_tracking_code"], bought[0]["purchase_amount"]
        rows.append(("", "", Text(f"    such as {code} for {cost} CAD", style="dim")))
    return [*rows, *_routed(run)]


def _routed(run: Run) -> list[Row]:
    """By which rule, of all that was ever booked."""
    done = queries.list_deliveries(run.world.services.database, state="done", action="book")
    return [_counted("by rule", [f"{row['rule']} → {row['destination']}" for row in done])]


def _told_of(run: Run) -> list[Row]:
    """Both receivers are told the same, so what was tracked is shown once; the judge has looked at each."""
    told = heard(run.world.sandbox)
    each = [
        (one.people, f"at {name}, {len(one.aliases)} joined, {len(one.events)} events") for name, one in told.items()
    ]
    events = next(iter(told.values())).events
    tracked = Counter(event["name"] for event in events).most_common()
    kept = run.world.sandbox.emulators["pingnetwork"].state()
    return [
        ("people told of", str(max(count for count, _ in each)), _grid(each)),
        ("events tracked", str(len(events)), _grid((count, name) for name, count in tracked)),
        ("records kept", str(len(kept["customers"])), "pingnetwork: customers who were created or changed"),
        ("access sold", str(len(kept["sessions"])), "pingnetwork: a session for each paid line that sells it"),
    ]


def _rested(run: Run) -> list[Row]:
    database = run.world.services.database
    kept = [row for state in ("unknown", "ignored") for row in queries.list_events(database, state=state)]
    found = {state: run.world.reasons(state) for state in ("skipped", "held")}
    found["left alone"] = [f"{row['topic']}: {row['reason']}" for row in kept]
    return [_counted(title, reasons) for title, reasons in found.items()]


def _faults(run: Run) -> list[Row]:
    met = [text for emulator in run.world.sandbox.emulators.values() for text in _met(emulator)]
    done = [row["reason"] or "" for row in queries.list_deliveries(run.world.services.database, state="done")]
    found = sum(reason.startswith("found") for reason in done)
    how = f"{found} of these calls had taken effect: found, not repeated; the others were sent again"
    return [_counted("faults met", met), *([("", "", Text(how, style="dim"))] if met else [])]


def _met(emulator: Emulator) -> Iterable[str]:
    for entry in emulator.journal.entries():
        if entry.fault:
            yield f"{emulator.name}: {_FAULTS.get(entry.fault, f'answered {entry.status}')}"


def _judged(verdict: Verdict) -> list[Row]:
    rows = [
        _figure_row(verdict.lost, "lost", "what had to be booked, tracked or shown is"),
        _figure_row(verdict.doubled, "doubled", "no order has two live shipments or one event twice"),
    ]
    return [*rows, _figure_row(verdict.amiss, "amiss", "")] if verdict.amiss else rows


def _figure_row(entries: Sequence[str], word: str, meaning: str) -> Row:
    colour = "red" if entries else "green"
    return (f"[{colour}]{len(entries)} {word}[/]", "", "" if entries else Text(meaning, style="green"))


def _counted(title: str, texts: Sequence[str]) -> Row:
    counts = Counter(texts).most_common()
    return (title, str(len(texts)), _grid((count, text) for text, count in counts))


def _grid(lines: Iterable[tuple[int, str]]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", min_width=3, style="bold")
    grid.add_column()
    for count, text in lines:
        grid.add_row(str(count), Text(text))
    return grid
