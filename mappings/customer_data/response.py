"""LOADS: what receivers of Segment's wire format answer (docs/vendors/segment.md §7 and §11).

A 200 is no acceptance everywhere: Jitsu counts in it what was taken, others say `success` or `status`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_OUR_ID: Final = re.compile(r"crossdock-[0-9a-f]{48}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an answer says of one message: taken, refused, or `None` for neither; `said` is the part about it."""

    taken: bool | None
    said: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The body of an answer with a 2xx status: as JSON, `None` where it is none, and as text."""

    document: Any
    text: str


def read(style: str, reply: Reply, message_id: str) -> Verdict:
    """Return what became of the message with this id; `style` is one of `STYLES`."""
    return STYLES[style](reply, message_id)


def blames_key(document: object) -> bool:
    """Return whether a refusal is about the write key: then every other message would be refused as well.

    Segment answers a wrong key with 400 and words, not with 401 (§2).
    """
    words = document.get("message") if isinstance(document, Mapping) else None
    return isinstance(words, str) and "write key" in words.lower().replace("writekey", "write key")


def _status(reply: Reply, _: str) -> Verdict:
    """Return the verdict of the status alone, unless the body is a plain no or a page of some other server."""
    if _refuses(reply.document):
        return Verdict(taken=False, said=reply.document)
    return Verdict(taken=None if reply.text.lstrip().startswith("<") else True)


def _ok(reply: Reply, _: str) -> Verdict:
    """Return the verdict of RudderStack's `OK`, as text or as JSON."""
    if _refuses(reply.document):
        return Verdict(taken=False, said=reply.document)
    return Verdict(taken=True if reply.text.strip().strip('"').upper() == "OK" else None)


def _true(reply: Reply, _: str) -> Verdict:
    """Return the verdict of a body whose `status` or `success` is true; one with neither is no certainty."""
    if _refuses(reply.document):
        return Verdict(taken=False, said=reply.document)
    said = reply.document if isinstance(reply.document, Mapping) else {}
    return Verdict(taken=True if any(said.get(name) is True for name in ("status", "success")) else None)


def _counted(reply: Reply, message_id: str) -> Verdict:
    """Return the verdict of Jitsu's `{ok, receivedEvents, okEvents, errors[]}`.

    How an entry of `errors` names its message is not documented. If each failure names one by its id, the others were
    taken; if not, any of them may have failed, and each is refused until it is alone.
    """
    document = reply.document if isinstance(reply.document, Mapping) else {}
    received, fine, errors = (document.get(name) for name in ("receivedEvents", "okEvents", "errors"))
    if not (isinstance(received, int) and isinstance(fine, int)):
        return Verdict(taken=None if document.get("ok") is not False else False, said=document)
    failures = errors if isinstance(errors, list) else []
    if fine >= received and not failures and document.get("ok") is not False:
        return Verdict(taken=True)
    named = [set(_OUR_ID.findall(str(failure))) for failure in failures]
    mine = [failure for failure, ids in zip(failures, named, strict=True) if message_id in ids]
    if mine or fine <= 0 or len(failures) != received - fine or not all(named):
        return Verdict(taken=False, said={"errors": mine or failures})
    return Verdict(taken=True)


def _refuses(document: object) -> bool:
    said = document if isinstance(document, Mapping) else {}
    return any(said.get(name) is False for name in ("success", "status", "ok"))


STYLES: Final[dict[str, Callable[[Reply, str], Verdict]]] = {
    "status": _status,
    "ok": _ok,
    "counted": _counted,
    "true": _true,
}
