"""What an answer or its absence means for any vendor, and how long a vendor may make us wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from plugin.core.outcome import Deferred, Rejected, Unknown
from plugin.core.redaction import redacted_reason
from plugin.core.response import Failure, Response, retry_after
from plugin.core.step import Request
from plugin.delivery.classify import classify

if TYPE_CHECKING:
    from collections.abc import Mapping


NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def asked(text: str) -> timedelta | None:
    """Return what this `Retry-After` asks for."""
    return retry_after(Response(status=429, headers={"Retry-After": text}, body=b""))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0", 0), ("7", 7), (" 7 ", 7), ("120", 120), ("3601", 3600), ("86400", 3600)),
        *(("99999999999999999999", 3600), ("9" * 400, 3600)),
        *(("", None), ("soon", None), ("-5", None), ("1.5", None), ("1e3", None), ("nan", None), ("²", None)),
        *((format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90), ("Fri, 20 Nov 2026 11:00:00 GMT", 0)),
        *(("Fri, 20 Nov 2099 11:00:00 GMT", 3600), ("Fri, 20 Nov 2026 12:01:00 -0000", 60)),
        *(("Fri, 99 Nov 2026 11:00:00 GMT", None), ("Fri, 20 Nov 99999 11:00:00 GMT", None)),
    ],
)
def test_retry_after_is_obeyed_as_far_as_it_makes_sense(text: str, seconds: float | None) -> None:
    """Seconds or a date, never more than an hour; anything else counts as not said."""
    with freeze_time(NOW):
        found = asked(text)
    assert found == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text(max_size=60) | st.integers().map(str) | st.datetimes().map(format_datetime))
def test_no_retry_after_is_an_error(text: str) -> None:
    """Whatever a vendor writes there, the round goes on."""
    found = asked(text)
    assert found is None or timedelta() <= found <= timedelta(hours=1)


def said(status: int, headers: Mapping[str, str] | None = None, *, repeatable: bool = False) -> object:
    """Return what an answer with this status means."""
    return classify(Response(status=status, headers=headers or {}, body=b""), repeatable=repeatable)


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 409, 422])
def test_successes_and_refusals_in_words_are_left_to_the_destination(status: int) -> None:
    """Only the vendor's own module knows its bodies."""
    assert said(status) is None


def test_429_closes_the_lane_for_as_long_as_the_vendor_says() -> None:
    """With `Retry-After` that long, without it ten seconds; nothing was carried out, so there is no doubt."""
    for headers, seconds in (({"Retry-After": "7"}, 7), ({}, 10)):
        outcome = said(429, headers)
        assert isinstance(outcome, Deferred)
        assert (outcome.after, outcome.block, outcome.doubtful) == (timedelta(seconds=seconds), True, False)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599, 408, 425])
def test_a_5xx_may_have_been_carried_out(status: int) -> None:
    """A proxy's 504 comes after a booking was made, so it is looked up; a repeatable call is simply repeated."""
    for repeatable in (False, True):
        outcome = said(status, repeatable=repeatable)
        assert isinstance(outcome, Deferred)
        assert (outcome.doubtful, outcome.block) == (not repeatable, False)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_pause_the_connection(status: int) -> None:
    """Every further call would be refused too, and some vendors lock accounts for it."""
    outcome = said(status)
    assert isinstance(outcome, Deferred)
    assert outcome.pause


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_names_the_setting(status: int) -> None:
    """Following it would carry the token to wherever it points."""
    outcome = said(status)
    assert isinstance(outcome, Rejected)
    assert "--base-url" in outcome.reason


@pytest.mark.parametrize(
    ("failure", "repeatable", "kind"),
    [
        (Failure(sent=False, reason="refused"), False, Deferred),
        (Failure(sent=False, reason="refused"), True, Deferred),
        (Failure(sent=True, reason="cut"), True, Deferred),
        (Failure(sent=True, reason="cut"), False, Unknown),
        (Failure(sent=True, reason="late", timed_out=True), False, Unknown),
    ],
)
def test_what_no_answer_means(failure: Failure, repeatable: bool, kind: type) -> None:  # noqa: FBT001
    """Not sent: again. Sent: again only if that does no harm, else it is found out."""
    assert isinstance(classify(failure, repeatable=repeatable), kind)


def test_a_reason_that_is_nested_absurdly_is_looked_at_once() -> None:
    """However deep, each part is read once; a lane's thread would never come back otherwise."""
    document: object = {"n": 1}
    for _ in range(45):
        document = {"errors": document, "more": 2}
    answer = Response(status=400, headers={}, body=json.dumps(document).encode())
    assert redacted_reason(answer, Request(method="POST", path="/"), None) == "400 without a reason"


def test_names_of_fields_are_reasons_only_beside_what_was_sent() -> None:
    """What a person is called can be hidden only where the request is at hand."""
    answer = Response(status=400, headers={}, body=b'{"errors": {"name": "Jane Doe is no name"}}')
    sent = Request(method="POST", path="/", body={"name": "Jane Doe"})
    assert redacted_reason(answer, sent, None) == "400: name: • is no name"
    assert redacted_reason(answer, None, None) == "400 without a reason"
