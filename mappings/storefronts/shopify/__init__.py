"""Shopify's webhook bodies as canonical values."""

from mappings.storefronts.shopify.documents import load

__all__ = ["load"]
