"""Bad input at the edge: whatever is sent, the answer is the promised one and nothing signed is lost."""

from __future__ import annotations

import base64
import io
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from plugin.operations import replay
from plugin.storage.tables import events as event_rows
from plugin.web.webhooks import LARGEST_BODY
from tests.support.running_line import events, owed, work_off
from tests.support.shop import headers, sent, sign

if TYPE_CHECKING:
    from typing_extensions import Buffer
    from werkzeug.test import TestResponse

    from tests.conftest import Backend
    from tests.support.shop import Shop

BOTH = pytest.mark.parametrize("backend", ["embedded", "server"], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """Return the embedded one, unless a test asks for both."""
    found: Backend = request.getfixturevalue(getattr(request, "param", "embedded"))
    return found


def is_quiet(answer: TestResponse) -> bool:
    """Whether the sender learns nothing of our insides."""
    return not any(word in answer.text for word in ("Traceback", 'File "', "sqlalchemy", "psycopg", "plugin."))


def changed(**changes: Any) -> bytes:  # noqa: ANN401  (any JSON value)
    """Return an order with some of its keys replaced; with `...` removed."""
    document = sent("orders_create") | changes
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


def with_line(**changes: Any) -> bytes:  # noqa: ANN401  (any JSON value)
    """Return an order whose first line is changed."""
    return changed(line_items=[sent("orders_create")["line_items"][0] | changes])


class Watched(io.BytesIO):
    """A body that knows whether anybody read it."""

    was_read = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Note it."""
        self.was_read = True
        return super().read(size)

    def readinto(self, buffer: Buffer, /) -> int:
        """Note it."""
        self.was_read = True
        return super().readinto(buffer)


MALFORMED = {
    "missing": None,
    "empty": "",
    "not base64": "!!! not base64 !!!",
    "hexadecimal, as other platforms send it": "ab" * 32,
    "not ASCII": "é" * 44,
    "cut": sign(b"{}")[:20],
    "too long": base64.b64encode(bytes(33)).decode(),
    "without its padding": sign(b"{}").rstrip("="),
    "two signatures": f"{sign(b'{}')},{sign(b'{}')}",
}


@pytest.mark.parametrize("signature", MALFORMED.values(), ids=MALFORMED)
def test_a_missing_or_malformed_signature_is_401_before_the_body_is_read(shop: Shop, signature: str | None) -> None:
    """Whoever can't sign costs us no memory, is answered 401, and leaves nothing behind."""
    named = headers(b"{}", "orders/create", "w") | {"X-Shopify-Hmac-SHA256": signature or ""}
    if signature is None:
        del named["X-Shopify-Hmac-SHA256"]
    body = Watched(changed())
    answer = shop.app.test_client().post("/webhooks/shopify", input_stream=body, headers=named)
    assert (answer.status_code, body.was_read) == (401, False)
    assert is_quiet(answer)
    assert events(shop.services) == []


@pytest.mark.parametrize("secret", ["another secret", "", "the app's secret "])
def test_a_signature_of_another_secret_is_401(shop: Shop, secret: str) -> None:
    """Only this store's secrets open its door."""
    assert shop.post("orders/create", sent("orders_create"), secret=secret).status_code == 401
    assert events(shop.services) == []


def test_a_signature_of_another_body_is_401(shop: Shop) -> None:
    """One changed byte is noticed."""
    raw = changed()
    answer = shop.app.test_client().post(
        "/webhooks/shopify", data=raw + b" ", headers=headers(raw, "orders/create", "w")
    )
    assert answer.status_code == 401


def test_the_previous_secret_stays_valid_beside_a_new_one(shop: Shop) -> None:
    """Shopify signs with the former secret for a while after a rotation; the one before that is gone."""
    for secret in ("the second", "the third"):
        shop.services.stores.add("shopify", shop.store.address, {"secret": secret}, None)
    statuses = [
        shop.post("orders/create", sent("orders_create"), secret=secret).status_code
        for secret in ("the third", "the second", "the app's secret")
    ]
    assert statuses == [200, 200, 401]


_deep = b'{"id":' * 10_000 + b"1" + b"}" * 10_000
UNREADABLE = {
    "no JSON": (b"this is no JSON", "not JSON"),
    "empty": (b"", "not JSON"),
    "cut off": (changed()[:500], "not JSON"),
    "nested 10,000 deep": (_deep, "nested deeper"),
    "nested 10,000 deep and never closed": (b"[" * 10_000, "nested deeper"),
    "NaN": (b'{"id": NaN}', "NaN"),
    "Infinity": (b'{"id": -Infinity}', "Infinity"),
    "not UTF-8": (b'{"id": "\xff\xfe"}', "not UTF-8"),
    "UTF-16": (changed().decode().encode("utf-16"), "not UTF-8"),
    "a NUL": (changed(note="a\0b"), "\\u0000"),
    "half a surrogate pair": (changed(note="a\ud800b"), "surrogate"),
    "an array": (b"[1, 2]", "array"),
    "a string": (b'"order"', "string"),
    "null": (b"null", "null"),
    "a number of 5,000 digits": (b'{"id": ' + b"9" * 5_000 + b"}", "not JSON"),
    "no id": (changed(id=...), "id:"),
    "no currency": (changed(currency=...), "currency:"),
    "no created_at": (changed(created_at=...), "created_at:"),
    "no total_price": (changed(total_price=...), "total_price:"),
    "no line_items": (changed(line_items=...), "line_items:"),
    "an id that was rounded": (changed(id=1.5e15), "id:"),
    "an id too long for its column": (changed(id="9" * 300), "id:"),
    "a time without an offset": (changed(created_at="2026-11-20T10:02:11"), "created_at:"),
    "a price that is true": (changed(total_price=True), "total_price:"),
    "lines that are text": (changed(line_items="two"), "line_items"),
    "a line without a quantity": (with_line(quantity=None), "line_items.0.quantity:"),
    "a quantity as text": (with_line(quantity="2"), "line_items.0.quantity:"),
    "an address that is a list": (changed(shipping_address=["1 Main St"]), "shipping_address"),
    "a customer that is a number": (changed(customer=7), "customer"),
}


@pytest.mark.parametrize(("raw", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_signed_body_that_cannot_be_read_is_kept_and_held(shop: Shop, raw: bytes, words: str) -> None:
    """It was signed, so it is ours to look at: 200, stored byte for byte, held with the field named."""
    answer = shop.post_raw("orders/create", raw)
    assert (answer.status_code, is_quiet(answer)) == (200, True)
    work_off(shop.services)
    (event,) = events(shop.services)
    assert event["state"] == "held"
    assert words in event["reason"]
    held = owed(shop.services, action="map", state="held")
    assert {item["connection"] for item in held} == {shop.chitchats.id, shop.chrts.id}
    assert all(words in item["reason"] for item in held)
    assert len(owed(shop.services)) == 2


@BOTH
def test_one_that_cannot_be_read_stops_none_of_the_others(shop: Shop) -> None:
    """Both databases take every bad body, and the order that arrived among them is booked and counted."""
    for raw, _ in UNREADABLE.values():
        assert shop.post_raw("orders/create", raw).status_code == 200
    assert shop.post("orders/create", sent("orders_create")).status_code == 200
    work_off(shop.services)
    assert len(shop.booked()) == len(shop.tracked("Order Completed")) == 1
    assert [event["state"] for event in events(shop.services)] == ["held"] * len(UNREADABLE) + ["routed"]


def test_nothing_is_lost_once_what_was_held_can_be_read(shop: Shop) -> None:
    """After a fix, `replay` of the held deliveries books and counts the order, and nothing stays held."""
    shop.post_raw("orders/create", changed(currency=...))
    work_off(shop.services)
    # What a mapping mended by a new release would see.
    with shop.services.database.write() as db:
        db.execute(update(event_rows).values(body=zlib.compress(changed())))
    found = replay.deliveries_to_replay(shop.services.database, replay.Selection(state="held"))
    replay.replay_deliveries(shop.services.database, found)
    work_off(shop.services)
    assert len(shop.booked()) == len(shop.tracked("Order Completed")) == 1
    assert {item["state"] for item in owed(shop.services)} == {"done"}


def test_what_is_still_unreadable_after_a_replay_is_held_again(shop: Shop) -> None:
    """A replay that changes nothing loses nothing and doubles nothing."""
    shop.post_raw("orders/create", b"[]")
    work_off(shop.services)
    for _ in range(2):
        found = replay.deliveries_to_replay(shop.services.database, replay.Selection(state="held"))
        replay.replay_deliveries(shop.services.database, found)
        work_off(shop.services)
    assert [item["state"] for item in owed(shop.services)] == ["held", "held"]


def test_a_body_over_ten_megabytes_is_413(shop: Shop) -> None:
    """One byte too much is refused, whoever signed it."""
    raw = b'"' + b"x" * (LARGEST_BODY - 1) + b'"'
    answer = shop.post_raw("orders/create", raw)
    assert (answer.status_code, is_quiet(answer)) == (413, True)
    assert events(shop.services) == []


def test_a_body_of_exactly_ten_megabytes_is_stored(shop: Shop) -> None:
    """The limit itself is allowed."""
    raw = b'"' + b"x" * (LARGEST_BODY - 2) + b'"'
    assert shop.post_raw("orders/create", raw).status_code == 200
