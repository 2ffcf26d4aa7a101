"""Bodies are stored compressed, and whatever else is found in their place stops nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from plugin.storage.compression import compress, decompress
from plugin.storage.tables import deliveries
from tests.support.deliveries import Books, a_step

if TYPE_CHECKING:
    from plugin.services import Services


MESSAGE = b'{"userId":"u","event":"Order Completed"}' * 20


@given(st.binary(max_size=20_000))
def test_a_body_comes_back_as_it_was(body: bytes) -> None:
    """Whatever it is; and stored it is never empty, which means erased."""
    assert compress(body) != b""
    assert decompress(compress(body)) == body


@given(st.binary(max_size=200))
def test_what_is_no_compressed_body_is_none_or_plain(stored: bytes) -> None:
    """Erased, damaged, or left by an earlier version as it was: never an exception."""
    found = decompress(stored)
    assert found == stored if stored.startswith(b"{") else found is None or compress(found)


def test_a_message_is_stored_small_and_leased_whole(services: Services) -> None:
    """What is written three times until a delivery is done is written compressed."""
    books = Books.open(services)
    books.plan(a_step("a", message=MESSAGE))
    with services.database.read() as db:
        stored = db.execute(select(deliveries.c.message)).scalar_one()
    assert len(stored) < len(MESSAGE) / 4
    assert books.lease()[0].message == MESSAGE


def test_a_message_of_an_earlier_version_is_leased_as_it_is(services: Services) -> None:
    """Those were stored plain, and still wait when the new version starts."""
    books = Books.open(services)
    books.plan(a_step("a", message=MESSAGE))
    books.change(message=MESSAGE)
    assert books.lease()[0].message == MESSAGE
