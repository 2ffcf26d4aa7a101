"""A connection that speaks Segment's wire format, without the line: planned, put into calls, sent and read by hand."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mappings.canonical.activity import Parcel
from mappings.canonical.history import NOTHING_KNOWN, History
from mappings.canonical.orders import Order, Topic
from plugin import destinations
from plugin.core.outcome import Accepted
from plugin.core.response import Response
from plugin.core.step import WAIT, Request, StoreFacts, Work
from plugin.operations.connections import values_of
from plugin.transport.client import Client
from tests.support.golden import CANONICAL, KINDS, cases, read, read_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mappings.canonical.document import Document
    from plugin.core.outcome import Outcome
    from plugin.core.step import Step
    from plugin.core.vendor_profile import Batch, VendorProfile
    from plugin.destinations.base import Destination

STORE = StoreFacts(id="s", platform="shopify", address="demo.myshopify.com")
AT = datetime(2026, 11, 20, 17, 0, 0, 250_000, tzinfo=UTC)


def order(**changes: Any) -> Order:  # noqa: ANN401  (fields of an order)
    """Return the usual order, changed."""
    found: Order = dataclasses.replace(read(Order, CANONICAL / "order_created__web.json"), **changes)
    return found


def documents() -> list[tuple[Topic, Document, History]]:
    """Return every canonical sample with its topic, and what is known beside it."""
    paths = [*cases(CANONICAL), *cases(CANONICAL / "activity")]
    named = [(Topic(path.stem.partition("__")[0]), path) for path in paths]
    return [(topic, read(KINDS[topic], path), read_history(path)) for topic, path in named]


@dataclass(frozen=True)
class Line:
    """One connection by its settings."""

    vendor: Destination
    values: dict[str, str]

    @classmethod
    def to(cls, name: str = "segment", **given: str) -> Line:
        """Return a connection, with defaults for what is not given."""
        vendor = destinations.get(name)
        key = {"segment": "write_key", "chrts": "api_key"}[name]
        return cls(vendor, values_of(vendor, {key: "the-key"} | given))

    @property
    def profile(self) -> VendorProfile:
        """What the line is told of it."""
        return self.vendor.profile(self.values)

    @property
    def batch(self) -> Batch:
        """How it wants its calls."""
        batch = self.profile.batch
        assert batch is not None
        return batch

    def steps(self, topic: Topic, document: Document, history: History = NOTHING_KNOWN) -> tuple[Step, ...]:
        """Return what is planned."""
        return self.vendor.plan(topic, document, history, STORE, self.values)

    def messages(self, topic: Topic, document: Document, history: History) -> Iterator[Step]:
        """Return what is planned and makes a call; a wait stands for what it leads to if nothing follows."""
        for step in self.steps(topic, document, history):
            if step.action != WAIT:
                yield step
                continue
            ended = self.vendor.build_request(
                Work(
                    action=WAIT,
                    topic=topic,
                    document=document,
                    history=history,
                    store=STORE,
                    settings=self.values,
                    data=step.data,
                )
            )
            assert isinstance(ended, Accepted)
            yield from ended.then

    def works(
        self, topic: Topic, document: Document, history: History = NOTHING_KNOWN, *, planned: bool = True
    ) -> list[Work]:
        """Return the same as work to do, from the message as planned or from the event's document anew."""
        told = document.order if isinstance(document, Parcel) else document
        return [
            Work(
                action=step.action,
                topic=topic,
                document=None if planned else told,
                history=history,
                store=STORE,
                settings=self.values,
                data=step.data,
                message=step.message if planned else None,
            )
            for step in self.messages(topic, document, history)
        ]

    def item(self, work: Work) -> bytes:
        """Return the body of one delivery."""
        request = self.vendor.build_request(work)
        assert isinstance(request, Request)
        assert isinstance(request.body, bytes)
        return request.body

    def call(self, works: Sequence[Work], at: datetime = AT) -> Request:
        """One call with all of them."""
        return self.batch.bundle([self.item(work) for work in works], at)

    def send(self, base_url: str, works: Sequence[Work], at: datetime = AT) -> list[Outcome]:
        """Send them in one call over a real connection; what became of each that got an answer to be read."""
        client = Client(base_url)
        try:
            answer = client.send(self.call(works, at))
        finally:
            client.close()
        assert isinstance(answer, Response), answer
        return [self.read(work, answer) for work in works]

    def read(self, work: Work, answer: Response) -> Outcome:
        """Return what an answer means for one of them."""
        sent = self.vendor.build_request(work)
        assert isinstance(sent, Request)
        return self.vendor.read_response(dataclasses.replace(work, sent=sent), answer)
