"""`/metrics`: what Prometheus reads is what `crossdock status` shows, and names nobody."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, event

from plugin.operations.status import snapshot
from plugin.routing.route import route_due
from plugin.storage import queries
from tests.support.deliveries import Books, a_step
from tests.support.running_line import personal
from tests.support.shop import Shop, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from flask import Flask

    from plugin.services import Services

Sample = dict[tuple[str, ...], float]


def read(app: Flask) -> dict[str, Sample]:
    """Every metric, by name; its values by those of their labels, in alphabetical order."""
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    found: dict[str, Sample] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_states_and_lanes_are_told(shop: Shop, app: Flask) -> None:
    """What waits is counted by state and by lane, with the limit of each lane and when its backlog clears."""
    shop.reconnect("chrts", rate="2/1s")
    shop.post("orders/create", sent("orders_create"))
    assert read(app)["crossdock_events"]["received",] == 1
    route_due(shop.services)
    found = read(app)
    status = snapshot(shop.services)
    assert found["crossdock_deliveries"]["waiting",] == status["deliveries"]["waiting"] > 0
    lane = (shop.chrts.account, "chrts")
    assert found["crossdock_lane_limit_per_second"][lane] == 2
    assert found["crossdock_lane_backlog"][lane] > 0
    assert found["crossdock_lane_clears_seconds"][lane] > 0
    assert found["crossdock_lane_in_use"][lane] == 0
    assert found["crossdock_lane_paused"][lane] == 0


def test_a_paused_connection_shows(shop: Shop, app: Flask) -> None:
    """The one thing that nobody but a person can mend."""
    shop.services.stores.pause(shop.chrts.id, "401")
    assert read(app)["crossdock_lane_paused"][shop.chrts.account, "chrts"] == 1


def test_nothing_about_a_person_is_told(shop: Shop, app: Flask, drain: Callable[[], None]) -> None:
    """Whoever may read it learns numbers only."""
    shop.post("orders/create", sent("orders_create"))
    drain()
    page = app.test_client().get("/metrics").text
    assert [word for word in personal(sent("orders_create")) if word in page] == []


def test_without_a_database_it_says_503(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of zeros would look like peace."""
    services = app.extensions["crossdock"]
    monkeypatch.setattr(services.database, "engine", create_engine("sqlite:////nowhere/at/all.db"))
    assert app.test_client().get("/metrics").status_code == 503


def test_counts_are_of_one_moment(services: Services) -> None:
    """What is planned while they are taken is not taken for done, whatever the database lets through."""
    books = Books.open(services)
    for key in ("a", "b", "c"):
        books.plan(a_step(key))
    numbers = iter(range(100))

    def plan(*_: object) -> None:
        if threading.current_thread().name == "counting":
            other = threading.Thread(target=books.plan, args=(a_step(f"more{next(numbers)}"),))
            other.start()
            other.join()

    found: list[dict[str, int]] = []
    counting = threading.Thread(
        target=lambda: found.append(queries.counts(services.database)["deliveries"]), name="counting"
    )
    event.listen(services.database.engine, "after_cursor_execute", plan)
    counting.start()
    counting.join()
    event.remove(services.database.engine, "after_cursor_execute", plan)
    assert (found[0]["done"], found[0]["sending"]) == (0, 0)
    assert found[0]["waiting"] >= 3
