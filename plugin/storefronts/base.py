"""What a storefront is: it recognises its webhooks and reads them; the line does the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mappings.canonical.document import Document
    from mappings.canonical.orders import Topic
    from plugin.core.event import Envelope
    from plugin.core.setting import Setting


@dataclass(frozen=True, slots=True)
class Ignored:
    """Why a known topic of a platform is left alone on purpose."""

    reason: str


class Storefront(Protocol):
    """One platform that sends webhooks. `topics` describes every topic that the platform documents."""

    name: str
    needs: tuple[Setting, ...]
    topics: Mapping[str, Topic | Ignored]

    def normal_address(self, address: str) -> str:
        """The one spelling under which a shop is stored; raises `ConfigError` for what can't be a shop's address."""
        ...

    def signature(self, headers: Mapping[str, str]) -> str:
        """The signature as sent; raises `Unverified` when it is missing or malformed, before the body is read."""
        ...

    def address(self, headers: Mapping[str, str]) -> str | None:
        """Which shop the headers claim to come from."""
        ...

    def app_secrets(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Secrets of the app itself, which sign for every shop."""
        ...

    def verify(self, signature: str, raw: bytes, secrets: Sequence[str]) -> bool:
        """Whether one of the secrets signed these very bytes; compares in constant time, never raises."""
        ...

    def envelope(self, headers: Mapping[str, str], raw: bytes) -> Envelope:
        """The headers as data; never raises, whatever they hold."""
        ...

    def load(self, topic: Topic, document: object, shop: str) -> Document:
        """The parsed body as a canonical value; raises `mappings.schemas.schema.PayloadRejected` naming the field."""
        ...
