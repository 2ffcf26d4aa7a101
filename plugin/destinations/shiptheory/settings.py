"""What a connection to Shiptheory may be told, and what an operator should know about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mappings.destinations.shiptheory import enums
from plugin.core import validators
from plugin.core.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_YES_OR_NO = validators.one_of("yes", "no")
_LONGEST_PREFIX = 10
# docs/vendors/shiptheory.md §9: at most 30 days ahead.
_RETURN_DAYS = 30
_SHORTEST_LINE, _LONGEST_LINE = 10, 255


def _prefix(text: str) -> None:
    if not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{_LONGEST_PREFIX}}}", text):
        raise ValueError(f"up to {_LONGEST_PREFIX} letters, digits, dots or hyphens")


def _between(least: int, most: int) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")

    return check


_LOGIN = (
    Setting(key="email", help="the account's e-mail; with `password`, or give `token` instead", secret=True),
    Setting(key="password", help="its password", secret=True),
    Setting(
        key="token",
        help="a permanent token, made at helm.shiptheory.com/user_tokens",
        secret=True,
        check=validators.header,
    ),
    Setting(
        key="partner_tag", help="issued by Shiptheory to apps that serve more than one company", check=validators.header
    ),
)
_SERVICE = (
    Setting(
        key="delivery_service",
        help="a service's id (`crossdock services shiptheory --store ID`); without it the account's rules decide",
        check=validators.digits,
    ),
    Setting(
        key="increment",
        help="which of several instances of that carrier; else the vendor's first",
        check=validators.digits,
    ),
    Setting(
        key="mark_for_approval",
        help="`yes` has every booking wait for a person at Shiptheory; needs `delivery_service`",
        default="no",
        check=_YES_OR_NO,
    ),
    Setting(
        key="reference_prefix",
        help="put before order numbers, where several shops share one account",
        check=_prefix,
    ),
)
_PARCEL = (
    Setting(key="default_weight_g", help="grams of an order whose lines have no weight", check=validators.positive),
    Setting(
        key="parcel_g", help="the most grams of one parcel; without it every order is one", check=validators.positive
    ),
    Setting(key="package_size", help="the id of a package size, for carriers that want one", check=validators.digits),
    Setting(key="origin_country", help="two letters, for lines that name no origin", check=validators.country),
    Setting(key="duty_tax_number", help="the sender's number for import taxes, sent where its type is asked for"),
    Setting(key="duty_tax_number_type", help="what kind it is", check=validators.one_of(*enums.DUTY_TAX_COUNTRIES)),
)
_TEXTS = (
    Setting(
        key="address_chars",
        help="the longest address line that the carriers print; the rest goes into the next line",
        default="35",
        check=_between(_SHORTEST_LINE, _LONGEST_LINE),
    ),
    Setting(
        key="script",
        help="`latin` writes names and addresses of other scripts in Latin letters",
        default="as_written",
        check=validators.one_of("as_written", "latin"),
    ),
    Setting(
        key="note_as_instructions",
        help="`yes` sends the buyer's note as delivery instructions",
        default="yes",
        check=_YES_OR_NO,
    ),
    Setting(key="missing_name", help="the other name of people of one name, since the vendor requires two"),
    Setting(key="missing_postcode", help="the postcode where an address has none, since the vendor requires one"),
    Setting(
        key="missing_sku",
        help="`variant` sends the shop's own id of a variant that has no SKU; `hold` holds the order",
        default="variant",
        check=validators.one_of("variant", "hold"),
    ),
)
_RETURNS = (
    Setting(
        key="return_service",
        help="a return service's id; with it a refunded order that was booked gets a return label",
        check=validators.digits,
    ),
    Setting(
        key="return_days",
        help="how many days a return label is good for",
        default=str(_RETURN_DAYS),
        check=_between(1, _RETURN_DAYS),
    ),
    Setting(
        key="lost_return",
        help="when the answer with a return label is lost: `again` makes another one, `never` asks a person",
        default="never",
        check=validators.one_of("again", "never"),
    ),
)
_SENDER = tuple(
    Setting(
        key=f"sender_{name}",
        help=f"the sender's {name.replace('_', ' ')}; without any sender_ setting the account's own address is used",
        check=validators.country if name == "country" else str,
    )
    for name in enums.SENDER
)
NEEDS = (*_LOGIN, *_SERVICE, *_PARCEL, *_TEXTS, *_RETURNS, *_SENDER)


def warnings(values: Mapping[str, str]) -> Iterator[str]:
    """Return what is set and can't work, or works otherwise than it looks."""
    if values.get("token") and values.get("password"):
        yield "token is used; email and password are not"
    if not values.get("delivery_service"):
        lost = [name for name in ("increment",) if values.get(name)]
        lost += ["mark_for_approval"] if values.get("mark_for_approval") == "yes" else []
        if lost:
            yield f"{', '.join(lost)} only work with delivery_service and are not sent"
        yield "no delivery_service: the rules of the Shiptheory account decide, and what fits none of them is held"
    if bool(values.get("duty_tax_number")) != bool(values.get("duty_tax_number_type")):
        yield "duty_tax_number and duty_tax_number_type go together: neither is sent"
    sender = {name for name in enums.SENDER if values.get(f"sender_{name}")}
    missing = sorted(enums.SENDER_REQUIRED - sender) if sender else []
    if missing:
        yield f"sender_{', sender_'.join(missing)} not set: every booking is held until they are"
