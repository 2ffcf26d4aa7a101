"""Connections: a store's accounts at destinations, with their settings and rules."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from plugin import destinations
from plugin.core import validators
from plugin.core.errors import ConfigError
from plugin.core.setting import Setting
from plugin.delivery.lane_limits import SHARED, limits_of
from plugin.destinations.base import ships
from plugin.rules import rule_file
from plugin.storage.stores import require_store

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


def declared_settings(vendor: Destination) -> tuple[Setting, ...]:
    """Return every setting of a connection to this vendor: its own, those that all have, and those of carriers.

    The default of `rate` is the vendor's published limits.
    """
    limits = ",".join(map(str, vendor.limits))
    shared = (replace(setting, default=limits) if setting.key == "rate" else setting for setting in SHARED)
    return (*vendor.needs, *shared, *(SHIPPING if ships(vendor) else ()))


def values_of(vendor: Destination, given: Mapping[str, str]) -> dict[str, str]:
    """Return every setting that has a value, given or by default; raise `ConfigError` naming the first wrong one.

    A `rate` that was not given has none, so that the vendor's limits are kept as a later version knows them.
    """
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
    """Raise `ConfigError` with the name and what would be right, if `test` refuses the value by `ValueError`."""
    try:
        test(value)
    except ValueError as error:
        raise ConfigError(f"{name} must be {error}") from None


def connect(
    opened: Services,
    store_id: str,
    destination: str,
    base_url: str,
    given: Mapping[str, str],
    *,
    name: str | None = None,
    rules: str | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Connect the store of this id as `make_connection` does; return the connection's row and what to know about it.

    Raises:
        ConfigError: no such store, or what `make_connection` refuses.
    """
    store = require_store(opened.stores, store_id)
    made = make_connection(opened, store, destination, base_url, given, name=name, rules=rules)
    return _row(made), destinations.get(destination).warnings(made.values)


def list_connections(opened: Services, store_id: str | None = None) -> list[dict[str, Any]]:
    """Return every connection that was not removed, oldest first; no secret is among what is said of it."""
    return [_row(item) for item in opened.stores.connections(store_id)]


def make_connection(
    opened: Services,
    store: Store,
    destination: str,
    base_url: str,
    given: Mapping[str, str],
    *,
    name: str | None = None,
    rules: str | None = None,
) -> Connection:
    """Connect a store with these settings, or give its connection of this name others; return the connection.

    `rules` are as `plugin.rules.rule_file.read` returns them; empty ones are removed, and None leaves them as they are.

    Raises:
        ConfigError: a setting is wrong or missing (named), or rules are given to a destination that books nothing.
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
        store,
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


def _row(item: Connection) -> dict[str, Any]:
    return {
        "id": item.id,
        "destination": item.destination,
        "name": item.name,
        "store": item.store_id,
        "account": item.account,
        "base_url": item.base_url,
        "rate": ",".join(map(str, limits_of(item))),
        "state": item.state,
        "reason": item.reason,
        "books": _books(item),
        "rules": json.loads(item.rules) if item.rules else None,
    }


def _books(item: Connection) -> str | None:
    """Return the names of the rules by which it books, with their priority; None where nothing is booked."""
    if not ships(destinations.get(item.destination)):
        return None
    found = rule_file.book(item.rules)
    names = ", ".join(rule.name for rule in found.rules)
    return f"{names} (priority {found.priority})"
