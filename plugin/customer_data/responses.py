"""What answers of receivers of Segment's wire format mean, message by message."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mappings.customer_data import response
from plugin.core.outcome import Accepted, Deferred, Rejected, Unknown
from plugin.core.redaction import redacted_reason
from plugin.core.response import Response
from plugin.customer_data import messages

if TYPE_CHECKING:
    from plugin.core.outcome import Outcome
    from plugin.core.step import Work
    from plugin.customer_data.messages import Wire

_MESSAGE_ID = re.compile(rb'"messageId":"([^"]+)"')


def outcome(line: Wire, work: Work, answer: Response) -> Outcome:
    """Return what an answer means for one message of the call: any 2xx, or a refusal in words."""
    item = messages.item(line, work)
    document = _document(answer.body)
    verdict = _verdict(line, item, answer, document)
    if verdict.taken:
        return Accepted()
    if verdict.taken is None:
        reason = f"{answer.status}, but the body does not say whether it was taken"
        again = work.sent is not None and work.sent.repeatable
        return Deferred.retry(reason) if again else Unknown(reason=reason)
    about = answer if verdict.said is None else dataclasses.replace(answer, body=json.dumps(verdict.said).encode())
    reason = redacted_reason(about, work.sent, work.document)
    if response.blames_key(document):
        return Deferred.unauthorized(reason)
    return Rejected(reason=reason)


def _verdict(line: Wire, item: bytes, answer: Response, document: Any) -> response.Verdict:  # noqa: ANN401  (any JSON)
    if not 200 <= answer.status < 300:  # noqa: PLR2004  (what HTTP calls a success)
        return response.Verdict(taken=False)
    named = _MESSAGE_ID.search(item)
    reply = response.Reply(document=document, text=answer.body.decode(errors="replace"))
    return response.read(line.reply, reply, named[1].decode() if named else "")


@lru_cache(maxsize=8)
def _document(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """Return an answer's JSON, or None; cached, since each of a call's thousand messages asks for it."""
    return Response(status=0, headers={}, body=body).json
