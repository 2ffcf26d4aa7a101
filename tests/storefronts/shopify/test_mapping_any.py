"""Whatever is sent in Shopify's name is understood or refused by the name of a field, and nothing else happens."""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import copy
import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.canonical.orders import ORDER_TOPICS, Order, Topic
from mappings.customer_data import IdentityRules, Tenant, facts
from mappings.destinations import chitchats, chrts
from mappings.schemas.json import parse
from mappings.schemas.schema import BodyIncomplete, MappingError
from mappings.storefronts.shopify import load
from tests.storefronts.shopify.test_mapping import SENT, SHOP, TOPICS, sent, topic_of
from tests.support.examples import examples
from tests.support.folders import TESTS
from tests.support.golden import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from mappings.canonical.document import Document


SHARED = TESTS.parent.parent / "shared" / "payloads" / "shopify"
PACKAGE = chitchats.Package(
    package_type="parcel", size_unit="cm", size_x=Decimal(9), size_y=Decimal(9), size_z=Decimal(9), ship_date="today"
)


def shared_topic(name: str) -> list[Topic]:
    """Say which of our topics a shared payload could be sent for; all of them, if it is none of ours."""
    known = name.partition("--")[0].replace("-", "_")
    if known in TOPICS:
        return [TOPICS[known]]
    if known.startswith("orders_"):
        return sorted(ORDER_TOPICS)
    return [topic for topic in Topic if topic is not Topic.PARCEL_BOOKED]


SHARED_FILES = sorted(SHARED.glob("*.json")) if SHARED.is_dir() else []


@pytest.mark.parametrize("path", SHARED_FILES, ids=lambda path: path.stem)
def test_collected_payloads_load_or_name_a_field(path: Path) -> None:
    """Whatever was collected from the platform is understood or refused by name; nothing else is raised."""
    for topic in shared_topic(path.name):
        reason = refusal(topic, path)
        assert reason is None or ": " in reason.partition(": ")[2], reason


def refusal(topic: Topic, path: Path) -> str | None:
    """Say why a payload is refused, if it is."""
    try:
        load(topic, parse(path.read_bytes()), SHOP)
    except MappingError as error:
        return str(error)
    return None


DOCUMENTED = [
    path
    for path in SHARED_FILES
    if path.stem.partition("--")[0].replace("-", "_") in TOPICS and "gadget-anonymised" not in path.stem
]


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: path.stem)
def test_documented_samples_load(path: Path) -> None:
    """What Shopify prints in its reference and sends from its command line is understood, and booked too."""
    found = load(shared_topic(path.name)[0], parse(path.read_bytes()), SHOP)
    if isinstance(found, Order) and "segment-functions" not in path.stem:
        assert found.impossible_sample
        assert chitchats.skip_reason(found) is None
        assert chitchats.body(found, PACKAGE, platform="shopify")["country_code"] == "US"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
KEYS = st.sampled_from(sorted({*sent("orders_create"), *sent("customers_create"), *sent("customers_redact")}))


@given(topic=st.sampled_from(Topic), document=JSON | st.dictionaries(KEYS, JSON))
def test_nothing_but_a_mapping_error_escapes(topic: Topic, document: object) -> None:
    """Any JSON at all is loaded or refused."""
    load_or_refuse(topic, document)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of everything inside a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


SAMPLES = [(topic_of(path), json.loads(path.read_text(), parse_float=Decimal)) for path in SENT]
TREACHEROUS = st.sampled_from(
    ["", " ", "-1", "1e18", "NaN", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", 10**40, -1, {}, [], [None]]
)


@settings(max_examples=examples(300, few=100))
@given(data=st.data())
def test_no_mutation_of_a_real_document_breaks_the_mapping(data: st.DataObject) -> None:
    """A sample with something in it replaced or removed is loaded or refused."""
    topic, document = data.draw(st.sampled_from(SAMPLES))
    document = copy.deepcopy(document)
    for *parents, key in data.draw(st.lists(st.sampled_from(places(document)[1:]), min_size=1, max_size=4)):
        target = document
        for step in parents:
            target = target[step] if isinstance(target, dict) and step in target else None
        if isinstance(target, dict):
            target[key] = data.draw(TREACHEROUS | JSON)
            if data.draw(st.booleans()):
                del target[key]
    load_or_refuse(topic, document)


def load_or_refuse(topic: Topic, document: object) -> None:
    """Load anything; nothing but a refusal may be raised, and what loads must be usable."""
    if topic is Topic.PARCEL_BOOKED:
        return
    try:
        found = load(topic, document, SHOP)
    except MappingError:
        return
    assert isinstance(found, KINDS[topic])
    map_on(topic, found)


def map_on(topic: Topic, document: Document) -> None:
    """Whatever loads can be mapped on to every destination, or is held by name."""
    rules = IdentityRules(email_in_properties=True)
    with suppress(BodyIncomplete):
        for fact in facts(topic, document, Tenant(platform="shopify", shop=SHOP), rules):
            json.dumps(chrts.body(fact.call))
        if isinstance(document, Order) and chitchats.skip_reason(document) is None:
            json.dumps(chitchats.body(document, PACKAGE, platform="shopify"))
