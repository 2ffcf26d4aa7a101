"""What an emulated shop sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A signed webhook of invented people, ready to be posted."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def sample(platform: str, topic: str, number: int, secret: str, shop: str) -> Sample:
    """Return the signed sample of `topic` or `topic:case` that an emulated shop of this platform sends.

    Samples of one topic differ with `number`. Raises `ValueError` listing what there is when the platform has no
    emulated shop or the shop no such sample.
    """
    if not find_spec(f"plugin.sandbox.{platform}") or not find_spec(f"plugin.sandbox.{platform}.samples"):
        raise ValueError(f"there are no samples of {platform!r}")
    made: Sample = import_module(f"plugin.sandbox.{platform}.samples").sample(topic, number, secret, shop)
    return made
