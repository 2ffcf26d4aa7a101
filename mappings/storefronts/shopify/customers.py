"""LOADS: what Shopify says of customers beside records: merges, deletions, consent (docs/vendors/shopify.md §5)."""

from __future__ import annotations

import re
from typing import Final

from marshmallow import fields

from mappings.canonical.activity import Consent, Departure, Merge
from mappings.schemas.fields import Identifier, Text
from mappings.schemas.schema import Inbound, PayloadRejected
from mappings.storefronts.shopify.schemas import AGREED, ConsentSchema


class _MergeSchema(Inbound):
    """The body of `customers/merge`; `errors` is there also where there are none."""

    into = dict

    kept = Text(data_key="admin_graphql_api_customer_kept_id", required=True)
    deleted = Text(data_key="admin_graphql_api_customer_deleted_id", required=True)
    status = Text(required=True)
    errors = fields.List(fields.Raw(allow_none=True), allow_none=True)


class _DepartureSchema(Inbound):
    """The body of `customers/delete`."""

    into = Departure

    ref = Identifier(data_key="id", required=True)


class _ConsentNewsSchema(Inbound):
    """The bodies of both consent topics: one holds `customer_id`, the other only `id`."""

    into = dict

    customer_ref = Identifier(data_key="customer_id", allow_none=True)
    ref = Identifier(data_key="id", allow_none=True)
    email_address = Text()
    email = fields.Nested(ConsentSchema, data_key="email_marketing_consent", allow_none=True)
    sms = fields.Nested(ConsentSchema, data_key="sms_marketing_consent", allow_none=True)


_MERGE: Final = _MergeSchema()
_DEPARTURE: Final = _DepartureSchema()
_CONSENT: Final = _ConsentNewsSchema()

_GID: Final = re.compile(r"gid://shopify/Customer/(\d+)")
# Only `failed` is documented by a sample. What a success is called is not said, so every plausible word is taken, and
# one that nobody thought of is held.
_MERGED: Final = {
    **dict.fromkeys(("success", "succeeded", "completed", "complete"), True),
    **dict.fromkeys(("failed", "in_progress", "requested"), False),
}


def merge(document: object) -> Merge:
    """Load the body of `customers/merge`."""
    data = _MERGE.read(document, "shopify customer merge")
    succeeded = _MERGED.get(data["status"].lower())
    if succeeded is None:
        raise PayloadRejected("shopify customer merge: status: a word that nobody documents")
    refs = {name: _number(data[name], field) for name, field in (("kept", "kept_id"), ("deleted", "deleted_id"))}
    succeeded = succeeded and not data.get("errors") and refs["kept"] != refs["deleted"]
    return Merge(kept_ref=refs["kept"], deleted_ref=refs["deleted"], succeeded=succeeded)


def _number(gid: str, field: str) -> str:
    found = _GID.fullmatch(gid)
    if found is None:
        raise PayloadRejected(f"shopify customer merge: admin_graphql_api_customer_{field}: not a customer's id")
    return found[1]


def departure(document: object) -> Departure:
    """Load the body of `customers/delete`."""
    gone: Departure = _DEPARTURE.read(document, "shopify customer deletion")
    return gone


def consent(document: object) -> Consent:
    """Load the body of `customers_email_marketing_consent/update` or `customers_marketing_consent/update` (SMS)."""
    data = _CONSENT.read(document, "shopify consent")
    ref = data.get("customer_ref") or data.get("ref")
    channel = next((name for name in ("email", "sms") if data.get(name) is not None), None)
    if ref is None or channel is None:
        missing = "customer_id" if ref is None else "email_marketing_consent"
        raise PayloadRejected(f"shopify consent: {missing}: Missing data for required field")
    state = data[channel].get("state")
    return Consent(
        customer_ref=ref,
        channel=channel,
        state=state,
        given=AGREED.get(state or ""),
        at=data[channel].get("updated_at"),
        email=data.get("email_address"),
    )
