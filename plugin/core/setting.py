"""Settings that modules declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting that a module declares: `check` raises `ValueError` with what would be right."""

    key: str
    help: str
    secret: bool = False
    required: bool = False
    default: str | None = None
    check: Callable[[str], object] = str
