"""Calls become chrts' own bodies; its answers are read as done, refused or neither."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Topic
from mappings.customer_data import Alias, Identify, IdentityRules, Tenant, Track, fact_if_abandoned, facts
from mappings.destinations import chrts
from mappings.schemas.schema import BodyIncomplete
from tests.support.folders import TESTS
from tests.support.golden import CANONICAL, KINDS, cases, check, read, read_history

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = TESTS / "destinations" / "chrts"
SAMPLES = [*cases(CANONICAL), *cases(CANONICAL / "activity")]
TENANT = Tenant(platform="shopify", shop="crossdock-demo.myshopify.com")
AT = datetime(2026, 11, 20, 16, 2, 11, tzinfo=UTC)


def calls_of(path: Path) -> list[dict[str, Any]]:
    """Map a canonical sample to everything chrts is told of it."""
    topic = Topic(path.stem.partition("__")[0])
    document = read(KINDS[topic], path)
    bodies = (chrts.body(fact.call) for fact in facts(topic, document, TENANT, IdentityRules(), read_history(path)))
    return [{"path": address, "body": body} for address, body in bodies]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_documents_become_requests(path: Path) -> None:
    """Every canonical sample becomes exactly the requests written down for it."""
    check(calls_of(path), FOLDER / "requests" / path.name)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_bodies_hold_only_what_is_documented(path: Path) -> None:
    """One id, and no key that chrts would take for a property (docs/vendors/chrts.md §4 and §7)."""
    allowed = {
        "/customer/identify": {"userId", "anonymousId", "traits"},
        "/customer/alias": {"userId", "previousId"},
        "/event/track": {"userId", "anonymousId", "name", "properties"},
    }
    for request in calls_of(path):
        assert request["body"].keys() <= allowed[request["path"]]
        if request["path"] != "/customer/alias":
            assert len(request["body"].keys() & {"userId", "anonymousId"}) == 1
        assert json.loads(json.dumps(request)) == request


def test_a_checkout_that_was_left_becomes_its_request() -> None:
    """What a wait leads to is written down like everything else that is told."""
    path = CANONICAL / "activity" / "checkout_updated__chosen.json"
    fact = fact_if_abandoned(read(KINDS[Topic.CHECKOUT_UPDATED], path), TENANT, IdentityRules(), read_history(path))
    assert fact is not None
    address, body = chrts.body(fact.call)
    check([{"path": address, "body": body}], FOLDER / "requests" / "later" / "checkout_left.json")


def test_a_known_person_is_named_by_user_id_alone() -> None:
    """Which of two ids wins is not documented, so the better one goes alone."""
    track = Track(user_id="u", anonymous_id="a", name="Order Paid", properties={}, at=AT)
    assert chrts.body(track) == ("/event/track", {"userId": "u", "name": "Order Paid", "properties": {}})
    guest = Identify(user_id=None, anonymous_id="a", traits={"email": "x@example.com"}, at=AT)
    expected = {"anonymousId": "a", "traits": {"email": "x@example.com"}}
    assert chrts.body(guest) == ("/customer/identify", expected)


def test_alias_keeps_the_user_id() -> None:
    """The id used from now on is `userId`, the one used before `previousId` (docs/vendors/chrts.md §3)."""
    assert chrts.body(Alias(user_id="u", previous_id="a", at=AT)) == (
        "/customer/alias",
        {"userId": "u", "previousId": "a"},
    )


def test_a_call_about_nobody_is_held() -> None:
    """A body without an id is refused by chrts, so it is not sent."""
    with pytest.raises(BodyIncomplete, match="userId missing"):
        chrts.body(Track(user_id=None, anonymous_id=None, name="x", properties={}, at=AT))


def reply(name: str) -> Any:
    """Read a documented answer."""
    return json.loads((FOLDER / "replies" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["identified", "aliased", "tracked"])
def test_a_true_status_is_done(name: str) -> None:
    """The three documented successes."""
    assert chrts.accepted(reply(name)) is True


@pytest.mark.parametrize("name", ["uid_required", "known_uid_required"])
def test_a_false_status_is_a_refusal(name: str) -> None:
    """The two documented refusals."""
    assert chrts.accepted(reply(name)) is False


@pytest.mark.parametrize(
    "document", [None, [], {}, "ok", {"status": None}, {"status": "true"}, {"status": 1}], ids=repr
)
def test_anything_else_is_neither(document: object) -> None:
    """A 200 that does not say so is ambiguous, not a success (docs/vendors/chrts.md §7)."""
    assert chrts.accepted(document) is None
