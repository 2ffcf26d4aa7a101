"""Bad input around the body: topics, ids, addresses nobody has, and a database or a Redis that is away."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from plugin.app import create_app
from plugin.runtime import clock
from plugin.storage import queries
from tests.conftest import wait_until
from tests.support.running_line import events, owed, running, work_off
from tests.support.shop import headers, sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from tests.conftest import Backend
    from tests.support.shop import Shop

BOTH = pytest.mark.parametrize("backend", ["embedded", "server"], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """Return the embedded one, unless a test asks for both."""
    found: Backend = request.getfixturevalue(getattr(request, "param", "embedded"))
    return found


def post(app: Flask, path: str, **other: str) -> TestResponse:
    """Post a well-signed order to any path of any application."""
    raw = json.dumps(sent("orders_create")).encode()
    answer = app.test_client().post(path, data=raw, headers=headers(raw, "orders/create", "w", **other))
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    return answer


def without(shop: Shop, name: str) -> TestResponse:
    """Post a well-signed order that lacks one header."""
    raw = json.dumps(sent("orders_create")).encode()
    kept = {key: value for key, value in headers(raw, "orders/create", "w").items() if key != name}
    return shop.app.test_client().post("/webhooks/shopify", data=raw, headers=kept)


@pytest.mark.parametrize("topic", ["orders/exploded", "", "x" * 5_000, "orders/créate", "../../etc", "ORDERS/CREATE"])
@BOTH
def test_a_topic_nobody_described_is_kept_and_reported(shop: Shop, topic: str) -> None:
    """200, stored, state `unknown` with a reason, and nothing is guessed from it."""
    assert shop.post(topic, sent("orders_create")).status_code == 200
    work_off(shop.services)
    (event,) = events(shop.services)
    assert (event["state"], owed(shop.services)) == ("unknown", [])
    assert "nothing is known of the topic" in event["reason"]


def test_a_webhook_without_a_topic_is_kept_and_reported(shop: Shop) -> None:
    """A missing header is an unknown topic."""
    assert without(shop, "X-Shopify-Topic").status_code == 200
    work_off(shop.services)
    assert [event["state"] for event in events(shop.services)] == ["unknown"]


def test_a_topic_left_alone_on_purpose_says_why(shop: Shop) -> None:
    """200, stored, state `ignored`, and the reason is one a merchant understands."""
    assert shop.post("draft_orders/create", {"id": 1}).status_code == 200
    work_off(shop.services)
    (event,) = events(shop.services)
    assert (event["state"], owed(shop.services)) == ("ignored", [])
    assert "a draft is no order yet" in event["reason"]


@BOTH
def test_the_same_webhook_again_is_200_and_stored_once(shop: Shop) -> None:
    """Shopify repeats what it believes unheard; it is told 200 and nothing happens twice."""
    for _ in range(3):
        assert shop.post("orders/create", sent("orders_create"), "the same").status_code == 200
        work_off(shop.services)
    assert len(events(shop.services)) == len(shop.booked()) == len(shop.tracked("Order Completed")) == 1


@pytest.mark.parametrize("webhook_id", ["y" * 5_000, "é", "'; DROP TABLE events; --"])
@BOTH
def test_a_strange_webhook_id_still_tells_webhooks_apart(shop: Shop, webhook_id: str) -> None:
    """The header is unsigned, so anything may be in it."""
    for name in (webhook_id, webhook_id, webhook_id + "2"):
        assert shop.post("orders/create", sent("orders_create"), name).status_code == 200
    assert len(events(shop.services)) == 2


def test_a_webhook_without_an_id_is_named_by_its_topic_and_body(shop: Shop) -> None:
    """Sent twice it is still stored once."""
    assert [without(shop, "X-Shopify-Webhook-Id").status_code for _ in range(2)] == [200, 200]
    assert len(events(shop.services)) == 1


def test_the_same_webhook_id_of_two_shops_is_two_events(shop: Shop) -> None:
    """Ids are a shop's own, and nobody can silence another shop by using its ids first."""
    other = shop.services.stores.add("shopify", "other.myshopify.com", {"secret": "s2"}, None)
    assert post(shop.app, "/webhooks/shopify").status_code == 200
    assert post(shop.app, "/webhooks/shopify", secret="s2", address="other.myshopify.com").status_code == 200
    assert {event["store"] for event in events(shop.services)} == {shop.store.id, other.id}


