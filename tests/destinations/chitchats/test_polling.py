"""Many shipments at once: lists, not a call for each; batches, labels (docs/vendors/chitchats.md §3, §5 and §9)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader

from plugin.core.errors import ConfigError
from plugin.core.rates import RateLimit
from plugin.operations import labels
from plugin.storage import queries
from tests.destinations.chitchats.connected_shop import (
    BUYING,
    ROOT,
    advance,
    configure,
    fault,
    order,
    purchases,
    replay,
)
from tests.support.console import crossdock
from tests.support.running_line import hurry, only, owed, turn, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Backend
    from tests.support.shop import Shop

MANY = 12


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


def buy(shop: Shop, count: int = 1, **settings: str) -> None:
    """So many orders are booked and bought."""
    configure(shop, buy_seconds=0.0, refund_wait_seconds=0.0)
    shop.reconnect("chitchats", **(BUYING | settings))
    for number in range(count):
        document = sent("orders_create")
        order(shop, id=document["id"] + number, cart_token=str(number))
    work_off(shop.services)


def looks(shop: Shop) -> list[str]:
    """Return the paths that were read at the vendor."""
    heard = shop.sandbox.emulators["chitchats"].requests()
    return [one["path"] for one in heard if one["method"] == "GET"]


def test_purchases_are_waited_for_by_list(shop: Shop, drain: Callable[[], None]) -> None:
    """A dozen purchases, and not one is looked at by itself: label and number come with the list."""
    configure(shop, buy_seconds=0.3)
    shop.reconnect("chitchats", **BUYING)
    for number in range(MANY):
        order(shop, id=number + 1, cart_token=str(number))
    drain()
    assert purchases(shop) == MANY
    assert set(looks(shop)) == {ROOT}
    assert len(looks(shop)) < MANY
    for one in queries.list_shipments(shop.services.database):
        assert (one["state"], one["label_formats"]) == ("ready", ["pdf", "png", "zpl"])
        assert one["tracking_number"]


def test_parcels_on_their_way_are_watched_by_list(shop: Shop) -> None:
    """One call an hour for all of them, whatever their number."""
    buy(shop, MANY)
    before = len(looks(shop))
    hurry(shop.services, watched=True)
    turn(shop.services)
    assert len(looks(shop)) == before + 1
    assert len(owed(shop.services, destination="chitchats", action="track")) == 1


def test_more_than_a_page_is_turned_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages end where a short one does, or where all of ours were seen."""
    monkeypatch.setattr("plugin.destinations.chitchats.polling.PAGE", 5)
    buy(shop, MANY)
    states = {one["state"] for one in queries.list_shipments(shop.services.database)}
    before = len(looks(shop))
    hurry(shop.services, watched=True)
    while only(shop.services, destination="chitchats", action="track")["reason"] != f"{MANY} looked at":
        hurry(shop.services)
        turn(shop.services)
        assert len(looks(shop)) <= before + 3
    assert (states, len(looks(shop))) == ({"ready"}, before + 3)


def test_watching_starts_again_with_the_next_parcel(shop: Shop) -> None:
    """It ended when the first had arrived."""
    buy(shop)
    advance(shop, "delivered")
    for _ in range(2):
        hurry(shop.services, watched=True)
        turn(shop.services)
    assert only(shop.services, destination="chitchats", action="track")["state"] == "skipped"
    order(shop, id=7, cart_token="7")
    work_off(shop.services)
    assert only(shop.services, destination="chitchats", action="track")["state"] == "waiting"


def test_the_list_goes_on_when_the_order_that_began_it_is_erased(shop: Shop) -> None:
    """It is about the account, so a privacy request for one buyer stops nothing."""
    buy(shop)
    redact = {"shop_id": 1, "shop_domain": "demo.myshopify.com", "orders_to_redact": [sent("orders_create")["id"]]}
    assert shop.post("customers/redact", redact | {"customer": {"id": 1}}).status_code == 200
    advance(shop, "delivered")
    hurry(shop.services, watched=True)
    work_off(shop.services)
    turn(shop.services)
    assert queries.list_shipments(shop.services.database)[0]["state"] == "delivered"


def test_bought_shipments_go_into_one_open_batch(shop: Shop) -> None:
    """None was open, so one is opened, whoever comes first; drafts are left out."""
    buy(shop, MANY, batch="open")
    batches = shop.sandbox.emulators["chitchats"].state()["accounts"]["1"]["batches"]
    assert len(batches) == 1
    assert {one["batch_id"] for one in shop.booked()} == {batches[0]["id"]}


