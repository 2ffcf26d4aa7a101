"""What a person sees of the demo: a line of progress while it runs, and the table in the end."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from plugin.storage import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console, RenderableType

    from plugin.demo.run import Run
    from plugin.sandbox import Emulator, Verdict

    Row = tuple[str, str, RenderableType]

_SECONDS = 2.0
_MOST_NAMED = 10
_FAULTS = {
    "reset_after": "answer lost after the call took effect",
    "reset_before": "connection reset",
    "garbage": "HTML instead of an answer",
}


def progress(console: Console) -> Callable[[Run], None]:
    """Return what prints a line every two seconds while a run goes on."""
    began = due = time.monotonic()

    def show(run: Run) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        due = time.monotonic() + _SECONDS
        emulators = run.world.sandbox.emulators.values()
        calls, faults = sum(one.journal.total for one in emulators), sum(len(list(_met(one))) for one in emulators)
        told = sum(len(story.posts) for story in run.stories)
        line = f"webhooks sent {len(run.posted)} of {told}, calls made {calls}, faults met {faults}"
        console.print(f"{time.monotonic() - began:5.1f} s  {line}", highlight=False, soft_wrap=True)

    return show


def report(console: Console, run: Run, verdict: Verdict) -> None:
    """Print the table, and what is wrong if anything is."""
    orders = sum(story.is_order for story in run.stories)
    title = f"Crossdock demo: {orders} orders through the line in {run.seconds:.0f} seconds"
    table = Table(title=title, box=box.ROUNDED, title_style="bold", show_header=False, expand=True)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column(ratio=1)
    for section in (_received(run, orders), _arrived(run), _rested(run), _faults(run), _judged(verdict)):
        for row in section:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    for text in (*verdict.lost, *verdict.doubled, *verdict.amiss)[:_MOST_NAMED]:
        console.print(Text(f"  ✗ {text}", style="red"))


def _received(run: Run, orders: int) -> Iterator[Row]:
    stored = sum(queries.counts(run.world.services.database)["events"].values())
    forged = sum(post.forged for post, _ in run.posted)
    again = len(run.posted) - stored - forged
    explained = [(stored, "stored"), (again, "known already, stored once"), (forged, "forged, refused with 401")]
    yield "webhooks sent", str(len(run.posted)), _grid(explained)
    yield "orders in", str(orders), ""


def _arrived(run: Run) -> Iterator[Row]:
    """Return what each vendor received, as its emulator shows it."""
    received = {name: one.received() for name, one in run.world.sandbox.emulators.items()}
    parcels = [(name, parcel) for name, one in received.items() for parcel in one.parcels or () if parcel.is_live]
    bought = [parcel for _, parcel in parcels if parcel.tracking_number]
    kinds = (f"{name}: {'bought, with tracking number' if one.tracking_number else 'drafts'}" for name, one in parcels)
    yield _counted("parcels live", kinds)
    if costs := [one for one in bought if one.cost]:
        yield "", "", Text(f"    such as {costs[0].tracking_number} for {costs[0].cost}", style="dim")
    booked = queries.list_deliveries(run.world.services.database, state="done", action="book")
    yield _counted("by rule", (f"{row['rule']} → {row['destination']}" for row in booked if row["rule"]))
    people = {name: one.people for name, one in received.items() if one.people}
    each = [(one.count, f"{name}: {len(one.aliases)} joined, {len(one.events)} events") for name, one in people.items()]
    yield "people told of", str(max((count for count, _ in each), default=0)), _grid(each)
    # All are told the same, so what was tracked is shown once; the verdict has looked at each.
    events = next((one.events for one in people.values()), ())
    yield _counted("events tracked", (event.name for event in events))
    for what in ("orders", "customers", "sessions"):
        kept = {name: len(found) for name, one in received.items() if (found := getattr(one, what)) is not None}
        if kept:
            yield f"{what} kept", str(sum(kept.values())), _grid((count, name) for name, count in kept.items())


def _rested(run: Run) -> Iterator[Row]:
    for state in ("skipped", "held"):
        yield _counted(state, (f"{row['destination']}: {row['reason']}" for row in run.world.resting(state)))
    database = run.world.services.database
    kept = [row for state in ("unknown", "ignored") for row in queries.list_events(database, state=state)]
    yield _counted("left alone", (f"{row['topic']}: {row['reason']}" for row in kept))


def _faults(run: Run) -> Iterator[Row]:
    yield _counted("faults met", (text for one in run.world.sandbox.emulators.values() for text in _met(one)))
    found = sum((row["reason"] or "").startswith("found") for row in run.world.resting("done"))
    how = f"{found} of these calls had taken effect: found, not repeated; the others were sent again"
    yield "", "", Text(how, style="dim")


def _met(emulator: Emulator) -> Iterator[str]:
    for entry in emulator.journal.entries():
        if entry.fault:
            yield f"{emulator.name}: {_FAULTS.get(entry.fault, f'answered {entry.status}')}"


def _judged(verdict: Verdict) -> Iterator[Row]:
    lost, doubled = "what had to be booked, tracked or shown is", "no order has two live parcels or one event twice"
    for entries, word, meaning in ((verdict.lost, "lost", lost), (verdict.doubled, "doubled", doubled)):
        colour = "red" if entries else "green"
        yield f"[{colour}]{len(entries)} {word}[/]", "", "" if entries else Text(meaning, style="green")
    if verdict.amiss:
        yield f"[red]{len(verdict.amiss)} amiss[/]", "", ""


def _counted(title: str, texts: Iterable[str]) -> Row:
    counts = Counter(texts).most_common()
    return title, str(sum(count for _, count in counts)), _grid((count, text) for text, count in counts)


def _grid(lines: Iterable[tuple[int, str]]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", min_width=3, style="bold")
    grid.add_column()
    for count, text in lines:
        grid.add_row(str(count), Text(text))
    return grid
