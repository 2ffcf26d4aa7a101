"""What `connect` is given: settings as KEY=VALUE, and rules in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.core import validators
from plugin.core.delivery import Setting
from plugin.core.errors import ConfigError
from plugin.delivery.lane_limits import SHARED
from plugin.rules import rule_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugin.destinations.base import Destination

# What every destination that books parcels has besides.
SHIPPING = (
    Setting(
        key="hold_minutes",
        help="book so long after the order, or after the payment that its rule waits for",
        default="0",
        check=validators.whole("minutes", rule_file.MOST_MINUTES),
    ),
)


def help_of(vendor: Destination) -> str:
    """Every setting, as `connect NAME --help` shows them."""
    shared = [replace(one, default=",".join(map(str, vendor.limits))) if one.key == "rate" else one for one in SHARED]
    declared = (*vendor.needs, *shared, *(SHIPPING if vendor.ships else ()))
    lines = [f"  {setting.key}{_marks(setting.required, setting.default)}: {setting.help}" for setting in declared]
    return f"Connect a shop to {vendor.name}.\n\n\b\nSettings:\n" + "\n".join(lines)


def _marks(required: bool, default: str | None) -> str:
    return " [required]" if required else (f" [default: {default}]" if default else "")


def values_of(vendor: Destination, given: Mapping[str, str]) -> dict[str, str]:
    """Every setting with a value: given or by default; raises `ConfigError` naming the first that is wrong."""
    shared = (*SHARED, *(SHIPPING if vendor.ships else ()))
    declared = {setting.key: setting for setting in (*vendor.needs, *shared)}
    for key, value in given.items():
        if key not in declared:
            raise ConfigError(f"{vendor.name} has no setting {key!r}: there are {', '.join(declared)}")
        check(f"{vendor.name} {key}", declared[key].check, value)
    missing = [setting.key for setting in vendor.needs if setting.required and not given.get(setting.key)]
    if missing:
        raise ConfigError(f"{vendor.name} needs {', '.join(missing)}: give each with --set KEY=VALUE")
    return {key: setting.default for key, setting in declared.items() if setting.default} | dict(given)


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


def check(name: str, test: Callable[[str], object], value: str) -> None:
    """Raise `ConfigError` with the name and what would be right."""
    try:
        test(value)
    except ValueError as error:
        raise ConfigError(f"{name} must be {error}") from None