def test_a_lost_answer_opens_no_second_batch(shop: Shop) -> None:
    """What was opened is found in the list."""
    fault(shop, "reset_after", "POST /api/v1/clients/1/batches")
    buy(shop, batch="open")
    batches = shop.sandbox.emulators["chitchats"].state()["accounts"]["1"]["batches"]
    assert (len(batches), shop.booked()[0]["batch_id"]) == (1, batches[0]["id"])


def test_a_batch_that_was_closed_meanwhile_is_passed_over(shop: Shop) -> None:
    """The next one is opened, and only if that fails too a person is asked."""
    fault(shop, "status", "add_to_batch", status=400)
    buy(shop, batch="open")
    assert len(shop.sandbox.emulators["chitchats"].state()["accounts"]["1"]["batches"]) == 2
    assert shop.booked()[0]["batch_id"] == 2


def test_a_batch_that_takes_nothing_is_a_person_s_problem(shop: Shop) -> None:
    """The shipment is bought and has its label all the same."""
    fault(shop, "status", "add_to_batch", status=400, times=None)
    buy(shop, batch="open")
    found = only(shop.services, action="batch")
    assert (found["state"], "by hand" in found["reason"]) == ("held", True)
    assert only(shop.services, action="label")["state"] == "done"


@pytest.mark.parametrize(("form", "start"), [("pdf", b"%PDF-"), ("png", b"\x89PNG"), ("zpl", b"^XA")])
def test_a_label_is_read_again_in_each_form(shop: Shop, form: str, start: bytes) -> None:
    """Addresses expire, so nothing but the shipment's number is kept."""
    buy(shop)
    (known,) = queries.list_shipments(shop.services.database)
    found = labels.fetch(shop.services, known["id"], form)
    assert found.data.startswith(start)


def test_the_command_saves_a_pdf_that_opens(shop: Shop, environment: dict[str, str], tmp_path: Path) -> None:
    """`crossdock shipments label ID -o x.pdf`, and a reader finds the page with the shipment's number on it."""
    buy(shop)
    (known,) = queries.list_shipments(shop.services.database)
    path = tmp_path / "x.pdf"
    ran = crossdock(environment, "shipments", "label", str(known["id"]), "-o", str(path))
    assert ran.status == 0, ran.err
    (page,) = PdfReader(io.BytesIO(path.read_bytes())).pages
    assert known["remote_id"] in page.extract_text()


def test_a_label_keeps_the_account_s_limit(shop: Shop) -> None:
    """Its calls count like every other's."""
    buy(shop)
    (known,) = queries.list_shipments(shop.services.database)
    lane, limits = shop.chitchats.lane, (RateLimit(2000, 300),)
    before = shop.services.limiter.use({lane: limits})[lane].in_use
    labels.fetch(shop.services, known["id"], "pdf")
    assert shop.services.limiter.use({lane: limits})[lane].in_use == before + 2


def test_a_draft_has_no_label_and_says_what_to_do(shop: Shop) -> None:
    """Postage has to be bought first; an unknown number is told too."""
    order(shop)
    work_off(shop.services)
    (known,) = queries.list_shipments(shop.services.database)
    with pytest.raises(ConfigError, match="postage has to be bought"):
        labels.fetch(shop.services, known["id"], "pdf")
    with pytest.raises(ConfigError, match="no shipment"):
        labels.fetch(shop.services, 99, "pdf")


@pytest.mark.parametrize(("kind", "words"), [("garbage", "no label"), ("reset_before", "did not answer")])
def test_a_label_that_does_not_come_is_told_in_words(shop: Shop, kind: str, words: str) -> None:
    """No half file, no trace."""
    buy(shop)
    (known,) = queries.list_shipments(shop.services.database)
    fault(shop, kind, "GET")
    with pytest.raises(ConfigError, match=words):
        labels.fetch(shop.services, known["id"], "pdf")


def test_an_address_that_expired_is_refused_in_words(shop: Shop) -> None:
    """Only the vendor's clock is wrong; the next try gets a new address."""
    buy(shop)
    configure(shop, label_seconds=-10.0)
    (known,) = queries.list_shipments(shop.services.database)
    with pytest.raises(ConfigError, match="refuses the label: 403"):
        labels.fetch(shop.services, known["id"], "pdf")


def test_a_list_that_is_refused_leaves_the_purchase_to_its_own_look(shop: Shop) -> None:
    """Nobody waits for a list for ever; and a replay takes the list up again."""
    fault(shop, "status", f"GET {ROOT}", status=400)
    buy(shop)
    assert only(shop.services, action="label")["state"] == "done"
    replay(shop)
