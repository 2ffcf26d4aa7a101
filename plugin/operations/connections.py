"""What `connect` is given: settings as KEY=VALUE, and rules in a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plugin import destinations
from plugin.core import validators
from plugin.core.errors import ConfigError
from plugin.core.setting import Setting
from plugin.delivery.lane_limits import SHARED
from plugin.destinations.base import ships
from plugin.rules import rule_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugin.destinations.base import Destination
    from plugin.services import Services
    from plugin.storage.stores import Connection, Store


# What every destination that books parcels has besides.
SHIPPING = (
    Setting(
        key="hold_minutes",
        help="book so long after the order, or after the payment that its rule waits for",
        default="0",
        check=validators.whole("minutes", rule_file.MOST_MINUTES),
    ),
)


def values_of(vendor: Destination, given: Mapping[str, str]) -> dict[str, str]:
    """Every setting with a value: given or by default; raises `ConfigError` naming the first that is wrong."""
    shared = (*SHARED, *(SHIPPING if ships(vendor) else ()))
    declared = {setting.key: setting for setting in (*vendor.needs, *shared)}
    for key, value in given.items():
        if key not in declared:
            raise ConfigError(f"{vendor.name} has no setting {key!r}: there are {', '.join(declared)}")
        check(f"{vendor.name} {key}", declared[key].check, value)
    missing = [setting.key for setting in vendor.needs if setting.required and not given.get(setting.key)]
    if missing:
        raise ConfigError(f"{vendor.name} needs {', '.join(missing)}: give each with --set KEY=VALUE")
    return {key: setting.default for key, setting in declared.items() if setting.default} | dict(given)


def check(name: str, test: Callable[[str], object], value: str) -> None:
    """Raise `ConfigError` with the name and what would be right."""
    try:
        test(value)
    except ValueError as error:
        raise ConfigError(f"{name} must be {error}") from None


def make_connection(
    opened: Services,
    found: Store,
    destination: str,
    base_url: str,
    given: Mapping[str, str],
    *,
    name: str | None = None,
    rules: str | None = None,
) -> Connection:
    """Connect a store with these settings; raises `ConfigError` naming the first that is wrong or missing.

    `rules` are as `plugin.rules.rule_file.read` gives them; empty ones are removed, and None leaves them as they are.
    """
    vendor = destinations.get(destination)
    check("--base-url", validators.http_url, base_url)
    values = values_of(vendor, given)
    if rules and not ships(vendor):
        raise ConfigError(f"{vendor.name} books no parcels, and rules choose between connections that do")
    if name is not None and not re.fullmatch(r"[\w .-]{1,64}", name):
        raise ConfigError("--name must be up to 64 letters, digits, spaces, dots and hyphens")
    root = base_url.rstrip("/")
    account = vendor.account(values)
    secret = {setting.key for setting in vendor.needs if setting.secret}
    return opened.stores.connect(
        found,
        destination=vendor.name,
        account=account,
        # The same account at another address, such as the vendor's staging, is counted apart.
        lane=f"{vendor.name}:{account}@{root.partition('://')[2]}"[:128],
        base_url=root,
        plain={key: value for key, value in values.items() if key not in secret},
        secret={key: value for key, value in values.items() if key in secret},
        name=name,
        rules=rules,
    )
