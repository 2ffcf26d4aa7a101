"""Every canonical sample that a destination is sent something about has its golden, and every golden its sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mappings.schemas.schema import MappingError
from plugin import destinations
from plugin.core.step import WAIT, Request, StoreFacts, Work
from plugin.destinations.base import lookup_of
from plugin.operations.connections import values_of
from tests.support.contract import NAMES, contract_of, folder_of
from tests.support.golden import CANONICAL, KINDS, cases, check, read, read_history, topic_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plugin.core.outcome import Outcome
    from plugin.destinations.base import Destination

STORE = StoreFacts(id="s", platform="shopify", address="crossdock-demo.myshopify.com")
SAMPLES = {path.stem: path for path in (*cases(CANONICAL), *cases(CANONICAL / "activity"))}


def works(vendor: Destination, path: Path) -> Iterator[Work]:
    """Yield the work of every step that a canonical sample calls for."""
    contract = contract_of(vendor.name)
    values = values_of(vendor, {**contract.settings, **contract.golden_settings})
    topic, history = topic_of(path), read_history(path)
    document = read(KINDS[topic], path)
    for step in vendor.plan(topic, document, history, STORE, values):
        if step.action != WAIT:
            yield Work(
                action=step.action,
                topic=topic,
                document=document,
                history=history,
                store=STORE,
                settings=values,
                data=dict(step.data),
            )


def requests(vendor: Destination, path: Path) -> list[dict[str, Any]]:
    """Return every call that a canonical sample leads to: the look-up and the first call of each step."""
    made = [call for work in works(vendor, path) for call in (lookup_of(vendor, work), _prepared(vendor, work))]
    return [
        {"method": call.method, "path": call.path, "query": dict(call.query), "body": call.body}
        for call in made
        if isinstance(call, Request)
    ]


def _prepared(vendor: Destination, work: Work) -> Request | Outcome | None:
    try:
        return vendor.build_request(work)
    except MappingError:
        return None


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_that_leads_to_a_call_has_its_golden(name: str) -> None:
    """A missing one fails, and so does one whose sample is gone."""
    vendor = destinations.get(name)
    sent = {stem for stem, path in SAMPLES.items() if any(_is_call(vendor, work) for work in works(vendor, path))}
    kept = {path.stem for path in (folder_of(name) / "requests").glob("*.json")}
    assert sent - kept == set()
    assert kept - SAMPLES.keys() == set()


def _is_call(vendor: Destination, work: Work) -> bool:
    return isinstance(_prepared(vendor, work), Request)


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name in NAMES if contract_of(name).goldens_are_requests for path in SAMPLES.values()],
    ids=lambda value: value if isinstance(value, str) else value.stem,
)
def test_documents_become_requests(name: str, path: Path) -> None:
    """Every canonical sample becomes exactly the calls written down for it."""
    found = requests(destinations.get(name), path)
    if found:
        check(found, folder_of(name) / "requests" / path.name)
