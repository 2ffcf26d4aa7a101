"""The version of a document that a webhook brought, by which the newest one wins whatever order webhooks come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_NEVER = datetime.min.replace(tzinfo=UTC)
# What stands before the time in the text form: the mark of a cancelled document and a space.
_MARK_LENGTH = 2


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """How new a document is: versions sort by `at`, and a cancelled one after all others: it never becomes live again.

    The default is of what has no version of its own, such as a step that follows from an answer; it sorts first.
    Texts as the database keeps them (`1 2026-03-01T12:00:00.000000+00:00`, or nothing) sort in the same way.
    """

    cancelled: bool = False
    at: datetime = _NEVER

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that `str` made this text of."""
        return cls(text.startswith("1"), datetime.fromisoformat(text[_MARK_LENGTH:])) if text else cls()

    def __str__(self) -> str:
        """Return the text form, at most 40 characters."""
        if self.at == _NEVER:
            return ""
        return f"{int(self.cancelled)} {self.at.astimezone(UTC).isoformat(timespec='microseconds')}"


# Of a step that follows from no version of a document.
UNVERSIONED = Version()
