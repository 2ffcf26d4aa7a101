"""Secrets and people: what may stand in the database, and that no log line of any process names either."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from plugin.sandbox import Fault
from plugin.storage import queries
from plugin.storage.tables import events, metadata
from tests.conftest import wait_until
from tests.support.console import crossdock, surroundings
from tests.support.running_line import personal, work_off
from tests.support.shop import SECRET, sent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Backend
    from tests.support.shop import Shop


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Choose the embedded one: nothing here depends on the kind of database."""
    return embedded


TOKENS = ("tok-en-of-chitchats", "key-of-chrts", SECRET)


def send_webhooks_of_every_kind(shop: Shop) -> None:
    """Send webhooks that lead to everything: successes, refusals, lost answers, bodies that can't be read."""
    shop.reconnect("chitchats", token=TOKENS[0])
    shop.reconnect("chrts", api_key=TOKENS[1])
    vendor = shop.sandbox.emulators
    vendor["chitchats"].faults.add(Fault("reset_after", match="POST"), Fault("garbage", match="GET"))
    vendor["chrts"].faults.add(
        Fault("status", match="identify", status=503), Fault("status", match="track", status=400)
    )
    shop.post("orders/create", sent("orders_create"))
    shop.post("orders/create", sent("orders_create") | {"id": 1, "currency": 5})
    shop.post("orders/create", sent("orders_create") | {"id": 2, "shipping_address": {"name": "Marguerite"}})
    shop.post("customers/update", sent("customers_update"))
    shop.post("orders/create", sent("orders_create"), secret="wrong")


def test_no_secret_and_nobody_s_data_stand_in_any_column(shop: Shop) -> None:
    """But for the bodies of events, which a privacy request erases: no column of any table holds either."""
    send_webhooks_of_every_kind(shop)
    work_off(shop.services)
    words = {*TOKENS, *personal(sent("orders_create"))}
    with shop.services.database.read() as db:
        for table in metadata.sorted_tables:
            shown = [column for column in table.c if column is not events.c.body]
            text = "\n".join(str(tuple(row)) for row in db.execute(select(*shown)))
            assert [word for word in words if word in text] == [], table.name


def test_no_log_line_names_a_secret_or_a_person(shop: Shop, environment: Mapping[str, str], tmp_path: Path) -> None:
    """At the most talkative level, of the real processes, in trouble of every kind."""
    send_webhooks_of_every_kind(shop)
    talkative = {**surroundings(environment), "LOG_LEVEL": "DEBUG"}
    with (tmp_path / "log").open("w+b") as log:
        processes = [
            subprocess.Popen([sys.executable, "-m", "plugin", role], env=talkative, stdout=log, stderr=log)
            for role in ("worker", "clock")
        ]
        wait_until(lambda: queries.is_idle(shop.services.database), 40)
        for process in processes:
            process.terminate()
            process.wait(40)
    said = (tmp_path / "log").read_text()
    said += crossdock(talkative, "status").err + crossdock(talkative, "deliveries").out
    assert "recorded" in said
    assert [word for word in {*TOKENS, *personal(sent("orders_create"))} if word in said] == []
