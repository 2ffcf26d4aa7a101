"""What the receivers of Segment's wire format differ in (docs/vendors/segment.md §2, §3, §5, §7 and §11)."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from plugin.sandbox.kit.call import Call, VendorError

Keys = Callable[[Call], str | None]


def _basic(call: Call) -> str | None:
    """Return the key of HTTP Basic; the colon after it is required (§2)."""
    scheme, _, coded = (call.headers.get("Authorization") or "").partition(" ")
    try:
        key, colon, _ = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return key if scheme == "Basic" and colon else None


def _header(call: Call) -> str | None:
    return call.headers.get("X-Write-Key")


def _query(call: Call) -> str | None:
    return call.query.get("writekey")


def _body(call: Call) -> str | None:
    key = call.body.get("writeKey") if isinstance(call.body, dict) else None
    return key if isinstance(key, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Sizes in bytes; where the page does not know whether KB are 1,000 or 1,024 bytes, the smaller. None: no limit.

    `too_large` and `no_key` are the statuses of these refusals. `whole`: one message without an id spoils its batch.
    """

    keys: tuple[Keys, ...] = (_basic, _body)
    batches: tuple[str, ...] = ("/v1/batch",)
    singles: tuple[str, ...] = ("/v1",)
    most_body: int = 500_000
    most_item: int | None = 31_999
    most_items: int | None = 2_500
    too_large: int = 400
    no_key: int = 400
    whole: bool = False
    repeats: bool = False
    longest_event: int | None = None
    safe_ids: bool = False

    def key(self, call: Call) -> str:
        """Return the key, or refuse its absence; keys that start with `revoked` are good for nothing."""
        found = next((key for read in self.keys if (key := read(call))), None)
        if not found or found.startswith("revoked"):
            raise VendorError(self.no_key, "An invalid write key was provided")
        return found


def _no_bearer(call: Call) -> str | None:
    if (call.headers.get("Authorization") or "").startswith("Bearer"):
        raise VendorError(400, "Bearer is not supported")
    return None


RECEIVERS = {
    "segment": Receiver(repeats=True),
    "rudderstack": Receiver(
        keys=(_basic,), most_body=4_000_000, most_items=None, too_large=413, no_key=401, whole=True
    ),
    "jitsu": Receiver(
        keys=(_no_bearer, _basic, _header, _query, _body),
        batches=("/v1/batch", "/v1/b", "/batch", "/api/s/s2s/batch"),
        singles=("/api/s", "/api/s/s2s"),
        most_body=1_000_000,
        most_item=None,
        most_items=None,
        no_key=401,
        longest_event=128,
        safe_ids=True,
    ),
    "customerio": Receiver(keys=(_basic,), no_key=401),
}
