"""Segment's wire format as calls: where they go, how the key is sent, and how much fits into one."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mappings.customer_data import message as mapping
from mappings.customer_data import properties, response
from mappings.schemas.schema import BodyIncomplete, MappingError
from plugin.core import validators
from plugin.core.setting import Setting, fingerprint
from plugin.core.step import Request
from plugin.core.vendor_profile import Batch, StatusMeaning, VendorProfile
from plugin.customer_data import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mappings import customer_data
    from mappings.canonical.document import Document
    from plugin.core.step import StoreFacts, Work


PLAIN = frozenset(
    {"type", "event", "messageId", "timestamp", "sentAt", "currency", "order_id", "country", "occurred_at"}
    | {"success", "status", "ok", "code", "receivedEvents", "okEvents"}
)
# What a status means here and not everywhere (docs/vendors/segment.md §7 and §11). Segment's own libraries send 410
# and 460 again. A used up quota, a source that is switched off and an address that is wrong are no fault of any
# message.
MEANINGS = {
    **dict.fromkeys((410, 460), StatusMeaning.DEFERRED),
    **dict.fromkeys((402, 404, 405), StatusMeaning.PAUSED),
}
# A batch in one address, each message at the address of its kind, or Jitsu's own address of batches.
_PATHS = {"batch": "/v1/batch", "single": "/v1/", "s2s": "/api/s/s2s/batch"}
_AUTHS: dict[str, Callable[[str], dict[str, str]]] = {
    # The colon is required (docs/vendors/segment.md §2).
    "basic": lambda key: {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()},
    "basic_encoded": lambda key: {"Authorization": f"Basic {key}"},
    "bearer": lambda key: {"Authorization": f"Bearer {key}"},
    "header": lambda key: {"X-Write-Key": key},
    "body": lambda _: {},
}
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_TRACK = b'{"type":"track"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How one receiver wants it.

    An item stays below `item` bytes, a body within `size`. `tracks_repeat`: it recognises a message by its id, so that
    a lost one may be sent again; identify and alias may anywhere. `namespace` goes into each message's id, and is the
    account's unless it is given; `integrations` switches the receiver's own destinations.
    """

    path: str
    auth: str
    key: str = field(repr=False)
    items: int
    size: int
    item: int
    reply: str
    prefix: str = ""
    tracks_repeat: bool = True
    namespace: str | None = None
    integrations: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def is_single(self) -> bool:
        """Return whether each message goes alone, to the address of its kind."""
        return self.path == "single"

    def profile(self) -> VendorProfile:
        """Return how many messages may go into one call, and what some statuses mean."""
        batch = Batch(items=1 if self.is_single else self.items, size=self.size, bundle=self.bundle)
        return VendorProfile(status_meanings=MEANINGS, batch=batch)

    def bundle(self, items: Sequence[bytes], at: datetime) -> Request:
        """Return one call as sent at `at`; `sentAt` is of this attempt, or receivers would move each event in time.

        They reckon an event's time as `receivedAt - (sentAt - timestamp)` (docs/vendors/segment.md §6).
        """
        around: dict[str, Any] = {"sentAt": properties.timestamp(at)}
        if self.auth == "body":
            around["writeKey"] = self.key
        path, body = self._single(items, around) if self.is_single else self._joined(items, around)
        repeatable = self.tracks_repeat or not any(item.startswith(_TRACK) for item in items)
        return Request(method="POST", path=path, headers=_AUTHS[self.auth](self.key), body=body, repeatable=repeatable)

    def request(self, item: bytes) -> Request:
        """Return the request of one message, which is put into a call together with others."""
        repeatable = self.tracks_repeat or not item.startswith(_TRACK)
        return Request(method="POST", path=_PATHS.get(self.path, self.path), body=item, repeatable=repeatable)

    def fit(self, item: bytes) -> bytes:
        """Return the message back if it fits.

        Raises:
            BodyIncomplete: it is too large, which a receiver may not even say; names both sizes and the setting.
        """
        body = self.bundle([item], _ANY_TIME).body
        whole = len(body) if isinstance(body, bytes) else 0
        # A single call is one item, with all that is around it.
        size = whole if self.is_single else len(item)
        if size >= self.item:
            raise BodyIncomplete(self._complaint("item", size, self.item, "item_bytes"))
        if whole > self.size:
            raise BodyIncomplete(self._complaint("body", whole, self.size, "batch_bytes"))
        return item

    def _complaint(self, what: str, size: int, limit: int, setting: str) -> str:
        name = self.prefix + setting
        return (
            f"{what}: {size} bytes of JSON are more than the receiver takes ({limit}, the setting `{name}`; "
            "Segment publishes 32 KB an item and 500 KB a batch)"
        )

    def _joined(self, items: Sequence[bytes], around: Mapping[str, str]) -> tuple[str, bytes]:
        ends = _json(around)
        return _PATHS.get(self.path, self.path), b'{"batch":[' + b",".join(items) + b"]," + ends[1:]

    def _single(self, items: Sequence[bytes], around: Mapping[str, str]) -> tuple[str, bytes]:
        message = json.loads(items[0]) if items else {}
        kind = message.pop("type", "track")
        return _PATHS["single"] + kind, json.dumps(
            {**message, **around}, ensure_ascii=False, separators=(",", ":")
        ).encode()


