"""Show 6 in small; `make chaos` runs ten seeds of 1,000 orders."""

from __future__ import annotations

from tests.chaos import run


def test_nothing_is_lost_or_doubled_whatever_dies() -> None:
    """150 orders, one call in five failing, worker, web and Redis killed twice each: every order is booked once."""
    report = run(1, 150, 2, hurried=True)
    assert report.troubles == []
    assert report.kills["web"] == report.kills["redis"] == report.kills["worker"] == 2
    assert report.failed > report.calls / 10
