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
        """Return the one spelling of a shop's address that is stored; raise `ConfigError` for what can't be one."""
        ...

    def signature(self, headers: Mapping[str, str]) -> str:
        """Return the signature as sent; raise `Unverified` if it is missing or malformed. The body is not read yet."""
        ...

    def address(self, headers: Mapping[str, str]) -> str | None:
        """Return the address of the shop that the headers claim to come from, or None."""
        ...

    def app_secrets(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Return the secrets of the app itself, which sign for every shop."""
        ...

    def verify(self, signature: str, raw: bytes, secrets: Sequence[str]) -> bool:
        """Return whether one of the secrets signed these very bytes; compare in constant time and never raise."""
        ...

    def envelope(self, headers: Mapping[str, str], raw: bytes) -> Envelope:
        """Return what the headers say of a webhook; never raise, whatever they hold."""
        ...

    def load(self, topic: Topic, document: object, shop: str) -> Document:
        """Return the parsed body as a canonical value; raise `PayloadRejected` naming the field that is wrong."""
        ...
