"""What surrounds a call where it is kept: browser, language, campaign (docs/vendors/storefront-to-segment.md §6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from mappings.canonical.activity import Checkout
from mappings.canonical.orders import Customer, Order
from mappings.customer_data.properties import known

if TYPE_CHECKING:
    from mappings.canonical.document import Document
    from mappings.customer_data.ids import Tenant

LIBRARY: Final = {"name": "crossdock", "version": "0.1.0"}
# A campaign's own name is `name`, the other parameters keep theirs (docs/vendors/segment.md §4).
_CAMPAIGN: Final = {
    "utm_campaign": "name",
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_term": "term",
    "utm_content": "content",
}


def context_of(document: Document, tenant: Tenant, *, named: bool) -> dict[str, object]:
    """Return what a document knows of the visit, in the keys of Segment's common fields (docs/vendors/segment.md §4).

    A receiver sees our address and not the buyer's, so `ip` is passed on. Of the landing page only the campaign is:
    its address may hold the token of a cart or of an account. The customer's number goes with a call that is `named`,
    that is one with a user id: receivers join people by it.
    """
    said = _of_visit(document) if isinstance(document, (Order, Checkout)) else {}
    ids = _external_ids(document, tenant) if named else None
    return known({"library": LIBRARY, "channel": "server", **said, "externalIds": ids})


def _of_visit(bought: Order | Checkout) -> dict[str, object]:
    client = bought.client
    return {
        "ip": client.ip,
        "userAgent": client.user_agent,
        "locale": bought.locale,
        "campaign": _campaign(client.landing_url),
        "page": {"referrer": client.referrer} if client.referrer else None,
    }


def _campaign(landing_url: str | None) -> dict[str, str] | None:
    try:
        query = parse_qsl(urlsplit(landing_url or "").query)
    except ValueError:
        # A buyer can write anything here; what is no address has no campaign.
        return None
    found = {_CAMPAIGN[name]: value for name, value in query if name in _CAMPAIGN}
    return found or None


def _external_ids(document: Document, tenant: Tenant) -> list[dict[str, str]] | None:
    """Return the customer's number at the storefront, unlike any other shop's (docs/vendors/segment.md §4, EXT)."""
    customer = document.customer if isinstance(document, (Order, Checkout)) else document
    if not isinstance(customer, Customer):
        return None
    ref = f"{tenant.platform}:{tenant.shop}:{customer.ref}"
    kind = f"{tenant.platform}_customer_id"
    return [{"id": ref, "type": kind, "collection": "users", "encoding": "none"}]
