"""Every topic that Shopify documents: ours, or why it is left alone.

The list is that of the API version 2026-04 (metadata collected from Shopify's own reference); a topic that is not in
it is stored and reported, never guessed at.
"""

from __future__ import annotations

from mappings.canonical.orders import Topic
from plugin.storefronts.base import Ignored

_LOGISTICS = Ignored("holds Shopify's own routing of work, with ids and states only; nothing here follows from it")
_CATALOGUE = Ignored("about the catalogue, not about an order or a customer")
_ADMIN = Ignored("about the shop's administration, not about an order or a customer")
_DRAFT = Ignored("a draft is no order yet; completing it sends orders/create")
_PARTIAL_CUSTOMER = Ignored("holds one aspect of a customer; customers/update brings the whole")
_RETURNS = Ignored("a return ships towards the shop; return labels are not mapped yet")
_MONEY = Ignored("payments as such; orders/paid, orders/updated and order_transactions/create carry their effect")
_B2B = Ignored("company accounts are not mapped")

TOPICS: dict[str, Topic | Ignored] = {
    "orders/create": Topic.ORDER_CREATED,
    "orders/updated": Topic.ORDER_UPDATED,
    "orders/paid": Topic.ORDER_PAID,
    "orders/cancelled": Topic.ORDER_CANCELLED,
    "orders/fulfilled": Topic.ORDER_FULFILLED,
    "orders/partially_fulfilled": Topic.ORDER_PARTLY_FULFILLED,
    "refunds/create": Topic.REFUND_CREATED,
    "order_transactions/create": Topic.PAYMENT_CREATED,
    "fulfillments/create": Topic.FULFILMENT_CREATED,
    "fulfillments/update": Topic.FULFILMENT_UPDATED,
    "fulfillment_events/create": Topic.PARCEL_SCANNED,
    "carts/create": Topic.CART_CREATED,
    "carts/update": Topic.CART_UPDATED,
    "checkouts/create": Topic.CHECKOUT_CREATED,
    "checkouts/update": Topic.CHECKOUT_UPDATED,
    "checkouts/delete": Topic.CHECKOUT_DELETED,
    "customers/create": Topic.CUSTOMER_CREATED,
    "customers/update": Topic.CUSTOMER_UPDATED,
    "customers/enable": Topic.CUSTOMER_UPDATED,
    "customers/disable": Topic.CUSTOMER_UPDATED,
    "customers/delete": Topic.CUSTOMER_DELETED,
    "customers/merge": Topic.CUSTOMER_MERGED,
    "customers_email_marketing_consent/update": Topic.CONSENT_UPDATED,
    "customers_marketing_consent/update": Topic.CONSENT_UPDATED,
    "app/uninstalled": Topic.APP_UNINSTALLED,
    "customers/data_request": Topic.CUSTOMER_DATA_REQUESTED,
    "customers/redact": Topic.CUSTOMER_REDACTED,
    "shop/redact": Topic.SHOP_REDACTED,
    "fulfillment_events/delete": Ignored("takes back what a carrier said on its way; a delivery is never taken back"),
    "orders/edited": Ignored("lists changed line ids only; orders/updated brings the whole order"),
    "orders/delete": Ignored("only orders without payment can be deleted; orders/cancelled came before"),
    "orders/risk_assessment_changed": _ADMIN,
    "orders/shopify_protect_eligibility_changed": _ADMIN,
    "orders/link_requested": _ADMIN,
}


def _ignore(reason: Ignored, *topics: str) -> None:
    TOPICS.update(dict.fromkeys(topics, reason))


