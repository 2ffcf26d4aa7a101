"""Shopify as a storefront."""

from plugin.storefronts.shopify.webhooks import storefront

__all__ = ["storefront"]
