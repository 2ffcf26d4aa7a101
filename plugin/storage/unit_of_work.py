"""A unit of work: what several events or results read and write in one transaction, asked and written by sets.

What was read once is remembered, also what was written since; what is written waits, and goes out in a few statements
whose text never changes. What one event did is undone alone.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from plugin.storage.handwritten_sql import BATCH_STATEMENTS
from plugin.storage.utc_datetime import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from sqlalchemy import Connection as Sql
    from sqlalchemy import CursorResult, Executable, NestedTransaction

    from plugin.storage.database import Database

# In this order, since a version is renewed of what was planned before.
_ORDER = ("keep_link", "write_booking", "plan", "hold", "renew", "settle_event")
_Row = tuple[Any, ...]


class UnitOfWork:
    """Reads and writes of one transaction. Not for two threads; `flush` before the transaction is committed."""

    def __init__(self, database: Database, db: Sql) -> None:
        self.database = database
        self._db = db
        self._known: dict[Hashable, Any] = {}
        self._waiting: list[tuple[str, _Row]] = []
        # What is to be done backwards if the part at hand fails, and the savepoint if it has written already.
        self._undo: list[Callable[[], None]] | None = None
        self._part_begins = 0
        self._savepoint: NestedTransaction | None = None

    @contextmanager
    def part(self, *, saved: bool = False) -> Iterator[None]:
        """Do one part of the whole: if it raises, nothing of it was read or written, and the rest goes on.

        With `saved` it is written at its end, within a savepoint: what the database refuses raises in it.
        """
        self._undo, self._part_begins, self._savepoint = [], len(self._waiting), None
        try:
            if saved:
                self.sql()
            yield
            if saved:
                self.sql()
        except BaseException:
            self._take_back()
            raise
        else:
            if self._savepoint is not None:
                self._savepoint.commit()
        finally:
            self._undo, self._savepoint = None, None

    def sql(self) -> Sql:
        """Return the connection, once all that waits is written: for statements of which there are no sets."""
        if self._undo is not None and self._savepoint is None:
            own = self._waiting[self._part_begins :]
            del self._waiting[self._part_begins :]
            self.flush()
            self._savepoint = self._db.begin_nested()
            self._waiting = own
            self._part_begins = 0
        self.flush()
        return self._db

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        by_name: dict[str, list[_Row]] = {}
        for name, row in waiting:
            by_name.setdefault(name, []).append(row)
        for name in _ORDER:
            if name in by_name:
                self._db.exec_driver_sql(BATCH_STATEMENTS[self.database.is_postgresql][name], by_name[name])

    def write(self, statement: str, *values: object) -> None:
        """Have a row written by one of the statements of `handwritten_sql.batch_statements`, in the order of these."""
        if self.database.is_postgresql:
            row = tuple(_for_postgresql(value) for value in values)
        else:
            row = tuple(_for_sqlite(value) for value in values)
        self._waiting.append((statement, row))

    def query(self, statement: Executable, values: Mapping[str, object]) -> CursorResult[Any]:
        """Ask for what nothing that waits can change, or change what nothing that waits reads."""
        return self._db.execute(statement, values)

    def ask(self, text: str, values: tuple[object, ...]) -> list[_Row]:
        """Ask in the driver's own words, which takes a fifth of the time."""
        return [tuple(row) for row in self._db.exec_driver_sql(text, values)]

    def recall(self, key: Hashable) -> Any:  # noqa: ANN401  (whatever is remembered)
        """Return what is remembered under a key; raise `KeyError` if nothing is."""
        return self._known[key]

    def knows(self, key: Hashable) -> bool:
        """Return whether anything is remembered under a key."""
        return key in self._known

    def remember(self, key: Hashable, value: object) -> None:
        """Remember what was read or is written."""
        if self._undo is not None:
            missing = object()
            before = self._known.get(key, missing)
            self._undo.append(lambda: self._restore(key, before, missing))
        self._known[key] = value

    def _restore(self, key: Hashable, before: object, missing: object) -> None:
        if before is missing:
            self._known.pop(key, None)
        else:
            self._known[key] = before

    def _take_back(self) -> None:
        for undo in reversed(self._undo or ()):
            undo()
        del self._waiting[self._part_begins :]
        if self._savepoint is not None and self._savepoint.is_active:
            self._savepoint.rollback()


def _for_sqlite(value: object) -> object:
    if isinstance(value, datetime):
        return as_text(value)
    return _for_postgresql(value)


def _for_postgresql(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value)
    return value.value if isinstance(value, Enum) else value
