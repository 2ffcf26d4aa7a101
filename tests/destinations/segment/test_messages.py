"""Segment and its kin: what is sent to whom, that it fits, and what is read of answers."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Topic
from mappings.destinations.segment import PRESETS
from mappings.schemas.schema import BodyIncomplete, PayloadRejected
from plugin.core.errors import ConfigError
from plugin.core.outcome import Accepted, Deferred, Rejected
from plugin.core.response import Response
from plugin.core.vendor_profile import StatusMeaning
from plugin.destinations.base import lookup_of, lookup_outcome, loss_outcome
from plugin.operations.connections import values_of
from tests.destinations.segment.connection import AT, STORE, Line, documents, order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.core.outcome import Outcome
    from plugin.core.step import Request
    from plugin.sandbox import Emulator, Sandbox

CREATED = Topic.ORDER_CREATED
BASIC = "Basic " + base64.b64encode(b"the-key:").decode()


def body(request: Request) -> dict[str, Any]:
    """Return the JSON of a call."""
    assert isinstance(request.body, bytes)
    document: dict[str, Any] = json.loads(request.body)
    return document


def kind(sandbox: Sandbox, **settings: Any) -> Emulator:  # noqa: ANN401  (settings of an emulator)
    """Return the emulated receiver, as it is today."""
    emulator = sandbox.emulators["segment"]
    emulator.configure(**settings)
    return emulator


@pytest.mark.parametrize("preset", PRESETS)
def test_every_message_is_taken_by_the_receiver_it_is_meant_for(sandbox: Sandbox, preset: str) -> None:
    """Every canonical sample, in one call, to each kind of receiver: nothing refused, nothing dropped afterwards."""
    emulator, line = kind(sandbox, preset=preset), Line.to(preset=preset)
    works = [work for topic, document, history in documents() for work in line.works(topic, document, history)]
    assert {type(one) for one in line.send(sandbox.base_url, works)} == {Accepted}
    state = emulator.state()
    assert state["dropped"] == []
    assert len(state["messages"]) + state["repeats"] == len(works)


@pytest.mark.parametrize("auth", ["basic", "body"])
@pytest.mark.parametrize("path", ["batch", "single"])
def test_each_way_to_send_is_understood(sandbox: Sandbox, path: str, auth: str) -> None:
    """One message to a call at the address of its kind, or all in one; the key in the header or in the body."""
    emulator, line = kind(sandbox), Line.to(path=path, auth=auth)
    for work in line.works(CREATED, order()):
        assert line.send(sandbox.base_url, [work]) == [Accepted()]
    state = emulator.state()
    assert [one["type"] for one in state["messages"]] == ["identify", "alias", "track"]
    assert state["dropped"] == []


def test_jitsu_s_own_path_is_understood(sandbox: Sandbox) -> None:
    """`s2s` is its address of batches from servers; it has none for single messages below /v1."""
    kind(sandbox, preset="jitsu")
    works = Line.to().works(CREATED, order())
    assert Line.to(preset="jitsu", path="s2s").send(sandbox.base_url, works) == [Accepted()] * 3
    single = Line.to(preset="jitsu", path="single").send(sandbox.base_url, works[:1])
    assert isinstance(single[0], Rejected)


@pytest.mark.parametrize(
    ("settings", "path", "headers"),
    [
        ({}, "/v1/batch", {"Authorization": BASIC}),
        ({"preset": "rudderstack"}, "/v1/batch", {"Authorization": BASIC}),
        ({"preset": "jitsu"}, "/v1/batch", {"X-Write-Key": "the-key"}),
        ({"preset": "customerio"}, "/v1/batch", {"Authorization": BASIC}),
        ({"preset": "jitsu", "path": "s2s", "auth": "basic"}, "/api/s/s2s/batch", {"Authorization": BASIC}),
        (
            {"path": "/api/public/apps/batch", "auth": "basic_encoded"},
            "/api/public/apps/batch",
            {"Authorization": "Basic the-key"},
        ),
        ({"auth": "bearer"}, "/v1/batch", {"Authorization": "Bearer the-key"}),
        ({"auth": "body"}, "/v1/batch", {}),
        ({"path": "single"}, "/v1/track", {"Authorization": BASIC}),
    ],
)
def test_where_it_goes_and_who_signs(settings: dict[str, str], path: str, headers: dict[str, str]) -> None:
    """A preset gives the defaults, a setting wins over it."""
    line = Line.to(**settings)
    call = line.call(line.works(CREATED, order())[-1:])
    assert (call.method, call.path, call.headers) == ("POST", path, headers)
    assert body(call).get("writeKey") == ("the-key" if settings.get("auth") == "body" else None)


def test_the_envelope_is_the_documented_one() -> None:
    """Messages in a list, and the time they are sent at; no key in what is stored of a call."""
    line = Line.to()
    call = line.call(line.works(CREATED, order()))
    assert body(call).keys() == {"batch", "sentAt"}
    assert "the-key" not in str(call.body)
    assert body(line.batch.bundle([], AT)) == {"batch": [], "sentAt": "2026-11-20T17:00:00.250Z"}


def test_sent_at_is_of_the_attempt_and_nothing_else_changes(sandbox: Sandbox) -> None:
    """Two hours later the same messages go out with another `sentAt`, or the receiver would move the event by them."""
    emulator, line = kind(sandbox, repeat_seconds=0.0), Line.to()
    works = line.works(CREATED, order())
    first, second = (line.call(works, AT + timedelta(hours=hours)) for hours in (0, 2))
    assert body(first)["batch"] == body(second)["batch"]
    assert body(second)["sentAt"] == "2026-11-20T19:00:00.250Z"
    now = datetime.now(UTC)
    for at in (now - timedelta(hours=2), now):
        line.send(sandbox.base_url, works[-1:], at)
    stale, fresh = (moment(one["timestamp"]) - order().placed_at for one in emulator.state()["events"])
    assert timedelta(hours=2) <= stale < timedelta(hours=2, seconds=30)
    assert timedelta() <= fresh < timedelta(seconds=30)


def moment(text: str) -> datetime:
    """Return a time as a receiver stored it."""
    return datetime.fromisoformat(text)


def test_a_planned_message_is_what_would_be_mapped_anew() -> None:
    """What was mapped while it was planned, and what is mapped from the event after settings changed, are the same."""
    line = Line.to()
    for topic, document, history in documents():
        planned = [line.item(work) for work in line.works(topic, document, history)]
        assert planned == [line.item(work) for work in line.works(topic, document, history, planned=False)]


def test_a_step_without_its_event_is_held() -> None:
    """Erased, or of a topic that no longer tells it."""
    line = Line.to()
    work = line.works(CREATED, order(), planned=False)[-1]
    with pytest.raises(PayloadRejected, match="no document"):
        line.vendor.build_request(dataclasses.replace(work, document=None))
    with pytest.raises(PayloadRejected, match="no longer calls for track Order Completed"):
        line.vendor.build_request(dataclasses.replace(work, topic=Topic.ORDER_CANCELLED))


def test_calls_may_be_repeated_and_are_never_looked_up() -> None:
    """The receiver knows a message by its id."""
    line = Line.to()
    works = line.works(CREATED, order())
    assert line.call(works).repeatable
    assert lookup_of(line.vendor, works[0]) is None
    assert lookup_outcome(line.vendor, works[0], said(200, {})) is None
    assert isinstance(loss_outcome(line.vendor, works[0], 1), Deferred)


def test_accounts_are_told_apart_without_telling_the_key() -> None:
    """The account is the key's fingerprint, and part of each message's id unless another name is given."""
    one, other = Line.to(), Line.to(write_key="another")
    assert one.vendor.account(one.values) != one.vendor.account(other.values)
    assert "the-key" not in one.vendor.account(one.values)
    moved = Line.to(write_key="another", namespace=one.vendor.account(one.values))
    ids = [json.loads(line.item(line.works(CREATED, order())[-1]))["messageId"] for line in (one, other, moved)]
    assert (ids[0] == ids[1], ids[0] == ids[2]) == (False, True)


def test_integrations_are_the_operator_s() -> None:
    """Names are case-sensitive, so they go out as they are given."""
    line = Line.to(integrations='{"All": false, "Mixpanel": true}')
    item = json.loads(line.item(line.works(CREATED, order())[0]))
    assert item["integrations"] == {"All": False, "Mixpanel": True}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("preset", "posthog", "one of segment"),
        ("path", "v1/batch", "path such as"),
        ("path", "/v1/batch/", "path such as"),
        ("path", "/a?b=c", "path such as"),
        ("auth", "digest", "one of basic"),
        ("batch_items", "0", "above 0"),
        ("batch_bytes", "-5", "above 0"),
        ("item_bytes", "32 KB", "above 0"),
        ("reply", "hope", "one of status"),
        ("integrations", "[]", "JSON object"),
        ("integrations", "All", "JSON object"),
        ("write_key", "a\nb", "printable"),
    ],
)
def test_settings_are_checked(key: str, value: str, words: str) -> None:
    """A wrong one is named with what would be right."""
    with pytest.raises(ConfigError, match=words):
        Line.to(**{key: value})


def test_an_operator_is_told_what_only_they_know() -> None:
    """The region of a workspace, or the address of a receiver of one's own."""
    for preset, words in (("segment", "EU"), ("rudderstack", "--base-url"), ("jitsu", "--base-url")):
        line = Line.to(preset=preset)
        assert any(words in note for note in line.vendor.warnings(line.values))


