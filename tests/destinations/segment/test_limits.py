"""Every limit of Segment's wire format from both sides: the largest that fits arrives, the next is never sent."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.canonical.orders import Topic
from mappings.destinations.segment import PRESETS
from mappings.schemas.schema import BodyIncomplete
from plugin.core.outcome import Accepted
from plugin.core.response import Response
from plugin.sandbox import Sandbox
from plugin.transport.client import Client
from tests.destinations.segment.connection import AT, Line, order
from tests.support.examples import examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugin.core.step import Request, Work


CREATED = Topic.ORDER_CREATED


def sale(line: Line, text: str) -> Work:
    """Return a sale that holds a text of the buyer's choice."""
    return line.works(CREATED, order(payment_methods=(text,)), planned=False)[-1]


def sale_of(line: Line, size: int, letter: str = "x") -> Work:
    """Return a sale whose message has exactly so many bytes."""
    free = Line.to(**(line.values | {"item_bytes": "9000000", "batch_bytes": "9000000"}))
    room = size - len(free.item(sale(free, "")))
    # The empty text is left out with its key.
    room -= len(free.item(sale(free, letter))) - len(free.item(sale(free, ""))) - len(letter.encode())
    text = letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode()))
    work = sale(line, text)
    assert len(free.item(sale(free, text))) == size
    return work


def post(base_url: str, request: Request) -> Response:
    """Send whatever it is."""
    client = Client(base_url)
    try:
        answer = client.send(request)
    finally:
        client.close()
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize("letter", ["x", "é", "蜜", '"'])
def test_an_item_of_32_kb_is_held_and_named(sandbox: Sandbox, letter: str) -> None:
    """31,999 bytes arrive; 32,000 are held, whatever the letters; and Segment would indeed have refused them."""
    line, room = Line.to(), Line.to(item_bytes="32001")
    if letter != '"':
        assert line.send(sandbox.base_url, [sale_of(line, 31_999, letter)]) == [Accepted()]
        too_large = sale_of(line, 32_000, letter)
    else:
        too_large = sale(line, letter * 16_000)
        room = Line.to(item_bytes="99999")
    with pytest.raises(BodyIncomplete, match=r"item: \d+ bytes of JSON are more than .*32000.*`item_bytes`.*32 KB"):
        line.vendor.build_request(too_large)
    refused = post(sandbox.base_url, room.call([dataclasses.replace(too_large, settings=room.values)]))
    assert refused.status == 400


def test_a_single_call_counts_with_all_that_is_around_it(sandbox: Sandbox) -> None:
    """32 KB are the whole body there: the time it is sent at, and the key, count too."""
    line = Line.to(path="single", auth="body")
    with pytest.raises(BodyIncomplete, match="item"):
        line.vendor.build_request(sale_of(line, 31_990))
    largest = next(size for size in range(31_990, 31_000, -1) if fits(line, size))
    call = line.call([sale_of(line, largest)])
    assert isinstance(call.body, bytes)
    assert len(call.body) == 31_999
    assert post(sandbox.base_url, call).status == 200
    assert len(sandbox.emulators["segment"].state()["events"]) == 1


def fits(line: Line, size: int) -> bool:
    """Whether a message of this size would be sent."""
    try:
        line.item(sale_of(line, size))
    except BodyIncomplete:
        return False
    return True


def test_a_message_that_no_call_could_carry_is_held() -> None:
    """With a cap for the body below the one for an item, the body's decides and is named."""
    line = Line.to(batch_bytes="3000")
    with pytest.raises(BodyIncomplete, match=r"body: \d+ bytes .*3000.*`batch_bytes`"):
        line.vendor.build_request(sale_of(line, 2_990))
    assert fits(line, 2_900)


def messages_of(line: Line, sizes: Sequence[int]) -> list[bytes]:
    """Messages of these sizes."""
    return [line.item(sale_of(line, size)) for size in sizes]


def test_a_body_is_as_large_as_the_line_reckons(sandbox: Sandbox) -> None:
    """What is around the messages, and a comma each: 500,000 bytes arrive, one more would be refused."""
    line = Line.to()
    around = len(bytes_of(line.batch.bundle([], AT)))
    last = line.batch.size - around - 15 * 31_901 - 1
    assert line.batch.size == 500_000
    for more, status in ((1, 200), (2, 400)):
        items = messages_of(line, [31_900] * 15 + [last + more])
        call = line.batch.bundle(items, AT)
        assert len(bytes_of(call)) == around + sum(map(len, items)) + len(items) - 1 == 499_999 + more
        assert post(sandbox.base_url, call).status == status


def test_a_call_has_2500_messages_at_most(sandbox: Sandbox) -> None:
    """One more, and Segment answers 200 and drops all of them."""
    line = Line.to(batch_bytes="9000000")
    sandbox.emulators["segment"].configure(strict=False)
    small = b'{"type":"track","event":"e","userId":"u"}'
    assert line.batch.items == 2_500
    for count in (2_500, 2_501):
        assert post(sandbox.base_url, line.batch.bundle([small] * count, AT)).status == 200
    state = sandbox.emulators["segment"].state()
    assert len(state["events"]) == 2_500
    assert {one["reason"] for one in state["dropped"]} == {"too many messages in a batch"}


@pytest.mark.parametrize("preset", PRESETS)
def test_caps_are_settings_with_the_receiver_s_own_as_defaults(preset: str) -> None:
    """A preset names them, a setting replaces each."""
    kind, own = PRESETS[preset], {"batch_items": "7", "batch_bytes": "70000", "item_bytes": "7000"}
    batch, changed = Line.to(preset=preset).batch, Line.to(preset=preset, **own)
    assert (batch.items, batch.size) == (kind.batch_items, kind.batch_bytes)
    assert (changed.batch.items, changed.batch.size) == (7, 70_000)
    assert (fits(changed, 6_999), fits(changed, 7_000)) == (True, False)


def bytes_of(request: Request) -> bytes:
    """Return the body of a call."""
    assert isinstance(request.body, bytes)
    return request.body


@pytest.fixture(scope="module")
def receiver() -> Iterator[Sandbox]:
    """One emulated Segment for all examples."""
    with Sandbox(["segment"]) as running:
        yield running


letters = st.sampled_from(["x", "é", "😀", "\\", '"'])
long_texts = st.builds(lambda letter, times: letter * times, letters, st.integers(1, 40_000))
# Storefronts' texts are never blank.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200).map(str.strip).filter(bool)
orders = st.fixed_dictionaries(
    {
        "payment_methods": st.tuples(texts | long_texts),
        "coupons": st.lists(texts | long_texts, max_size=3).map(tuple),
        "cancel_reason": texts,
    }
)


@given(changes=orders)
@settings(max_examples=examples(100, few=30), deadline=None)
def test_every_message_arrives_or_is_held_with_its_limit_named(receiver: Sandbox, changes: dict[str, Any]) -> None:
    """Whatever a buyer writes: nothing is refused, nothing dropped afterwards, and no other exception."""
    emulator, line = receiver.emulators["segment"], Line.to()
    emulator.reset()
    sent = []
    for work in line.works(CREATED, order(**changes), planned=False):
        try:
            sent.append(line.item(work))
        except BodyIncomplete as error:
            assert "32000" in str(error)  # noqa: PT017  (it need not be raised)
    assert post(receiver.base_url, line.batch.bundle(sent, AT)).status == 200
    state = emulator.state()
    assert (state["dropped"], len(state["messages"])) == ([], len(sent))
    assert all(json.loads(item)["messageId"] for item in sent)
