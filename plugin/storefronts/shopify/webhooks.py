"""Shopify: signed webhooks of every topic that the platform documents.

The signature covers the body only (`docs/vendors/shopify.md` §4): topic, shop and id headers are not
authenticated. The shop header selects the store, and what a body says about its shop is compared with it afterwards.
Still to come, each in a section of its own below: the install flow, write-back of fulfilments, backfill.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mappings.storefronts import shopify as mapping
from plugin.core.errors import ConfigError, Unverified
from plugin.core.event import Envelope
from plugin.core.setting import Setting
from plugin.storefronts.shopify.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mappings.canonical.document import Document
    from mappings.canonical.orders import Topic

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_DIGEST_BYTES = hashlib.sha256().digest_size
_SPARE_DIGITS = re.compile(r"(\.\d{6})\d+")


class Shopify:
    """Webhooks of Shopify shops."""

    name = "shopify"
    needs = (
        Setting(key="API_KEY", help="the app's client id; needed for installing from the Shopify admin"),
        Setting(key="API_SECRET", help="the app's client secret; signs the webhooks of every shop", secret=True),
        Setting(
            key="API_SECRET_PREVIOUS", help="the former client secret, while Shopify still signs with it", secret=True
        ),
    )
    topics = TOPICS

    def normal_address(self, address: str) -> str:
        """Return `name.myshopify.com`, which never changes; a shop's own domain may."""
        plain = address.strip().lower().removeprefix("https://").rstrip("/")
        if not _SHOP.fullmatch(plain):
            raise ConfigError(f"{address!r} is not a Shopify address: write NAME.myshopify.com")
        return plain

    def signature(self, headers: Mapping[str, str]) -> str:
        """Return the base64 text of `X-Shopify-Hmac-SHA256`; raise `Unverified` unless it holds a SHA-256."""
        text = headers.get("X-Shopify-Hmac-Sha256", "")
        try:
            digest = base64.b64decode(text.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise Unverified("X-Shopify-Hmac-SHA256 is not base64") from None
        if len(digest) != _DIGEST_BYTES:
            raise Unverified("X-Shopify-Hmac-SHA256 is missing or no SHA-256")
        return text

    def address(self, headers: Mapping[str, str]) -> str | None:
        """Return the shop that the unsigned `X-Shopify-Shop-Domain` names, or None."""
        shop = headers.get("X-Shopify-Shop-Domain", "").strip().lower()
        return shop if _SHOP.fullmatch(shop) else None

    def app_secrets(self, environment: Mapping[str, str]) -> Sequence[str]:
        """Return the app's secret and the one before it: Shopify signs with the oldest that is not revoked."""
        names = ("SHOPIFY_API_SECRET", "SHOPIFY_API_SECRET_PREVIOUS")
        return [environment[name] for name in names if environment.get(name)]

    def verify(self, signature: str, raw: bytes, secrets: Sequence[str]) -> bool:
        """Return whether the signature is base64(HMAC-SHA256(secret, raw body)) of any of the secrets."""
        sent = base64.b64decode(signature)
        made = [hmac.new(secret.encode(), raw, hashlib.sha256).digest() for secret in secrets]
        return any([hmac.compare_digest(sent, digest) for digest in made])  # noqa: C419  (no short cut: constant time)

    def envelope(self, headers: Mapping[str, str], raw: bytes) -> Envelope:
        """Return id, topic, version and time of a webhook; one without an id is named by its topic and body."""
        topic = headers.get("X-Shopify-Topic", "").strip()
        return Envelope(
            webhook_id=headers.get("X-Shopify-Webhook-Id", "").strip() or _substitute_id(topic, raw),
            platform_topic=topic,
            api_version=headers.get("X-Shopify-API-Version", "").strip() or None,
            triggered_at=_moment(headers.get("X-Shopify-Triggered-At", "")),
        )

    def load(self, topic: Topic, document: object, shop: str) -> Document:
        """Return a parsed body as a canonical value, such as an order, a customer or a notice about the shop."""
        return mapping.load(topic, document, shop)


def _substitute_id(topic: str, raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(topic.encode("utf-8", "replace") + b"\n" + raw).hexdigest()


def _moment(text: str) -> datetime | None:
    # RFC 3339 with nanoseconds; datetime keeps microseconds.
    try:
        moment = datetime.fromisoformat(_SPARE_DIGITS.sub(r"\1", text.strip()))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


storefront = Shopify()
