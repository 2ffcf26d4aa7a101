"""A version of a document has one text form, which databases of earlier releases hold, and sorts as it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest

from plugin.storage.version import Version

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IN_ORDER = (
    Version(),
    Version(at=NOON),
    Version(at=NOON + timedelta(microseconds=1)),
    Version(cancelled=True, at=NOON - timedelta(days=9)),
    Version(cancelled=True, at=NOON),
)


@pytest.mark.parametrize("version", IN_ORDER)
def test_a_version_is_read_back_from_its_text(version: Version) -> None:
    """The text form loses nothing."""
    assert Version.parse(str(version)) == version


def test_the_text_is_the_one_that_databases_hold() -> None:
    """The mark of a cancelled document, then the time in UTC to the microsecond; nothing for what has no version."""
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert str(Version(at=elsewhere)) == "0 2026-03-01T12:00:00.000000+00:00"
    assert str(Version(cancelled=True, at=NOON)) == "1 2026-03-01T12:00:00.000000+00:00"
    assert str(Version()) == ""


def test_versions_sort_as_their_texts_do() -> None:
    """By age, and a cancelled one last, since the database compares the texts."""
    for one, other in product(IN_ORDER, repeat=2):
        assert (one < other) == (str(one) < str(other))
