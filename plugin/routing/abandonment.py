"""What came of a checkout since one version of it, so that only one that was left is called abandoned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin.storage import identity
from plugin.storage.identity import Link, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mappings.canonical.activity import Checkout
    from mappings.canonical.history import Visit
    from plugin.storage.identity import BasketVersion
    from plugin.storage.unit_of_work import UnitOfWork

# Under a cart's name: when a checkout of it was thrown away.
DISCARDED = "discarded"


def over(
    unit: UnitOfWork, mine: BasketVersion, checkout: Checkout, visits: Iterable[Visit], links: Mapping[str, Link]
) -> str | None:
    """Return why this version of a checkout can't be abandoned any more; None while nothing followed it.

    `visits` and `links` are what is known of the checkout and its cart. An order of the cart is enough, whichever
    checkout of it was completed: who bought the goods did not leave them.
    """
    if any(visit.order_ref for visit in visits):
        return "it became an order"
    gone = links.get(name_of("cart", checkout.cart_ref or ""), Link()).known.get(DISCARDED)
    if gone and gone >= checkout.updated_at.isoformat():
        return "it was deleted"
    return "it was touched since" if identity.is_outdated(unit, mine) else None
