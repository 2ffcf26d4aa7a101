"""A success of Chit Chats that can't be read may have booked all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.destinations.test_odd_answers import ODD, send_order
from tests.support.running_line import hurry, turn
from tests.support.scripted_vendor import Scripted, answer

if TYPE_CHECKING:
    from flask import Flask

    from plugin.services import Services
    from tests.conftest import Backend


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.mark.parametrize("said", [ODD["two lengths"], ODD["a success with a NUL"], ODD["NaN"]])
def test_a_success_that_cannot_be_read_books_nothing_twice(services: Services, app: Flask, said: bytes) -> None:
    """The vendor said 201, so the booking may exist: it is looked up, and never made again on a guess."""
    with Scripted(said, answer(200, b"<html>")) as vendor:
        send_order(services, app, "chitchats", vendor.url)
        for _ in range(6):
            turn(services)
            hurry(services)
    assert [heard.split(b" ", 1)[0] for heard in vendor.heard].count(b"POST") == 1
