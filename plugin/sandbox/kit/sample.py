"""Signed webhooks of emulated shops, and what every emulated shop offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A signed webhook of invented people, ready to be posted."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class EmulatedShop(Protocol):
    """What the module `plugin/sandbox/NAME/samples.py` of a storefront holds, written from vendor documentation."""

    SHOP: str
    """The address of an invented shop, in the platform's form."""
    SIGNATURE_HEADER: str
    """The header that the signature stands in."""

    def topics(self) -> Sequence[str]:
        """Return each `topic` or `topic:case` that there is a sample of."""

    def sample(self, topic: str, number: int, secret: str, shop: str) -> Sample:
        """Return the signed sample of a topic that belongs to `number`.

        The same arguments give the same webhook id: sent twice, it is a redelivery.

        Raises:
            ValueError: there is no such sample; lists what there is.
        """

    def signed(self, topic: str, body: bytes, webhook_id: str, secret: str, shop: str) -> Sample:
        """Return these bytes as a webhook of a platform topic, signed with `secret` and sent by `shop`."""


def emulated_shop(platform: str) -> EmulatedShop:
    """Return the emulated shop of a platform.

    Raises:
        ValueError: the platform has none.
    """
    module = f"plugin.sandbox.{platform}.samples"
    if not find_spec(f"plugin.sandbox.{platform}") or not find_spec(module):
        raise ValueError(f"there are no samples of {platform!r}")
    return cast("EmulatedShop", import_module(module))


def sample(platform: str, topic: str, number: int, secret: str, shop: str) -> Sample:
    """Return the signed sample of `topic` or `topic:case` that an emulated shop of this platform sends.

    Samples of one topic differ with `number`.

    Raises:
        ValueError: the platform has no emulated shop or the shop no such sample; lists what there is.
    """
    return emulated_shop(platform).sample(topic, number, secret, shop)
