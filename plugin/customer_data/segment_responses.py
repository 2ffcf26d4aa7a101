"""What answers of receivers of Segment's wire format mean, message by message."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mappings.customer_data import segment_response
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.redaction import vendor_words
from plugin.core.response import Answer
from plugin.customer_data import segment_messages

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.core.step import Work
    from plugin.customer_data.segment_messages import Wire

_MESSAGE_ID = re.compile(rb'"messageId":"([^"]+)"')


def outcome(line: Wire, work: Work, answer: Answer) -> Outcome:
    """What an answer means for one message of the call: any 2xx, or a refusal in words."""
    item = segment_messages.item(line, work)
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
    if segment_response.blames_key(document):
        return Deferred(reason=reason, pause=True)
    return Rejected(reason=reason)


def _verdict(line: Wire, item: bytes, answer: Answer, document: Any) -> segment_response.Verdict:  # noqa: ANN401  (any JSON)
    if not 200 <= answer.status < 300:  # noqa: PLR2004  (what HTTP calls a success)
        return segment_response.Verdict(taken=False)
    named = _MESSAGE_ID.search(item)
    reply = segment_response.Reply(document=document, text=answer.body.decode(errors="replace"))
    return segment_response.read(line.reply, reply, named[1].decode() if named else "")


@lru_cache(maxsize=8)
def _document(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """An answer's JSON, or None; kept for a moment, since each of a call's thousand messages asks for it."""
    return Answer(status=0, headers={}, body=body).json