def settings(prefix: str, defaults: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return the settings of the wire, each named with `prefix`; defaults depend on the kind of receiver."""
    declared = (
        ("path", "`batch` (/v1/batch), `single` (/v1/track …), `s2s` (/api/s/s2s/batch), or a batch path", _path),
        ("auth", f"how the key is sent: {', '.join(_AUTHS)}", validators.one_of(*_AUTHS)),
        ("batch_items", "messages in a call at most", validators.count),
        ("batch_bytes", "bytes of a call's body at most", validators.count),
        ("item_bytes", "bytes that a message stays below; a larger one is held", validators.count),
        (
            "reply",
            f"what is read of a 200: {', '.join(response.STYLES)}",
            validators.one_of(*response.STYLES),
        ),
    )
    return tuple(
        Setting(key=prefix + key, help=text, default=defaults.get(key), check=check) for key, text, check in declared
    )


def wire(values: Mapping[str, str], key: str, defaults: Mapping[str, str], prefix: str = "") -> Wire:
    """Return the wire that the settings describe, completed by the defaults of the kind of receiver."""
    chosen = {name: values.get(prefix + name) or default for name, default in defaults.items()}
    return Wire(
        path=chosen["path"],
        auth=chosen["auth"],
        key=key,
        items=int(chosen["batch_items"]),
        size=int(chosen["batch_bytes"]),
        item=int(chosen["item_bytes"]),
        reply=chosen["reply"],
        prefix=prefix,
    )


def message(line: Wire, fact: customer_data.Fact, document: Document, store: StoreFacts) -> bytes:
    """Return a fact as the JSON to send; raise `BodyIncomplete` for one that receivers refuse or silently drop."""
    sender = mapping.Sender(
        tenant=steps.tenant(store),
        namespace=line.namespace or fingerprint(line.key),
        integrations=line.integrations,
    )
    return line.fit(mapping.message(fact, document, sender))


def planner(line: Wire, document: Document, store: StoreFacts) -> Callable[[customer_data.Fact], bytes | None]:
    """Return a function that makes a fact's message while it is planned; None for one that can't be sent.

    That one is held when its turn comes, and holds nothing else up.
    """

    def planned(fact: customer_data.Fact) -> bytes | None:
        try:
            return message(line, fact, document, store)
        except MappingError:
            return None

    return planned


def item(line: Wire, work: Work) -> bytes:
    """Return the message of a step, as it was planned, or made anew from its event."""
    if work.message is not None:
        return work.message
    _, document = steps.document_of(work)
    return message(line, steps.fact_of(work), document, work.store)


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _path(text: str) -> None:
    if text not in _PATHS and not re.fullmatch(r"/[\w.~%/-]*[\w.~%-]", text, re.ASCII):
        raise ValueError(f"one of {', '.join(_PATHS)}, or a path such as /api/public/apps/batch")
