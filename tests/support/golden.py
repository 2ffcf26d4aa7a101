"""Goldens: expected values as JSON files, compared exactly.

`UPDATE_GOLDENS=1 pytest` writes them anew; read what changed against the vendor's documents before keeping it.
"""

# ruff: noqa: ANN401  (JSON documents and changes to dataclasses are of any type)

from __future__ import annotations

import dataclasses
import json
import os
from datetime import datetime
from decimal import Decimal
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from mappings.canonical import activity, history, orders
from mappings.canonical.history import History
from mappings.canonical.orders import Topic
from tests.support.folders import TESTS

if TYPE_CHECKING:
    from pathlib import Path

CANONICAL = TESTS / "canonical"
# What annotations of canonical values name; their modules import each other for type checking only.
_NAMES = {**vars(orders), **vars(activity), **vars(history), "datetime": datetime, "Decimal": Decimal}


# What a document of each topic is.
KINDS: dict[Topic, type] = {
    **dict.fromkeys(orders.ORDER_TOPICS | orders.FULFILLED_TOPICS, orders.Order),
    **dict.fromkeys(orders.CUSTOMER_TOPICS, orders.Customer),
    **dict.fromkeys(orders.COMPLIANCE_TOPICS | {Topic.APP_UNINSTALLED}, orders.ShopNotice),
    **dict.fromkeys((Topic.CART_CREATED, Topic.CART_UPDATED), activity.Cart),
    **dict.fromkeys((Topic.CHECKOUT_CREATED, Topic.CHECKOUT_UPDATED), activity.Checkout),
    **dict.fromkeys((Topic.FULFILMENT_CREATED, Topic.FULFILMENT_UPDATED), activity.Fulfilment),
    Topic.CHECKOUT_DELETED: activity.Discard,
    Topic.REFUND_CREATED: activity.Refund,
    Topic.PAYMENT_CREATED: activity.Payment,
    Topic.PARCEL_SCANNED: activity.ParcelScan,
    Topic.PARCEL_BOOKED: activity.Parcel,
    Topic.CUSTOMER_MERGED: activity.Merge,
    Topic.CUSTOMER_DELETED: activity.Departure,
    Topic.CONSENT_UPDATED: activity.Consent,
}


def cases(folder: Path) -> list[Path]:
    """List the samples of a folder; pytest shows them by name."""
    found = sorted(folder.glob("*.json"))
    assert found, f"no samples in {folder}"
    return found


def check(found: object, golden: Path) -> None:
    """Compare exactly; `"None"` in a golden is a mapping mistake that was taken for the truth once elsewhere."""
    text = json.dumps(plain(found), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDENS") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert golden.exists(), f"{golden} is missing: write it with UPDATE_GOLDENS=1, and read it"
    assert text == golden.read_text(), f"{golden} differs"
    assert '"None"' not in text
    assert '"null"' not in text


def topic_of(path: Path) -> Topic:
    """Return the topic of a canonical sample: the file is named after it."""
    return Topic(path.stem.partition("__")[0])


def plain(value: object) -> Any:
    """Turn canonical values into JSON ones: money as text, times as ISO 8601, what nobody said left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        return {name: plain(item) for name, item in named.items() if item is not None}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, Decimal) else value


def read(kind: Any, path: Path) -> Any:
    """Read a canonical sample back into its dataclass, without the history that may lie beside it."""
    stored = json.loads(path.read_text())
    stored.pop("history", None)
    return _value(kind, stored)


def read_history(path: Path) -> History:
    """Read what is known beside a canonical sample."""
    found: History = _value(History, json.loads(path.read_text()).get("history", {}))
    return found


def _value(kind: Any, stored: Any) -> Any:
    if isinstance(kind, UnionType):
        kind = next(option for option in get_args(kind) if _fits(option, stored))
    if get_origin(kind) is tuple:
        return tuple(_value(get_args(kind)[0], item) for item in stored)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind, localns=_NAMES)
        return kind(**{name: _value(hints[name], item) for name, item in stored.items()})
    return _scalar(kind, stored)


def _fits(option: Any, stored: Any) -> bool:
    """Return whether a dataclass has every key that is stored."""
    if dataclasses.is_dataclass(option):
        return set(stored) <= {item.name for item in dataclasses.fields(option)}
    return option is not type(None)


def _scalar(kind: Any, stored: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(stored)
    return Decimal(stored) if kind is Decimal else stored