def test_a_key_is_required() -> None:
    """Without one nothing is accepted, though Segment might answer 200."""
    line = Line.to()
    with pytest.raises(ConfigError, match="write_key"):
        values_of(line.vendor, {})


def said(status: int, document: object) -> Response:
    """Return an answer; anything but bytes is JSON."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Response(status=status, headers={}, body=raw)


def read(answer: Response, **settings: str) -> list[Outcome]:
    """Return what an answer means for each of the three messages of an order."""
    line = Line.to(**settings)
    return [line.read(work, answer) for work in line.works(CREATED, order())]


@pytest.mark.parametrize(
    ("preset", "answer"),
    [
        ("segment", said(200, {"success": True})),
        ("segment", said(200, b"")),
        ("segment", said(204, b"")),
        ("customerio", said(200, {})),
        ("rudderstack", said(200, b"OK")),
        ("rudderstack", said(200, b'"OK"')),
        ("jitsu", said(200, {"ok": True, "receivedEvents": 3, "okEvents": 3})),
    ],
)
def test_taken(preset: str, answer: Response) -> None:
    """What each kind of receiver says when it takes them."""
    assert read(answer, preset=preset) == [Accepted()] * 3


@pytest.mark.parametrize(
    ("preset", "answer"),
    [
        ("segment", said(200, b"<html>hello</html>")),
        ("rudderstack", said(200, {"fine": True})),
        ("rudderstack", said(200, b"")),
        ("jitsu", said(200, b"OK")),
        ("jitsu", said(200, {"ok": True})),
    ],
)
def test_a_200_that_says_something_else_is_sent_again(preset: str, answer: Response) -> None:
    """It may have come from somebody in between; sending again does no harm, the ids are the same."""
    assert {type(one) for one in read(answer, preset=preset)} == {Deferred}


@pytest.mark.parametrize("status", [200, 400])
def test_a_wrong_key_pauses_the_connection(status: int) -> None:
    """Segment tells of it with 400 and words; every further message would be refused as well."""
    refusal = {"success": False, "message": "An invalid write key was provided", "code": "invalid"}
    for one in read(said(status, refusal)):
        assert isinstance(one, Deferred)
        assert one.pause
        assert "invalid write key" in one.reason


def test_a_refusal_is_given_in_the_receiver_s_words() -> None:
    """And without what was sent to it."""
    name = str(order().email)
    for one in read(said(400, {"message": f"too large for {name}"})):
        assert isinstance(one, Rejected)
        assert one.reason.startswith("400: too large for ")
        assert name not in one.reason


def test_one_bad_message_in_a_200_is_refused_alone() -> None:
    """Where the receiver names it; where it does not, all are refused, so that the line sends them by halves."""
    line = Line.to(preset="jitsu")
    bad = json.loads(line.item(line.works(CREATED, order())[1]))["messageId"]
    counts = {"ok": False, "receivedEvents": 3, "okEvents": 2}
    named = read(said(200, {**counts, "errors": [f"Message ID: {bad}: too odd"]}), preset="jitsu")
    assert [type(one) for one in named] == [Accepted, Rejected, Accepted]
    assert "too odd" in getattr(named[1], "reason", "")
    unnamed = read(said(200, {**counts, "errors": ["too odd"]}), preset="jitsu")
    assert [type(one) for one in unnamed] == [Rejected] * 3


def test_statuses_that_are_no_message_s_fault() -> None:
    """A used up quota, a source that is switched off, a wrong address pause; 410 and 460 are tried again."""
    for preset in PRESETS:
        status_meanings: Mapping[int, StatusMeaning] = Line.to(preset=preset).profile.status_meanings
        assert {status for status in status_meanings if status_meanings[status] is StatusMeaning.PAUSED} == {
            402,
            404,
            405,
        }
        assert {status for status in status_meanings if status_meanings[status] is StatusMeaning.DEFERRED} == {410, 460}


@pytest.mark.parametrize("preset", ["rudderstack", "customerio", "segment", "jitsu"])
def test_a_message_that_cannot_be_sent_holds_nobody_else_up(preset: str) -> None:
    """It has no message when it is planned, and names what is wrong when its turn comes; the others go out."""
    line = Line.to(preset=preset, item_bytes="1500")
    steps = line.steps(CREATED, order())
    assert [step.message is None for step in steps] == [False, False, True]
    with pytest.raises(BodyIncomplete, match=r"item: \d+ bytes .*1500.*`item_bytes`"):
        line.vendor.build_request(line.works(CREATED, order(), planned=False)[-1])
    assert STORE.address in str(steps[0].message)
