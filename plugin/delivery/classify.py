"""The meaning of an answer or of its absence at any vendor: status, `Retry-After`, headers about limits."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

import requests

from plugin.core import log
from plugin.core.outcome import Deferred, Outcome, Rejected, Unknown
from plugin.core.response import LONGEST_PAUSE, Failure, Response, retry_after
from plugin.core.vendor_profile import Quota, StatusMeaning
from plugin.destinations.base import lookup_outcome
from plugin.limiter.redis_limiter import RemainingQuota

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.delivery.prepare import Prepared


# Every further call with these credentials would be refused too.
_USUAL = {401: StatusMeaning.PAUSED, 403: StatusMeaning.PAUSED}
_NONE: Mapping[int, StatusMeaning] = {}

# How long a vendor may still be at work on a call whose answer never came, or came from a gateway before it.
SETTLE = timedelta(seconds=15)
_SETTLE_CUT = timedelta(seconds=4)
# After a 429 that names no time.
_UNASKED_PAUSE = timedelta(seconds=10)


def classify(
    result: Response | Failure, *, repeatable: bool, status_meanings: Mapping[int, StatusMeaning] = _NONE
) -> Outcome | None:
    """Return what an answer or its absence means for any vendor; None leaves a 2xx or a refusal in words to its module.

    Refused connections and unknown names were never sent. A lost answer to a call that must not be repeated is
    `Unknown`. 401 and 403 ask to pause the connection, which `record` does. `status_meanings` says where a vendor's
    statuses mean something else.
    """
    if isinstance(result, Failure):
        return _of_failure(result, repeatable=repeatable)
    meaning = status_meanings.get(result.status) or _USUAL.get(result.status)
    if meaning is not None:
        return _of_meaning(meaning, result)
    if result.status == requests.codes.too_many_requests:
        asked = retry_after(result) or _UNASKED_PAUSE
        return Deferred.rate_limited(asked)
    if result.status in (408, 425) or result.status >= requests.codes.server_error:
        after = retry_after(result)
        return Deferred.retry(
            f"{result.status} from the vendor", doubtful=not repeatable, after=after, block=after is not None
        )
    if requests.codes.multiple_choices <= result.status < requests.codes.bad_request:
        return Rejected(reason=f"{result.status}: the address redirects elsewhere; check the connection's --base-url")
    return None


def _of_meaning(meaning: StatusMeaning, answer: Response) -> Outcome | None:
    reason = f"{answer.status} from the vendor"
    match meaning:
        case StatusMeaning.DEFERRED:
            return Deferred.retry(reason, after=retry_after(answer))
        case StatusMeaning.PAUSED:
            return Deferred.unauthorized(f"{answer.status}: the credentials are refused")
        case StatusMeaning.REJECTED:
            return Rejected(reason=reason)
        case StatusMeaning.UNKNOWN:
            return Unknown(reason=reason, settle=SETTLE)
        case StatusMeaning.READ:
            return None
        case _:
            assert_never(meaning)


def quota_of(answer: Response, quota: Quota | None) -> RemainingQuota | None:
    """Return what the vendor's own headers leave; None when they say nothing readable."""
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
    return RemainingQuota(
        calls=max(0, calls),
        reset=min(timedelta(seconds=seconds), LONGEST_PAUSE),
        limit=int(limit) if limit.isascii() and limit.isdecimal() else None,
    )


def _of_failure(failure: Failure, *, repeatable: bool) -> Outcome:
    if failure.late:
        return Deferred.pending(failure.reason)
    if not failure.sent or repeatable:
        return Deferred.retry(failure.reason)
    return Unknown(reason=failure.reason, settle=SETTLE if failure.timed_out else _SETTLE_CUT)


def outcome_of(item: Prepared, result: Response | Failure) -> Outcome | None:
    """Return what came back as an outcome; None says that a look-up found nothing. Pure, so any thread may call it."""
    try:
        general = classify(result, repeatable=item.request.repeatable, status_meanings=item.profile.status_meanings)
        if general is not None or isinstance(result, Failure):
            return general
        return (
            lookup_outcome(item.vendor, item.work, result)
            if item.finds
            else item.vendor.read_response(item.work, result)
        )
    except Exception as error:  # noqa: BLE001  (a bug in reading one answer must not lose the others)
        log.fault("reading failed", delivery=item.delivery.id)
        reason = f"a fault of Crossdock's own while reading the answer ({type(error).__name__}); please report it"
        return Rejected(reason=reason, hold=True)
