"""What an emulator was asked, in the order it arrived."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

KEPT = 100_000


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. `status` stays None until it is answered, and for ever if the connection was dropped."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: object
    at: datetime
    status: int | None = None
    fault: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the entry as the control address shows it."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self.body,
            "status": self.status,
            "fault": self.fault,
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


class Journal:
    """The last `KEPT` requests, and how many there were in all."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self.total = 0

    def note(self, *, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: object) -> Entry:
        """Write a request down as it arrives; the caller fills in what became of it."""
        with self._lock:
            now = datetime.now(UTC)
            entry = Entry(method=method, path=path, query=query, headers=headers, body=body, at=now)
            self._entries.append(entry)
            self.total += 1
            return entry

    def entries(self) -> list[Entry]:
        """Return the requests, oldest first."""
        with self._lock:
            return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.total = 0
