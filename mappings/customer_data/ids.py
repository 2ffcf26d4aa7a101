"""Ids of people at customer-data receivers, and the choices about them (docs/vendors/storefront-to-segment.md §6.3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Callable

    from mappings.canonical.history import Visit

# Ours, made once; changing it would turn every guest into somebody new.
_NAMESPACE: Final = UUID("6f0b0c7e-5d2c-4c7b-9d53-0f5f3a1e8b42")

_MAX_ID_CHARS: Final = 128

ANONYMOUS_ID_ATTRIBUTES: Final = (
    "rudderAnonymousId",
    "segment-clientID",
    "_cdpAnonymousId",
    "ajs_anonymous_id",
    "anonymousId",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The shop that a document came from; its name keeps equal ids of different shops apart."""

    platform: str
    shop: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """A connection's choices about people; `user_id` is one of `USER_ID_STRATEGIES`.

    `alias`: join ids by alias; without it an identify with both ids joins them, as Segment's Unify wants it. `sale`:
    an order is a sale once it is `placed`, or once it is `paid`. `test_orders`: send them too. `consent`: send only
    of people who agreed to be written to. `abandoned_hours`: a checkout that stays untouched for so long is abandoned;
    with 0 none ever is.
    """

    user_id: str = "customer_id"
    anonymous_id_attributes: tuple[str, ...] = ANONYMOUS_ID_ATTRIBUTES
    alias: bool = True
    email_in_properties: bool = False
    sale: str = "placed"
    test_orders: bool = True
    consent: bool = False
    abandoned_hours: int = 24


def user_id(ref: str | None, email: str | None, tenant: Tenant, rules: IdentityRules) -> str | None:
    """Return the user id of a customer of this number and address; None where the strategy makes none of them."""
    return USER_ID_STRATEGIES[rules.user_id](ref, email, tenant)


def anonymous_id(visit: Visit, tenant: Tenant, rules: IdentityRules) -> str:
    """Return a visitor's id: an attribute, else a stable id of cart, checkout, order or account; never random."""
    rungs = (
        ("cart", visit.cart_ref),
        ("checkout", visit.checkout_ref),
        ("order", visit.order_ref),
        ("customer", visit.customer_ref),
    )
    stable = (_stable(tenant, kind, ref) for kind, ref in rungs if ref)
    return from_attribute(visit, tenant, rules) or next(stable)


def from_attribute(visit: Visit, tenant: Tenant, rules: IdentityRules) -> str | None:
    """Return the anonymous id that the shop's pages wrote into the cart, by the first name that holds one."""
    given = dict(reversed(visit.attributes))
    values = (given.get(name) for name in rules.anonymous_id_attributes)
    return next((value for value in values if value and _plausible(value, tenant)), None)


def _plausible(value: str, tenant: Tenant) -> bool:
    # A buyer can write anything here; an id of a known person would join that person's history to the buyer's.
    return len(value) <= _MAX_ID_CHARS and "@" not in value and not value.startswith(f"{tenant.platform}:")


def _stable(tenant: Tenant, kind: str, ref: str) -> str:
    return str(uuid5(_NAMESPACE, f"{tenant.platform}:{tenant.shop}:{kind}:{ref}"))


def _namespaced(ref: str | None, _email: str | None, tenant: Tenant) -> str | None:
    return f"{tenant.platform}:{tenant.shop}:{ref}" if ref else None


def _bare(ref: str | None, _email: str | None, _tenant: Tenant) -> str | None:
    return ref


def _email(_ref: str | None, email: str | None, _tenant: Tenant) -> str | None:
    return email.strip().lower() if email else None


def _sha256(_ref: str | None, email: str | None, _tenant: Tenant) -> str | None:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest() if email else None


def _md5(_ref: str | None, email: str | None, _tenant: Tenant) -> str | None:
    # For shops that used Littledata before: their history is filed under this hash. It protects nothing.
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest() if email else None


def _nobody(_ref: str | None, _email: str | None, _tenant: Tenant) -> str | None:
    return None


USER_ID_STRATEGIES: Final[dict[str, Callable[[str | None, str | None, Tenant], str | None]]] = {
    "customer_id": _namespaced,
    "customer_id_bare": _bare,
    "email": _email,
    "sha256_email": _sha256,
    "md5_email": _md5,
    "none": _nobody,
}

# Under these a guest is known by the address, and is the account of that address from the beginning.
BY_EMAIL: Final = frozenset({"email", "sha256_email", "md5_email"})
