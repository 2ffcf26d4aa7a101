"""Answers that no sane vendor gives, until one does: each is an Outcome, and never stops the others."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from plugin.storage.tables import attempts
from tests.support.contract import NAMES, contract_of
from tests.support.running_line import hurry, owed, personal, turn, work_off
from tests.support.scripted_vendor import Scripted, answer
from tests.support.shop import ADDRESS, SECRET, connect, headers, sent

if TYPE_CHECKING:
    from flask import Flask

    from plugin.services import Services
    from tests.conftest import Backend

BOTH = pytest.mark.parametrize("backend", ["embedded", "server"], indirect=True)
names = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """Return the embedded one, unless a test asks for both."""
    found: Backend = request.getfixturevalue(getattr(request, "param", "embedded"))
    return found


def send_order(services: Services, app: Flask, name: str, url: str) -> None:
    """Deliver an order of a shop whose only vendor is at this address."""
    store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
    contract = contract_of(name)
    connect(services, store, name, url, **(contract.order_settings or contract.settings))
    topic = contract.order_topic
    raw = json.dumps(sent(topic.replace("/", "_"))).encode()
    posted = app.test_client().post("/webhooks/shopify", data=raw, headers=headers(raw, topic, "w"))
    assert posted.status_code == 200


ODD: dict[str, bytes] = {
    "a reason with a NUL": answer(400, {"error": {"message": "bad \0 zip"}, "message": "bad \0 zip"}),
    "a reason with half a surrogate": answer(400, {"error": {"message": "bad \ud800"}, "message": "bad \ud800"}),
    "a success with a NUL": answer(201, {"shipment": {"id": "a\0b", "status": "unpaid"}, "message": "\0"}),
    "a success with half a surrogate": answer(201, {"shipment": {"id": "\udfff", "status": "\ud800"}}),
    "nested 400 deep": answer(400, b'{"error":' * 400 + b"1" + b"}" * 400),
    "nested 900 deep": answer(200, b"[" * 900 + b"]" * 900),
    "nested 100,000 deep": answer(200, b"[" * 100_000),
    "a list": answer(200, [1, None]),
    "a number": answer(200, 5),
    "NaN": answer(201, b'{"shipment": {"id": NaN}, "status": NaN}'),
    "an endless id": answer(201, {"shipment": {"id": "9" * 100_000, "status": "x" * 100_000}}),
    "an endless reason": answer(400, {"error": {"message": "no " * 100_000}, "message": "no " * 100_000}),
    "a wait for ever": answer(429, {}, "Retry-After: " + "9" * 30),
    "a wait of ever so long": answer(503, {}, "Retry-After: " + "9" * 400),
    "two lengths": b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "a redirect to nowhere": answer(302, b"", "Location: http://[bad"),
    "a status nobody knows": answer(299, b""),
    "no content": answer(204, b""),
    "Latin-1": answer(400, '{"message": "défense"}'.encode("latin-1")),
    "UTF-16": answer(400, '{"message": "no"}'.encode("utf-16")),
}


@pytest.mark.parametrize("said", ODD.values(), ids=ODD)
@names
@BOTH
def test_no_answer_stops_the_line(services: Services, app: Flask, name: str, said: bytes) -> None:
    """It is written down as an attempt with an outcome, and the delivery rests or waits: nothing is left mid-air."""
    with Scripted(said) as vendor:
        send_order(services, app, name, vendor.url)
        for _ in range(3):
            turn(services)
            hurry(services)
    assert vendor.heard
    states = [item["state"] for item in owed(services)]
    assert "sending" not in states
    with services.database.read() as db:
        assert all(db.execute(select(attempts.c.outcome)).scalars())
        assert len(db.execute(select(attempts.c.id)).all()) >= 1


@names
def test_a_vendor_that_repeats_what_it_was_sent_is_not_quoted(services: Services, app: Flask, name: str) -> None:
    """Refusals quote the address or the name they dislike; attempts and reasons must not."""
    order = sent("orders_create")
    words = "; ".join(["not accepted", *sorted(personal(order))])
    document = {"error": {"message": words}, "message": words, "errors": {"name": [words]}, "status": False}
    with Scripted(answer(400, document)) as vendor:
        send_order(services, app, name, vendor.url)
        work_off(services)
    with services.database.read() as db:
        shown = [str(one) for one in db.execute(select(attempts))]
    shown += [str(item["reason"]) for item in owed(services)]
    assert any("not accepted" in text for text in shown)
    assert [word for word, text in itertools.product(personal(order), shown) if word in text] == []
