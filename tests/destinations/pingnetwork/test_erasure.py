"""A customer who is to be forgotten is forgotten at the vendor too, though nothing is kept of the request itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from plugin.operations.replay import Selection, deliveries_to_replay, replay_deliveries
from plugin.sandbox import Fault
from plugin.storage import inbox
from plugin.storage.tables import attempts, deliveries
from tests.destinations.pingnetwork.connected_shop import FIND, Ping
from tests.support.running_line import events, only, owed, turn, work_off
from tests.support.scripted_vendor import Scripted, answer
from tests.support.shop import ADDRESS, connect, sent

if TYPE_CHECKING:
    from tests.conftest import Backend
    from tests.support.shop import Shop

EMAIL = "marguerite.okafor-lind@example.com"
ID = "shopify:demo.myshopify.com:7313004880213"


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def ping(shop: Shop) -> Ping:
    """Return a shop with one customer on record, and another."""
    opened = Ping.open(shop)
    opened.tell("create")
    opened.tell("create", id=4, email="other@example.com")
    work_off(opened.services)
    return opened


def redact(ping: Ping, **customer: object) -> None:
    """Shopify asks for the erasure."""
    document = sent("customers_redact") | {"shop_domain": ADDRESS}
    document["customer"] |= customer
    assert ping.shop.post("customers/redact", document).status_code == 200


def ids(ping: Ping) -> list[str]:
    """Who is on record at the vendor, by our ids; people are told of at the same time, in whatever order."""
    return sorted(record["external_id"].rpartition(":")[2] for record in ping.customers())


def test_the_record_is_found_and_deleted_and_no_other(ping: Ping) -> None:
    """GET finds, DELETE removes."""
    (theirs,) = (record["id"] for record in ping.customers() if record["external_id"] == ID)
    before = len(ping.lines())
    redact(ping)
    work_off(ping.services)
    assert ping.lines()[before:] == [FIND, f"DELETE /v2/customers/{theirs}"]
    assert ids(ping) == ["4"]


def test_bodies_are_erased_here_at_once_whatever_the_vendor_does(ping: Ping) -> None:
    """A vendor that is down for days delays only its own part, which needs none of what was erased."""
    ping.emulator.faults.add(Fault("status", times=6))
    redact(ping)
    for _ in range(3):
        turn(ping.services)
    with ping.services.database.read() as db:
        kept = [event.body for event in inbox.by_ids(db, [row["id"] for row in events(ping.services)])]
    assert [body is None for body in kept] == [True, False, True]
    work_off(ping.services)
    assert ids(ping) == ["4"]


def test_nothing_that_is_kept_of_an_erasure_names_the_person(ping: Ping) -> None:
    """Keys, subjects, data and attempts hold ids only."""
    redact(ping)
    work_off(ping.services)
    with ping.services.database.read() as db:
        rows = [str(row) for table in (deliveries, attempts) for row in db.execute(select(table))]
    assert len(rows) > 6
    assert [row for row in rows for word in (EMAIL, "Marguerite", "Okafor", "2045550142") if word in row] == []


@pytest.mark.parametrize("match", ["GET", "DELETE"])
def test_a_lost_answer_to_an_erasure_is_repeated(ping: Ping, match: str) -> None:
    """Deleting twice does no harm: 404 says that it is gone."""
    ping.emulator.faults.add(Fault("reset_after", match=match), Fault("status", match=match, status=503))
    redact(ping)
    work_off(ping.services)
    assert ids(ping) == ["4"]
    assert {one["state"] for one in owed(ping.services, destination="pingnetwork")} == {"done"}


def test_a_customer_nobody_told_of_is_no_trouble(ping: Ping) -> None:
    """Nothing is found and nothing deleted, and it says so."""
    redact(ping, id=99)
    work_off(ping.services)
    found = only(ping.services, action="erase")
    assert (found["state"], "no record" in found["reason"]) == ("done", True)
    assert ids(ping) == ["4", "7313004880213"]


def test_a_guest_has_no_record_to_erase(ping: Ping) -> None:
    """A request without a customer id names nobody the vendor knows."""
    redact(ping, id=None)
    work_off(ping.services)
    assert owed(ping.services, action="erase") == []


def test_every_record_of_the_person_is_deleted(ping: Ping) -> None:
    """Should there be two, from whatever time, neither stays."""
    ping.ask("GET", "/v2/customers")
    records = [{"id": name, "external_id": ID} for name in ("c1", "c2")]
    with Scripted(answer(200, records), answer(204)) as vendor:
        connect(ping.services, ping.shop.store, "pingnetwork", vendor.url, token="t")
        redact(ping)
        work_off(ping.services)
    heard = [one.split(b" HTTP")[0].decode() for one in vendor.heard]
    assert heard[1:] == ["DELETE /v2/customers/c1", "DELETE /v2/customers/c2"]


def test_a_change_that_waited_does_not_bring_the_person_back(ping: Ping) -> None:
    """What was still owed about them is held, since its body is erased; the deletion comes after it."""
    ping.emulator.faults.add(Fault("status", match="PUT", times=2))
    ping.tell("update")
    for _ in range(3):
        turn(ping.services)
    redact(ping)
    work_off(ping.services)
    assert ids(ping) == ["4"]


def test_a_webhook_that_is_older_than_the_erasure_does_not_bring_the_person_back(ping: Ping) -> None:
    """Shopify may deliver it late."""
    redact(ping)
    work_off(ping.services)
    ping.tell("update")
    work_off(ping.services)
    assert ids(ping) == ["4"]


def test_a_customer_who_comes_back_later_is_recorded_anew(ping: Ping) -> None:
    """The same content after the erasure is news."""
    redact(ping)
    work_off(ping.services)
    ping.tell("create", updated_at="2099-01-01T00:00:00Z")
    work_off(ping.services)
    assert ids(ping) == ["4", "7313004880213"]


def test_a_refused_deletion_is_held_and_can_be_replayed(ping: Ping) -> None:
    """A person has to see to it; replaying needs nothing of what was erased."""
    ping.emulator.faults.add(Fault("status", match="DELETE", status=400))
    redact(ping)
    work_off(ping.services)
    held = only(ping.services, action="delete")
    assert (held["state"], "Injected 400" in held["reason"]) == ("held", True)
    replay_deliveries(ping.services.database, deliveries_to_replay(ping.services.database, Selection(ids=[held["id"]])))
    work_off(ping.services)
    assert ids(ping) == ["4"]


def test_a_request_that_is_repeated_is_obeyed_again(ping: Ping) -> None:
    """Each request is answered for itself."""
    for _ in range(2):
        redact(ping)
        work_off(ping.services)
    assert [one["state"] for one in owed(ping.services, action="erase")] == ["done", "done"]


def test_a_request_is_obeyed_with_other_destinations_beside_it(ping: Ping) -> None:
    """Those that can't be told owe nothing."""
    redact(ping)
    work_off(ping.services)
    last = events(ping.services)[-1]
    assert {one["destination"] for one in owed(ping.services) if one["event"] == last["id"]} == {"pingnetwork"}
    assert (last["state"], "erased" in last["reason"]) == ("routed", True)
