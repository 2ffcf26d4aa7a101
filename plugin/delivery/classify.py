"""What an answer or its absence means at any vendor: its status, its `Retry-After`, its headers about limits."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import requests

from plugin.core import log
from plugin.core.outcome import Deferred, Outcome, Rejected, Unknown
from plugin.core.response import _LONGEST_PAUSE, Answer, Failure, retry_after
from plugin.core.vendor_profile import Meaning, Quota
from plugin.limiter.redis_limiter import Left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.delivery.prepare import Prepared


# Every further call with these credentials would be refused too.
_USUAL = {401: Meaning.PAUSED, 403: Meaning.PAUSED}
_NONE: Mapping[int, Meaning] = {}

# How long a vendor may still be at work on a call whose answer never came, or came from a gateway before it.
SETTLE = timedelta(seconds=15)
_SETTLE_CUT = timedelta(seconds=4)
# After a 429 that names no time.
_UNASKED_PAUSE = timedelta(seconds=10)


def classify(result: Answer | Failure, *, repeatable: bool, meanings: Mapping[int, Meaning] = _NONE) -> Outcome | None:
    """What an answer or its absence means for any vendor; None leaves a 2xx or a refusal in words to the destination.

    Refused connections and unknown names were never sent. A lost answer to a call that must not be repeated is
    `Unknown`. 401 and 403 pause the connection. `meanings` are what a vendor's statuses mean where they differ.
    """
    if isinstance(result, Failure):
        return _of_failure(result, repeatable=repeatable)
    told = meanings.get(result.status) or _USUAL.get(result.status)
    if told is not None:
        return _as_told(told, result)
    if result.status == requests.codes.too_many_requests:
        asked = retry_after(result) or _UNASKED_PAUSE
        return Deferred(reason="429 over the rate limit", after=asked, gate=True, waiting=True)
    if result.status in (408, 425) or result.status >= requests.codes.server_error:
        after = retry_after(result)
        return Deferred(
            reason=f"{result.status} from the vendor", after=after, gate=after is not None, doubtful=not repeatable
        )
    if requests.codes.multiple_choices <= result.status < requests.codes.bad_request:
        return Rejected(reason=f"{result.status}: the address redirects elsewhere; check the connection's --base-url")
    return None


def _as_told(meaning: Meaning, answer: Answer) -> Outcome | None:
    reason = f"{answer.status} from the vendor"
    match meaning:
        case Meaning.DEFERRED:
            return Deferred(reason=reason, after=retry_after(answer))
        case Meaning.PAUSED:
            return Deferred(reason=f"{answer.status}: the credentials are refused", pause=True)
        case Meaning.REJECTED:
            return Rejected(reason=reason)
        case Meaning.UNKNOWN:
            return Unknown(reason=reason, settle=SETTLE)
        case Meaning.READ:
            return None
        case _:
            assert_never(meaning)


def quota_of(answer: Answer, quota: Quota | None) -> Left | None:
    """What the vendor's own headers leave; None when they say nothing readable."""
    if quota is None:
        return None
    said = answer.headers
    try:
        calls, seconds = int(said.get(quota.remaining, "")), float(said.get(quota.reset, ""))
    except ValueError:
        return None
    if not (math.isfinite(seconds) and seconds > 0):
        return None
    limit = said.get(quota.limit, "") if quota.limit else ""
    return Left(
        calls=max(0, calls),
        reset=min(timedelta(seconds=seconds), _LONGEST_PAUSE),
        limit=int(limit) if limit.isascii() and limit.isdecimal() else None,
    )


def _of_failure(failure: Failure, *, repeatable: bool) -> Outcome:
    if failure.late:
        return Deferred(reason=failure.reason, after=timedelta(), waiting=True)
    if not failure.sent or repeatable:
        return Deferred(reason=failure.reason)
    return Unknown(reason=failure.reason, settle=SETTLE if failure.timed_out else _SETTLE_CUT)


def understand(item: Prepared, result: Answer | Failure) -> Outcome | None:
    """What came back, as an outcome; None says that a look-up found nothing. Pure, so any thread may call it."""
    try:
        general = classify(result, repeatable=item.request.repeatable, meanings=item.manner.meanings)
        if general is not None or isinstance(result, Failure):
            return general
        return item.vendor.found(item.work, result) if item.finds else item.vendor.read(item.work, result)
    except Exception as error:  # noqa: BLE001  (a bug in reading one answer must not lose the others)
        log.fault("reading failed", delivery=item.delivery.id)
        reason = f"a fault of Crossdock's own while reading the answer ({type(error).__name__}); please report it"
        return Rejected(reason=reason, hold=True)
