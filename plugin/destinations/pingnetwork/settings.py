"""What a connection to Ping Network is told: addresses with places to fill, their names for our fields, SKUs and zones.

The vendor hands the reference of its customers out on request, so nothing about them is fixed here.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from mappings.customer_data import ids
from mappings.destinations import pingnetwork as mapping
from plugin.core.step import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mappings.canonical.orders import Order
    from plugin.core.step import StoreFacts, Work

YES_OR_NO = ("yes", "no")
# Those made of an e-mail address would change with it, and the record would be lost.
STRATEGIES = ("customer_id", "customer_id_bare")
CUSTOMER_FIELDS = "external_id=id,email=email,first_name=first_name,last_name=last_name,phone=phone"
_VERSION = re.compile(r"v[0-9]+")
# Its reference shows neither `reusable` nor a pause.
_WITHOUT_PAUSE = "v1"


def check_version(text: str) -> None:
    """Raise `ValueError` unless a text is a version as it stands in the path."""
    if not _VERSION.fullmatch(text):
        raise ValueError("a version such as v2")


def path_with(*places: str) -> Callable[[str], None]:
    """Check for a path that holds each of these places to be filled in; `{version}` may be one too."""

    def check(text: str) -> None:
        try:
            parts = list(Formatter().parse(text))
            shape = urlsplit(text)
        except ValueError:
            parts, shape = [], urlsplit("")
        plain = all(not spec and conversion is None for _, _, spec, conversion in parts)
        named = {name for _, name, _, _ in parts if name is not None}
        fits = plain and set(places) <= named <= {*places, "version"}
        if not (fits and shape.path.startswith("/") and text.isascii() and not (shape.netloc or shape.fragment)):
            needed = "".join(f" with {{{place}}} in it" for place in places)
            raise ValueError(f"a path such as /{{version}}/…{needed}")

    return check


def check_fields(text: str) -> None:
    """Raise `ValueError` unless a text gives their names for our fields, with the one for our id among them."""
    known = ", ".join(mapping.CUSTOMER_FIELDS)
    ours = list(pairs(text).values())
    if not set(ours) <= set(mapping.CUSTOMER_FIELDS) or ours.count("id") != 1:
        raise ValueError(f"THEIRS=OURS with commas between, with id once; ours are {known}")


def check_skus(text: str) -> None:
    """Raise `ValueError` unless a text gives SKUs with the zone of each."""
    if not pairs(text):
        raise ValueError("SKU=ZONE with commas between, such as VPN-1M=us-east")


def pairs(text: str) -> dict[str, str]:
    """Read `a=b,c=d`; raises `ValueError` when a part is not of this form, or a name stands twice."""
    split = [part.rpartition("=") for part in text.split(",") if part.strip()]
    found = {name.strip(): value.strip() for name, _, value in split}
    if len(found) != len(split) or not all(name and value for name, value in found.items()):
        raise ValueError("NAME=VALUE with commas between, each name once")
    return found


def our_field(values: Mapping[str, str]) -> str:
    """Their name for the id that we give a customer."""
    return next(theirs for theirs, ours in pairs(values["customer_fields"]).items() if ours == "id")


def can_pause(values: Mapping[str, str]) -> bool:
    """Return whether sessions opened with these settings can be paused: reusable ones only, since version 2."""
    return values["session_reusable"] == "yes" and knows_reusable(values)


def knows_reusable(values: Mapping[str, str]) -> bool:
    """Return whether a session of this version may be reusable."""
    return values["version"] != _WITHOUT_PAUSE


def client_id(customer_ref: str, store: StoreFacts, values: Mapping[str, str]) -> str:
    """Return the id under which the vendor knows a customer."""
    tenant = ids.Tenant(platform=store.platform, shop=store.address)
    return ids.USER_ID_STRATEGIES[values["user_id"]](customer_ref, None, tenant) or customer_ref


def buyer_id(order: Order, store: StoreFacts, values: Mapping[str, str]) -> str:
    """Return the id under which the vendor knows an order's buyer; a guest is known by the order."""
    if order.customer is None:
        return f"{store.platform}:{store.address}:order:{order.ref}"
    return client_id(order.customer.ref, store, values)


def call(
    work: Work,
    method: str,
    setting: str,
    *,
    body: Mapping[str, object] | None = None,
    repeatable: bool = False,
    **places: str,
) -> Request:
    """Return the call to the address that a setting gives; the vendor shows no `Bearer` before the token."""
    filled = {name: quote(value, safe="") for name, value in places.items()}
    address = urlsplit(work.settings[setting].format(version=work.settings["version"], **filled))
    return Request(
        method=method,
        path=address.path,
        headers={"Authorization": work.settings["token"]},
        query=dict(parse_qsl(address.query, keep_blank_values=True)),
        body=body,
        repeatable=repeatable,
    )
