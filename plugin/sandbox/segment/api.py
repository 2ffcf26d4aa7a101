"""Segment and receivers of its wire format (docs/vendors/segment.md, cited by section).

Which one it is, is the setting `preset`. Segment answers 200 to everything but size and broken JSON, and drops what it
dislikes afterwards: `dropped` in the state holds what and why. Refusals in words of our own are marked in the docs.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.demo import Demo, People, Received, Tracked
from plugin.sandbox.kit.emulator import Emulator, Route
from plugin.sandbox.kit.faults import Fault
from plugin.sandbox.kit.people import people_of
from plugin.sandbox.kit.settings import changed
from plugin.sandbox.segment import rules
from plugin.sandbox.segment.receivers import RECEIVERS, Receiver
from plugin.sandbox.segment.rules import corrected, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plugin.sandbox.kit.journal import Entry
    from plugin.sandbox.kit.sliding_window import Limit

_KEPT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What kind of receiver, and how it is today.

    `strict` drops what is of a wrong type, besides what the page says is dropped. `tells_wrong_key`: 400, not the 200
    that the page documents. `names_errors`: Jitsu's errors hold the message's id. `repeat_seconds`: §5.
    """

    preset: str = "segment"
    strict: bool = True
    tells_wrong_key: bool = True
    source_disabled: bool = False
    quota_used_up: bool = False
    names_errors: bool = True
    repeat_seconds: float = 86_400.0


class Segment:
    """One receiver. Ids of messages are looked for among those of all keys (§5)."""

    name = "segment"
    claims: tuple[str, ...] = (
        *(f"/v1/{kind}" for kind in (*rules.TYPES, "batch", "b")),
        "/batch",
        "/api/s",
    )
    demo = Demo(
        faults=(
            Fault("status", status=503, match="POST /v1/batch"),
            Fault("reset_after", match="POST /v1/batch", every=2),
        )
    )

    def __init__(self, limit: Limit | None = None) -> None:
        self.limit: Limit | None = limit
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        self.messages: deque[JsonObject] = deque(maxlen=_KEPT)
        self.dropped: deque[JsonObject] = deque(maxlen=_KEPT)
        self.batches: deque[JsonObject] = deque(maxlen=_KEPT)
        self.repeats = 0
        self._seen: dict[str, datetime] = {}
        self._numbers = itertools.count(1)

    @property
    def receiver(self) -> Receiver:
        """The kind of receiver that is emulated now."""
        return RECEIVERS[self.settings.preset]

    def routes(self) -> Sequence[Route]:
        """Return the paths of every kind of receiver (§1 and §11)."""
        batches = sorted({path for one in RECEIVERS.values() for path in one.batches})
        singles = sorted({path for one in RECEIVERS.values() for path in one.singles})
        return (
            *(Route("POST", path, self.batch) for path in batches),
            *(Route("POST", f"{path}/{kind}", self.single) for path in singles for kind in rules.TYPES),
        )

    def controls(self) -> Sequence[Route]:
        """Return none: the shared control addresses are enough."""
        return ()

    def account(self, call: Call) -> str:
        """Return whose limit it counts against, which is per workspace; a header tells one key from another."""
        return call.headers.get("Authorization") or call.headers.get("X-Write-Key") or ""

    def admit(self, call: Call) -> str:
        """Check what holds for every call: whether the receiver has this path and takes anything today."""
        root, _, last = call.path.rpartition("/")
        if call.path not in self.receiver.batches and not (root in self.receiver.singles and last in rules.TYPES):
            raise VendorError(404, "Not Found")
        if not call.is_json() or not isinstance(call.body, dict):
            raise VendorError(400, "The body must be JSON, and say so")
        if self.settings.source_disabled:
            raise VendorError(404, "Source is disabled")
        if self.settings.quota_used_up:
            raise VendorError(402, "Quota exceeded")
        if len(call.text.encode()) > self.receiver.most_body:
            raise VendorError(self.receiver.too_large, "The body is too large")
        return call.path

    def error(self, status: int, message: str) -> JsonObject:
        """Return the form of §2; `code` is known to be there, not what it holds."""
        return {"success": False, "code": status, "message": message}

    def state(self, root: str) -> JsonObject:  # noqa: ARG002 - the protocol's parameter
        """Return what was taken, dropped and recognised as a repeat, and who is who."""
        told = self._by_type()
        return {
            "messages": list(self.messages),
            "identifies": told["identify"],
            "aliases": told["alias"],
            "events": told["track"],
            "people": who_is_who(told),
            "dropped": list(self.dropped),
            "repeats": self.repeats,
            "batches": list(self.batches),
        }

    def received(self) -> Received:
        """Return who was identified and joined, and what was tracked."""
        told = self._by_type()
        emails = [(one.get("traits") or {}).get("email") for one in told["identify"]]
        return Received(
            people=People(
                count=len(who_is_who(told)),
                emails=frozenset(filter(None, emails)),
                aliases=[(one["userId"], one["previousId"]) for one in told["alias"]],
                events=[Tracked.of(one["event"], one.get("properties") or {}) for one in told["track"]],
            )
        )

    def _by_type(self) -> dict[str, list[JsonObject]]:
        return {kind: [one for one in self.messages if one["type"] == kind] for kind in ("identify", "alias", "track")}

    def configure(self, values: JsonObject) -> JsonObject:
        """Change settings."""
        settings = changed(self.settings, values)
        if settings.preset not in RECEIVERS:
            raise ValueError(f"settings: preset is one of: {', '.join(RECEIVERS)}")
        self.settings = settings
        return asdict(self.settings)

    def batch(self, call: Call) -> Response:
        """Take the messages of one call; the outer context and integrations are merged into each (§4)."""
        body = call.json_object()
        if not self._knows_key(call):
            return self._answer([])
        items = body.get("batch")
        if not isinstance(items, list) or not items:
            raise VendorError(400, "batch must be a list of messages")
        self._check_sizes(items)
        self.batches.append({"items": len(items), "bytes": len(call.text.encode()), "sentAt": body.get("sentAt")})
        if self.receiver.most_items is not None and len(items) > self.receiver.most_items:
            # 200, and the events are rejected (§3).
            return self._answer([self._drop(item, "too many messages in a batch") for item in items])
        if self.receiver.whole and not all(isinstance(item, dict) and rules.has_id(item) for item in items):
            raise VendorError(400, "a message has neither userId nor anonymousId")
        return self._answer([self._take(_merged(item, body), body.get("sentAt")) for item in items])

    def single(self, call: Call) -> Response:
        """Take one message, whose type is in its path."""
        body = call.json_object()
        if not self._knows_key(call):
            return self._answer([])
        self._check_sizes([body])
        kind = call.path.rpartition("/")[2]
        failure = self._take({**body, "type": kind}, body.get("sentAt"))
        if failure and self.settings.preset == "jitsu":
            raise VendorError(400, failure)
        return self._answer([failure])

    def _knows_key(self, call: Call) -> bool:
        try:
            self.receiver.key(call)
        except VendorError:
            if self.settings.preset != "segment" or self.settings.tells_wrong_key:
                raise
            return False
        return True

    def _check_sizes(self, items: Sequence[object]) -> None:
        most = self.receiver.most_item
        if most is not None and any(rules.bytes_of(item) > most for item in items):
            raise VendorError(self.receiver.too_large, "A message is too large")

    def _take(self, item: JsonObject, sent_at: object) -> str:
        """Keep a message, or return why it is dropped."""
        wrong = rules.complaint(item, strict=self.settings.strict, longest_event=self.receiver.longest_event)
        if not wrong and self.settings.strict and (sent_at is None or rules.moment(sent_at)):
            # Without it the event's time is not corrected, and what then happens is unknown (§6).
            wrong = "sentAt is missing or no ISO 8601 time"
        if wrong:
            return self._drop(item, wrong)
        message_id = str(item.get("messageId") or f"filled-in-{next(self._numbers)}")
        if self.receiver.safe_ids:
            message_id = re.sub(r"[^A-Za-z0-9._-]", "_", message_id)[:64]
        if self._is_repeat(message_id):
            self.repeats += 1
            return ""
        self._keep({**item, "messageId": message_id}, sent_at)
        return ""

    def _keep(self, item: JsonObject, sent_at: object) -> None:
        now = datetime.now(UTC)
        properties = dict(itertools.islice((item.get("properties") or {}).items(), rules.MOST_PROPERTIES))
        stamped = item.get("timestamp")
        happened = corrected(now, sent_at, stamped)
        times = {"originalTimestamp": stamped, "timestamp": text(happened), "receivedAt": text(now), "sentAt": sent_at}
        kept = item | times
        self.messages.append(kept | ({"properties": properties} if "properties" in item else {}))

    def _drop(self, item: object, reason: str) -> str:
        message_id = item.get("messageId") if isinstance(item, dict) else None
        self.dropped.append({"reason": reason, "messageId": message_id})
        return f"Message ID: {message_id}: {reason}" if self.settings.names_errors else reason

    def _is_repeat(self, message_id: str) -> bool:
        if not self.receiver.repeats:
            return False
        now, seen = datetime.now(UTC), self._seen.get(message_id)
        if seen is not None and now - seen < timedelta(seconds=self.settings.repeat_seconds):
            return True
        self._seen[message_id] = now
        return False

    def _answer(self, failures: Sequence[str]) -> Response:
        """Answer as the kind of receiver does (§7 and §11)."""
        if self.settings.preset == "rudderstack":
            return Response("OK", content_type="text/plain; charset=utf-8")
        if self.settings.preset != "jitsu":
            return reply({"success": True})
        fine = Counter(bool(failure) for failure in failures)[False]
        errors = [failure for failure in failures if failure]
        return reply({"ok": not errors, "receivedEvents": len(failures), "okEvents": fine, "errors": errors})


