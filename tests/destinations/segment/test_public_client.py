"""Segment's own Python client, pointed at the emulator, sends messages of the same form as ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from segment.analytics.client import Client

from mappings.canonical.orders import Topic
from plugin.core.outcome import Accepted
from tests.destinations.segment.connection import Line, order

if TYPE_CHECKING:
    from plugin.sandbox import Sandbox

AT = datetime(2026, 11, 20, 16, 2, 11, tzinfo=UTC)
# The client sends these whether or not it knows one; we leave out what is not known.
NULLS = {"anonymousId"}


def ours(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return what we send of an order, as the emulator noted it."""
    line = Line.to()
    works = line.works(Topic.ORDER_CREATED, order())
    assert line.send(sandbox.base_url, works, datetime.now(UTC)) == [Accepted()] * 3
    return noted(sandbox)


def theirs(sandbox: Sandbox, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the client sends when it is told the same."""
    sandbox.emulators["segment"].reset()
    client = Client("the-key", host=sandbox.base_url, sync_mode=True, max_retries=0)
    identify, alias, track = said
    times: dict[str, Any] = {"timestamp": AT}
    names = {"user_id": identify["userId"], "anonymous_id": identify["anonymousId"]}
    client.identify(**names, traits=identify["traits"], context=identify["context"], **times)
    client.alias(previous_id=alias["previousId"], user_id=alias["userId"], context=alias["context"], **times)
    client.track(**names, event=track["event"], properties=track["properties"], context=track["context"], **times)
    return noted(sandbox)


def noted(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return the calls that arrived, each with the address it came to."""
    emulator = sandbox.emulators["segment"]
    assert emulator.state()["dropped"] == []
    return [{"address": f"{one['method']} {one['path']}", "body": one["body"]} for one in emulator.requests()]


def messages(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages of all calls."""
    return [message for call in calls for message in call["body"]["batch"]]


def form(value: object) -> Any:  # noqa: ANN401  (as deep as the value)
    """Return a value's shape: names and types. A whole number and one with cents are one type to JSON."""
    if isinstance(value, dict):
        return {name: form(item) for name, item in value.items()}
    if isinstance(value, list):
        return [form(item) for item in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def test_the_calls_have_the_same_form(sandbox: Sandbox) -> None:
    """Same address, same envelope; the client adds the key to the body, which we keep out of what is stored."""
    mine = ours(sandbox)
    others = theirs(sandbox, messages(mine))
    assert {call["address"] for call in (*mine, *others)} == {"POST /v1/batch"}
    envelopes = [{name: form(item) for name, item in call["body"].items() if name != "batch"} for call in others]
    assert {json.dumps(one) for one in envelopes} == {json.dumps(envelopes[0])}
    (own,) = mine
    assert form(own["body"]["sentAt"]) == envelopes[0]["sentAt"] == "str"
    assert envelopes[0].keys() - own["body"].keys() == {"writeKey"}


def test_the_messages_have_the_same_form(sandbox: Sandbox) -> None:
    """Every message has the same fields, of the same types, all the way down."""
    mine = messages(ours(sandbox))
    others = messages(theirs(sandbox, mine))
    assert [one["type"] for one in mine] == [one["type"] for one in others] == ["identify", "alias", "track"]
    for one, other in zip(mine, others, strict=True):
        # The client names itself.
        assert form(one["context"].pop("library")) == form(other["context"].pop("library"))
        assert {name for name, value in other.items() if value is None} <= NULLS
        assert form(one) == form({name: value for name, value in other.items() if value is not None})


def test_the_times_mean_the_same(sandbox: Sandbox) -> None:
    """Both write ISO 8601 with a zone, so that a receiver reckons the same moment."""
    mine = messages(ours(sandbox))[-1]
    other = messages(theirs(sandbox, messages(ours(sandbox))[-3:]))[-1]
    assert datetime.fromisoformat(mine["timestamp"]) == datetime.fromisoformat(other["timestamp"]) == AT
    assert form(mine["messageId"]) == form(other["messageId"]) == "str"


@pytest.mark.parametrize("kind", ["identify", "track"])
def test_an_id_that_is_not_known_is_left_out_where_the_client_sends_null(sandbox: Sandbox, kind: str) -> None:
    """The only difference in form, and receivers take both for the same."""
    client = Client("the-key", host=sandbox.base_url, sync_mode=True, max_retries=0)
    said: dict[str, Any] = {"event": "Seen"} if kind == "track" else {"traits": {"email": "a@example.com"}}
    getattr(client, kind)(user_id="u", timestamp=AT, **said)
    (other,) = messages(noted(sandbox))
    assert {name for name, value in other.items() if value is None} == NULLS
    guest = [json.loads(Line.to().item(work)) for work in Line.to().works(Topic.ORDER_CREATED, order(customer=None))]
    assert None not in [value for one in guest for value in one.values()]
