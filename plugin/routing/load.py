"""The stored body of an event as a canonical document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mappings.canonical.orders import Topic
from mappings.schemas.json import parse
from mappings.schemas.schema import PayloadRejected
from plugin import storefronts

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