@pytest.mark.parametrize(
    "path",
    [
        *("/webhooks/shopify/no-such-store", "/webhooks/nosuchplatform", "/webhooks/nosuchplatform/1"),
        *("/webhooks/shopify/%00", "/webhooks/%00", "/webhooks/shopify/%ff%fe", "/webhooks/base", "/webhooks/shopify/"),
        *("/webhooks/..%2f..", "/webhooks/shopify/" + "x" * 3_000, "/webhooks", "/nothing/here"),
    ],
)
@BOTH
def test_an_address_nobody_has_is_404(shop: Shop, path: str) -> None:
    """Unknown platforms, stores and anything that was guessed."""
    assert post(shop.app, path).status_code == 404
    assert events(shop.services) == []


def test_a_shop_nobody_added_is_404(shop: Shop) -> None:
    """The shop header selects the store; it selects nothing here."""
    assert post(shop.app, "/webhooks/shopify", address="stranger.myshopify.com").status_code == 404
    assert without(shop, "X-Shopify-Shop-Domain").status_code == 404


def test_a_store_s_address_refuses_webhooks_that_name_another_shop(shop: Shop) -> None:
    """The store in the path and the shop in the header must not contradict each other."""
    path = f"/webhooks/shopify/{shop.store.id}"
    assert post(shop.app, path, address="other.myshopify.com").status_code == 404
    assert post(shop.app, path).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_any_other_method_is_405(shop: Shop, method: str) -> None:
    """Only POST delivers."""
    assert shop.app.test_client().open("/webhooks/shopify", method=method).status_code == 405


@contextmanager
def elsewhere(shop: Shop, **changes: Any) -> Iterator[Flask]:  # noqa: ANN401  (any setting)
    """Return the same application with other settings."""
    app = create_app(replace(shop.services.settings, **changes))
    yield app
    app.extensions["crossdock"].close()


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:///{folder}"])
def test_a_database_that_is_away_is_503_so_that_the_sender_keeps_it(shop: Shop, tmp_path: Path, url: str) -> None:
    """Nothing was stored, so Shopify has to come again, and is told when."""
    with elsewhere(shop, database_url=url.format(folder=tmp_path)) as app:
        answer = post(app, "/webhooks/shopify")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "30")


@pytest.mark.parametrize("backend", ["server"], indirect=True)
def test_a_database_without_our_tables_is_503(shop: Shop) -> None:
    """A server whose database nobody migrated yet takes nothing, and what is sent to it is not lost."""
    url = shop.services.database.engine.url.set(database="postgres").render_as_string(hide_password=False)
    with elsewhere(shop, database_url=url) as app:
        answer = post(app, "/webhooks/shopify")
    assert answer.status_code == 503


def test_secrets_sealed_with_a_lost_key_are_503(shop: Shop) -> None:
    """A wrong SECRET_KEY is our trouble, not the sender's: it keeps the webhook until it is mended."""
    with elsewhere(shop, secret_keys=("another key",)) as app:
        answer = post(app, "/webhooks/shopify")
    assert answer.status_code == 503


@BOTH
def test_without_redis_a_webhook_is_taken_and_the_clock_finds_it(shop: Shop, environment: Mapping[str, str]) -> None:
    """200 while Redis is away; when it is back, one tick of the clock gets the order booked."""
    with elsewhere(shop, redis_url="unix:///nowhere/redis.sock") as lame:
        answer = post(lame, "/webhooks/shopify")
    assert answer.status_code == 200
    assert clock.tick(shop.services)
    with running("clock", environment), running("worker", environment):
        wait_until(lambda: len(shop.booked()) == len(shop.tracked("Order Completed")) == 1)


def test_an_emptied_redis_loses_nothing(shop: Shop, environment: Mapping[str, str]) -> None:
    """Jobs, bell and rate slots may vanish at any moment: the clock rings again for what SQL says is owed."""
    assert shop.post("orders/create", sent("orders_create")).status_code == 200
    # The web process rings from a thread of its own; what it rang must be lost too.
    shop.app.extensions["crossdock"].wake_up_thread.close()
    shop.services.redis.flushdb()
    assert clock.tick(shop.services)
    with running("clock", environment), running("worker", environment):
        wait_until(lambda: queries.is_idle(shop.services.database))
    assert len(shop.booked()) == 1