def _merged(item: object, body: JsonObject) -> JsonObject:
    if not isinstance(item, dict):
        return {"type": None}
    outer = {name: body[name] for name in ("context", "integrations") if isinstance(body.get(name), dict)}
    return {**item, **{name: {**value, **(item.get(name) or {})} for name, value in outer.items()}}


class _Emulated(Emulator):
    """A 429 has `X-RateLimit-Reset` beside `Retry-After`, both in seconds (§3)."""

    def _answered(self, entry: Entry, call: Call, response: Response) -> Response:
        if response.status_code == 429 and "Retry-After" in response.headers:  # noqa: PLR2004 - too many requests
            response.headers["X-RateLimit-Reset"] = response.headers["Retry-After"]
        return super()._answered(entry, call, response)


def emulator(limit: Limit | None = None) -> Emulator:
    """Return Segment with no limit of its own: the published numbers disagree (§3)."""
    return _Emulated(Segment(limit))


def who_is_who(told: Mapping[str, Sequence[JsonObject]]) -> list[JsonObject]:
    """Return every person: an identify with both ids joins, and so does an alias; a track does not."""
    names = ("userId", "anonymousId")
    ids = [[one[name] for name in names if one.get(name)] for one in told["identify"]]
    identifies = [
        {"ids": known, "traits": one.get("traits") or {}} for known, one in zip(ids, told["identify"], strict=True)
    ]
    events = [{"id": one.get("userId") or one["anonymousId"], "name": one["event"]} for one in told["track"]]
    return people_of(identifies, told["alias"], events)
