"""When a message happened, as receivers reckon it (`segment.md` section 6)."""

from datetime import UTC, datetime


def corrected(received: datetime, sent_at: object, stamped: object) -> datetime:
    """Return `receivedAt - (sentAt - originalTimestamp)` (section 6); now for a message without a time."""
    try:
        return received - (datetime.fromisoformat(str(sent_at)) - datetime.fromisoformat(str(stamped)))
    except (ValueError, TypeError):
        return received


def text(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
