"""The stored body of an event as a canonical document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.canonical.orders import Topic
from mappings.schemas.json import parse
from mappings.schemas.schema import PayloadRejected
from plugin import storefronts
from plugin.core.event import EventState
from plugin.storefronts.base import Ignored

if TYPE_CHECKING:
    from mappings.canonical.document import Document
    from plugin.core.event import Event
    from plugin.storage.stores import Store


def load_document(event: Event, store: Store) -> tuple[Topic, Document]:
    """Return our topic of an event and its body as a canonical value.

    Raises:
        PayloadRejected: the body is not what the topic promises, or was erased, or the topic is not ours.
    """
    storefront = storefronts.get(store.platform)
    topic = storefront.topics.get(event.platform_topic)
    if not isinstance(topic, Topic):
        raise PayloadRejected(f"{event.platform_topic} is not a topic that is handled")
    if event.body is None:
        raise PayloadRejected("the body was erased on a privacy request, or is damaged")
    try:
        return topic, storefront.load(topic, parse(event.body), store.address)
    except PayloadRejected as error:
        raise PayloadRejected(f"{store.platform} {event.platform_topic}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An event with what its body says; or the state in which it comes to rest unread, or why it can't be read."""

    event: Event
    topic: Topic | None = None
    document: Document | None = None
    rests: tuple[EventState, str] | None = None
    error: Exception | None = None

    @classmethod
    def of(cls, event: Event, store: Store) -> Reading:
        """Read an event."""
        known = storefronts.get(store.platform).topics.get(event.platform_topic)
        if known is None:
            reason = f"nothing is known of the topic {event.platform_topic[:60]!r}; kept"
            return cls(event=event, rests=(EventState.UNKNOWN, reason))
        if isinstance(known, Ignored):
            return cls(event=event, rests=(EventState.IGNORED, known.reason))
        try:
            topic, document = load_document(event, store)
        except Exception as error:  # noqa: BLE001  (it is raised again where it can be said)
            return cls(event=event, error=error)
        return cls(event=event, topic=topic, document=document)
