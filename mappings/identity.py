"""Who a document is about, in the words of customer-data receivers (storefront-to-segment.md section 6.3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Callable

    from mappings.canonical import Customer, Order

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
    """A connection's choice of ids; `user_id` is one of `USER_ID_STRATEGIES`."""

    user_id: str = "customer_id"
    anonymous_id_attributes: tuple[str, ...] = ANONYMOUS_ID_ATTRIBUTES
    alias: bool = True
    email_in_properties: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The ids of one person; `browsed` tells that the anonymous id was in use before the order was placed."""

    user_id: str | None
    anonymous_id: str | None
    browsed: bool = False

    @property
    def key(self) -> str:
        """The id that everything about this person is queued under."""
        return f"person:{self.user_id or self.anonymous_id}"


def person_of_order(order: Order, tenant: Tenant, rules: IdentityRules) -> Person:
    """Identify the buyer; a guest has no user id unless the strategy takes e-mail addresses."""
    email = (order.customer.email if order.customer else None) or order.email
    user_id = USER_ID_STRATEGIES[rules.user_id](order.customer.ref if order.customer else None, email, tenant)
    met = _from_attribute(order, tenant, rules) or _from_token(order, tenant)
    return Person(user_id=user_id, anonymous_id=met or _stable(tenant, "order", order.ref), browsed=met is not None)


def person_of_customer(customer: Customer, tenant: Tenant, rules: IdentityRules) -> Person:
    """Identify an account; where the strategy gives no user id, its own number makes a stable anonymous one."""
    user_id = USER_ID_STRATEGIES[rules.user_id](customer.ref, customer.email, tenant)
    return Person(user_id=user_id, anonymous_id=None if user_id else _stable(tenant, "customer", customer.ref))


def _from_attribute(order: Order, tenant: Tenant, rules: IdentityRules) -> str | None:
    given = dict(reversed(order.attributes))
    values = (given.get(name) for name in rules.anonymous_id_attributes)
    return next((value for value in values if value and _plausible(value, tenant)), None)


def _plausible(value: str, tenant: Tenant) -> bool:
    # A buyer can write anything here; an id of a known person would join that person's history to the buyer's.
    return len(value) <= _MAX_ID_CHARS and "@" not in value and not value.startswith(f"{tenant.platform}:")


def _from_token(order: Order, tenant: Tenant) -> str | None:
    if order.cart_ref:
        return _stable(tenant, "cart", order.cart_ref)
    return _stable(tenant, "checkout", order.checkout_ref) if order.checkout_ref else None


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
