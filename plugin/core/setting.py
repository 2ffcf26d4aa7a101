"""The settings that an integration declares."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting that an integration declares; `check` raises `ValueError` with what would be right."""

    key: str
    help: str
    secret: bool = False
    required: bool = False
    default: str | None = None
    check: Callable[[str], object] = str


def fingerprint(secret: str) -> str:
    """Return a short name for the account that a secret belongs to; it does not reveal the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]
