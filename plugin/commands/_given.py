"""What `connect` is given: settings as KEY=VALUE, and rules in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plugin import checks, rulebook
from plugin.errors import ConfigError
from plugin.model import RateLimit, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugin.destinations.base import Destination

_SHIPPING = (Setting(key="hold_minutes", help="a hold window", check=checks.minutes(rulebook.MOST_MINUTES)),)


def help_of(vendor: Destination) -> str:
    """Every setting, as `connect NAME --help` shows them."""
    lines = [f"  {setting.key}{_marks(setting.required, setting.default)}: {setting.help}" for setting in vendor.needs]
    limits = ",".join(map(str, vendor.limits))
    lines.append(f"  rate [default: {limits}]: the limit to keep, N/Ts, N/Tm or N/Th, several with commas")
    if vendor.ships:
        lines.append("  hold_minutes [default: 0]: book so long after the order, or after the payment a rule waits for")
    return f"Connect a shop to {vendor.name}.\n\n\b\nSettings:\n" + "\n".join(lines)


def _marks(required: bool, default: str | None) -> str:
    return " [required]" if required else (f" [default: {default}]" if default else "")


def values_of(vendor: Destination, given: Mapping[str, str]) -> dict[str, str]:
    """Every setting with a value: given or by default; raises `ConfigError` naming the first that is wrong."""
    declared = {setting.key: setting for setting in (*vendor.needs, *(_SHIPPING if vendor.ships else ()))}
    for key, value in given.items():
        if key == "rate":
            RateLimit.parse(value)
        elif key in declared:
            check(f"{vendor.name} {key}", declared[key].check, value)
        else:
            raise ConfigError(f"{vendor.name} has no setting {key!r}: there are {', '.join([*declared, 'rate'])}")
    missing = [setting.key for setting in vendor.needs if setting.required and not given.get(setting.key)]
    if missing:
        raise ConfigError(f"{vendor.name} needs {', '.join(missing)}: give each with --set KEY=VALUE")
    return {setting.key: setting.default for setting in vendor.needs if setting.default} | dict(given)


def read_rules(path: str) -> str:
    """The rules in a file; raises `ConfigError` with the line of what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--rules {path}: can't be read: {error}") from None
    return rulebook.read(text, path)


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
