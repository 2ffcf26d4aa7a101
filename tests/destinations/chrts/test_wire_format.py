"""chrts in its second mode: Segment's wire format, to the address that the operator names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Topic
from mappings.schemas.schema import BodyIncomplete
from plugin.core.errors import ConfigError
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.response import Response
from plugin.core.step import Request
from plugin.core.vendor_profile import StatusMeaning
from plugin.destinations.base import loss_outcome
from tests.destinations.segment.connection import Line, documents, order

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.sandbox import Sandbox

CREATED = Topic.ORDER_CREATED


def wired(**given: str) -> Line:
    """Return a connection to chrts in Segment's format."""
    return Line.to("chrts", wire="segment", **{f"wire_{name}": value for name, value in given.items()})


def read(status: int, document: object) -> list[Outcome]:
    """Return what an answer means for identify, alias and track of an order."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    line, answer = wired(), Response(status=status, headers={}, body=raw)
    return [line.read(work, answer) for work in line.works(CREATED, order())]


def test_every_message_is_taken(sandbox: Sandbox) -> None:
    """The same messages as Segment's, in calls of many."""
    line = wired()
    works = [work for topic, document, history in documents() for work in line.works(topic, document, history)]
    assert {type(one) for one in line.send(sandbox.base_url, works)} == {Accepted}
    state = sandbox.emulators["segment"].state()
    assert (state["dropped"], len(state["batches"])) == ([], 1)
    assert len(state["messages"]) + state["repeats"] == len(works)


def test_messages_differ_from_segment_s_by_their_ids_alone() -> None:
    """One mapping for both; the ids are of another account."""
    mine, others = (
        [json.loads(line.item(work)) for work in line.works(CREATED, order())]
        for line in (wired(), Line.to(write_key="another"))
    )
    assert {one.pop("messageId") for one in mine} & {one.pop("messageId") for one in others} == set()
    assert mine == others


def test_natively_nothing_of_it_is_sent() -> None:
    """The default stays chrts' own three calls, one message each."""
    line = Line.to("chrts")
    assert line.profile.batch is None
    assert line.vendor.warnings(line.values) == ()
    request = line.vendor.build_request(line.works(CREATED, order(), planned=False)[-1])
    assert isinstance(request, Request)
    assert request.path == "/event/track"


@pytest.mark.parametrize(
    ("settings", "path", "headers", "extra"),
    [
        ({}, "/v1/batch", {"Authorization": "Basic dGhlLWtleTo="}, set()),
        ({"auth": "bearer", "path": "single"}, "/v1/track", {"Authorization": "Bearer the-key"}, set()),
        ({"auth": "header", "path": "/segment/batch"}, "/segment/batch", {"X-Write-Key": "the-key"}, set()),
        ({"auth": "body"}, "/v1/batch", {}, {"writeKey"}),
    ],
)
def test_path_and_auth_are_the_operator_s(
    settings: dict[str, str], path: str, headers: dict[str, str], extra: set[str]
) -> None:
    """Neither is known, so each is a setting (docs/vendors/chrts.md §6)."""
    line = wired(**settings)
    call = line.call(line.works(CREATED, order())[-1:])
    assert (call.path, call.headers) == (path, headers)
    assert isinstance(call.body, bytes)
    assert ("writeKey" in json.loads(call.body)) == bool(extra)


def test_caps_are_settings() -> None:
    """With Segment's as defaults, since chrts publishes none; a message over them is held with the setting named."""
    line = wired(batch_items="7", batch_bytes="70000", item_bytes="1500")
    assert (line.batch.items, line.batch.size) == (7, 70_000)
    assert (wired().batch.items, wired().batch.size) == (2_500, 500_000)
    with pytest.raises(BodyIncomplete, match="`wire_item_bytes`"):
        line.vendor.build_request(line.works(CREATED, order(), planned=False)[-1])


def test_an_operator_is_told_that_the_address_is_theirs_to_name() -> None:
    """Chrts publishes none for this format."""
    line = wired()
    (note,) = line.vendor.warnings(line.values)
    assert "--base-url" in note


@pytest.mark.parametrize("given", [{"wire": "posthog"}, {"wire_path": "x"}, {"wire_auth": "x"}, {"wire_reply": "x"}])
def test_settings_are_checked(given: dict[str, str]) -> None:
    """A wrong one is named."""
    with pytest.raises(ConfigError, match=next(iter(given))):
        Line.to("chrts", **given)


def test_success_is_200_and_true() -> None:
    """Chrts' own rule: `status` true; Segment's `success` says the same."""
    for document in ({"status": True, "code": 200}, {"success": True}):
        assert read(200, document) == [Accepted()] * 3


def test_a_plain_no_is_a_refusal() -> None:
    """In a 200, and with 400."""
    for status in (200, 400):
        found = read(status, {"status": False, "code": 400, "message": "Event name is required"})
        assert {type(one) for one in found} == {Rejected}
        assert all("Event name is required" in getattr(one, "reason", "") for one in found)


@pytest.mark.parametrize("document", [b"<html>", b"", {}, {"status": "true"}, []])
def test_a_200_that_says_neither_is_no_certainty(document: object) -> None:
    """Telling who somebody is does no harm twice; a sale may have been counted."""
    assert [type(one) for one in read(200, document)] == [Deferred, Deferred, Unknown]


def test_a_lost_count_follows_the_operator_s_choice() -> None:
    """Whether chrts knows a message again is unknown, so a call with a track is not simply repeated."""
    line = wired()
    identify, alias, track = line.works(CREATED, order())
    assert [line.call([one]).repeatable for one in (identify, alias, track)] == [True, True, False]
    assert not line.call([identify, track]).repeatable
    assert isinstance(loss_outcome(line.vendor, identify, 9), Deferred)
    assert [type(loss_outcome(line.vendor, track, losses)) for losses in (1, 2)] == [Deferred, Rejected]
    never: dict[str, Any] = {"lost_track": "never"}
    strict = Line.to("chrts", wire="segment", **never)
    assert isinstance(loss_outcome(strict.vendor, strict.works(CREATED, order())[-1], 1), Rejected)


def test_a_wrong_address_pauses() -> None:
    """It is no message's fault."""
    assert wired().profile.status_meanings[404] is StatusMeaning.PAUSED