_ignore(
    _LOGISTICS,
    *(
        f"fulfillment_orders/{what}"
        for what in (
            "cancellation_request_accepted",
            "cancellation_request_rejected",
            "cancellation_request_submitted",
            "cancelled",
            "fulfillment_request_accepted",
            "fulfillment_request_rejected",
            "fulfillment_request_submitted",
            "fulfillment_service_failed_to_complete",
            "hold_released",
            "line_items_prepared_for_local_delivery",
            "line_items_prepared_for_pickup",
            "manually_reported_progress_stopped",
            "merged",
            "moved",
            "order_routing_complete",
            "placed_on_hold",
            "progress_reported",
            "rescheduled",
            "scheduled_fulfillment_order_ready",
            "split",
        )
    ),
)
_ignore(
    _CATALOGUE,
    "products/create",
    "products/update",
    "products/delete",
    "collections/create",
    "collections/update",
    "collections/delete",
    "collection_listings/add",
    "collection_listings/remove",
    "collection_listings/update",
    "product_listings/add",
    "product_listings/remove",
    "product_listings/update",
    "product_feeds/create",
    "product_feeds/update",
    "product_feeds/full_sync",
    "product_feeds/full_sync_finish",
    "product_feeds/incremental_sync",
    "inventory_items/create",
    "inventory_items/update",
    "inventory_items/delete",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_levels/update",
    "variants/in_stock",
    "variants/out_of_stock",
    "selling_plan_groups/create",
    "selling_plan_groups/update",
    "selling_plan_groups/delete",
    "discounts/create",
    "discounts/update",
    "discounts/delete",
    "discounts/redeemcode_added",
    "discounts/redeemcode_removed",
)
_ignore(
    _ADMIN,
    "app/scopes_update",
    "app_purchases_one_time/update",
    "app_subscriptions/approaching_capped_amount",
    "app_subscriptions/update",
    "audit_events/admin_api_activity",
    "bulk_operations/finish",
    "channels/delete",
    "domains/create",
    "domains/destroy",
    "domains/update",
    "finance_app_staff_member/delete",
    "finance_app_staff_member/grant",
    "finance_app_staff_member/revoke",
    "finance_app_staff_member/update",
    "locales/create",
    "locales/destroy",
    "locales/update",
    "locations/activate",
    "locations/create",
    "locations/deactivate",
    "locations/delete",
    "locations/update",
    "markets/create",
    "markets/update",
    "markets/delete",
    "metafield_definitions/create",
    "metafield_definitions/update",
    "metafield_definitions/delete",
    "metaobjects/create",
    "metaobjects/update",
    "metaobjects/delete",
    "profiles/create",
    "profiles/update",
    "profiles/delete",
    "publications/delete",
    "segments/create",
    "segments/update",
    "segments/delete",
    "shop/update",
    "tax_services/create",
    "tax_services/update",
    "tax_partners/update",
    "themes/create",
    "themes/update",
    "themes/delete",
    "themes/publish",
)
_ignore(_DRAFT, "draft_orders/create", "draft_orders/update", "draft_orders/delete")
_ignore(
    _PARTIAL_CUSTOMER,
    "customers/purchasing_summary",
    "customer.tags_added",
    "customer.tags_removed",
    "customer.joined_segment",
    "customer.left_segment",
    "customer_groups/create",
    "customer_groups/update",
    "customer_groups/delete",
    "customer_account_settings/update",
)
_ignore(
    _RETURNS,
    *(
        f"returns/{what}"
        for what in ("approve", "cancel", "close", "decline", "process", "reopen", "request", "update")
    ),
    "reverse_deliveries/attach_deliverable",
    "reverse_fulfillment_orders/dispose",
)
_ignore(
    _MONEY,
    "tender_transactions/create",
    "payment_schedules/due",
    "payment_terms/create",
    "payment_terms/update",
    "payment_terms/delete",
    "disputes/create",
    "disputes/update",
    "customer_payment_methods/create",
    "customer_payment_methods/revoke",
    "customer_payment_methods/update",
    "subscription_billing_attempts/challenged",
    "subscription_billing_attempts/failure",
    "subscription_billing_attempts/success",
    "subscription_billing_cycle_edits/create",
    "subscription_billing_cycle_edits/delete",
    "subscription_billing_cycle_edits/update",
    "subscription_billing_cycles/skip",
    "subscription_billing_cycles/unskip",
    "subscription_contracts/activate",
    "subscription_contracts/cancel",
    "subscription_contracts/create",
    "subscription_contracts/expire",
    "subscription_contracts/fail",
    "subscription_contracts/pause",
    "subscription_contracts/update",
)
_ignore(
    _B2B,
    "companies/create",
    "companies/update",
    "companies/delete",
    "company_contact_roles/assign",
    "company_contact_roles/revoke",
    "company_contacts/create",
    "company_contacts/update",
    "company_contacts/delete",
    "company_locations/create",
    "company_locations/update",
    "company_locations/delete",
)
