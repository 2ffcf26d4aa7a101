"""The settings of a connection as they are typed: KEY=VALUE, a file of rules, and the help that lists them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.core.errors import ConfigError
from plugin.delivery.lane_limits import SHARED
from plugin.destinations.base import ships
from plugin.operations.connections import SHIPPING
from plugin.rules import rule_file

if TYPE_CHECKING:
    from plugin.destinations.base import Destination


def help_of(vendor: Destination) -> str:
    """Every setting, as `connect NAME --help` shows them."""
    shared = [replace(one, default=",".join(map(str, vendor.limits))) if one.key == "rate" else one for one in SHARED]
    declared = (*vendor.needs, *shared, *(SHIPPING if ships(vendor) else ()))
    lines = [f"  {setting.key}{_marks(setting.required, setting.default)}: {setting.help}" for setting in declared]
    return f"Connect a shop to {vendor.name}.\n\n\b\nSettings:\n" + "\n".join(lines)


def _marks(required: bool, default: str | None) -> str:
    return " [required]" if required else (f" [default: {default}]" if default else "")


def read_rules(path: str) -> str:
    """The rules in a file; raises `ConfigError` with the line of what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--rules {path}: can't be read: {error}") from None
    return rule_file.read(text, path)


def pair(text: str) -> tuple[str, str]:
    """One setting as it was given; raises `ConfigError` for anything but `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {key!r} is not KEY=VALUE")
    return key.strip(), value.strip()
