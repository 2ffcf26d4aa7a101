"""What answers of receivers of Segment's wire format mean, message by message."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mappings import segment_reply
from plugin import segment_wire
from plugin.http import Answer
from plugin.mask import vendor_words
from plugin.model import Accepted, Deferred, Rejected, Unknown

if TYPE_CHECKING:
    from plugin.model import Outcome, Work
    from plugin.segment_wire import Wire

_MESSAGE_ID = re.compile(rb'"messageId":"([^"]+)"')


def outcome(line: Wire, work: Work, answer: Answer) -> Outcome:
    """What an answer means for one message of the call: any 2xx, or a refusal in words."""
    item = segment_wire.item(line, work)
    document = _document(answer.body)
    verdict = _verdict(line, item, answer, document)
    if verdict.taken:
        return Accepted()
    if verdict.taken is None:
        reason = f"{answer.status}, but the body does not say whether it was taken"
        again = line.request(item).repeatable
        return Deferred(reason=reason) if again else Unknown(reason=reason)
    about = answer if verdict.said is None else dataclasses.replace(answer, body=json.dumps(verdict.said).encode())
    reason = vendor_words(about, line.request(item), work.document)
    if segment_reply.blames_key(document):
        return Deferred(reason=reason, pause=True)
    return Rejected(reason=reason)


def _verdict(line: Wire, item: bytes, answer: Answer, document: Any) -> segment_reply.Verdict:  # noqa: ANN401  (any JSON)
    if not 200 <= answer.status < 300:  # noqa: PLR2004  (what HTTP calls a success)
        return segment_reply.Verdict(taken=False)
    named = _MESSAGE_ID.search(item)
    reply = segment_reply.Reply(document=document, text=answer.body.decode(errors="replace"))
    return segment_reply.read(line.reply, reply, named[1].decode() if named else "")


@lru_cache(maxsize=8)
def _document(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """An answer's JSON, or None; kept for a moment, since each of a call's thousand messages asks for it."""
    return Answer(status=0, headers={}, body=body).json
