"""Writers of one SQLite file take turns at a lock file, which helps them and never stops them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from plugin.core.file_lock import lock, turn

if TYPE_CHECKING:
    from pathlib import Path


def test_whoever_comes_later_waits(tmp_path: Path) -> None:
    """Until the one before is done."""
    path, done = tmp_path / "turn", []

    def come_later() -> None:
        with turn(path, 60):
            done.append("later")

    with turn(path, 1):
        later = threading.Thread(target=come_later)
        later.start()
        done.append("first")
    later.join()
    assert done == ["first", "later"]


def test_the_turn_is_over_when_it_raises(tmp_path: Path) -> None:
    """Nobody waits for one that failed."""
    with pytest.raises(ZeroDivisionError), turn(tmp_path / "turn", 1):
        raise ZeroDivisionError
    file = lock(tmp_path / "turn")
    assert file is not None
    file.close()


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    """One that hangs delays the others, and then the database decides."""
    with turn(tmp_path / "turn", 1), turn(tmp_path / "turn", 0.01):
        pass


def test_where_no_file_can_be_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk or in a folder that is read-only the database says what is wrong, at once."""
    monkeypatch.setattr("plugin.core.file_lock.time.sleep", lambda _: pytest.fail("it waits"))
    with turn(tmp_path / "missing" / "turn", 15):
        pass
