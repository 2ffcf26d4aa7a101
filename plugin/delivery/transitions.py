"""The next state of a delivery, which follows from one value, the Outcome."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from plugin.core.delivery import State
from plugin.core.outcome import Accepted, Deferred, Outcome, Rejected, Skipped, Unknown
from plugin.storage.ledger import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin.core.delivery import Delivery
    from plugin.core.rates import RetryPolicy

_OFTEN = timedelta(minutes=1)
_FEW = 4

FOLLOWS: dict[type[Outcome], str] = {
    Accepted: "`done`; what the vendor gave is kept with the shipment, and the steps that follow are planned",
    Skipped: "`skipped`, with the reason",
    Deferred: "`waiting` until it is due again: after the time that the vendor named, else after a growing pause "
    "(`retry`); `failed` when the tries or days are used up; `held` when something stays unready too long",
    Rejected: "`failed`, or `held` where a person can mend it",
    Unknown: "`unknown`: the vendor is asked whether the call arrived, before it is sent again; where nobody can be "
    "asked, the destination's setting decides",
}
"""What each outcome of a call leads to, in a person's words: `of_sending` is the same as code."""

_jitter = random.SystemRandom()


def backoff(retry_policy: RetryPolicy, attempts: int) -> timedelta:
    """Return the pause before the next try, with full jitter, lest what failed together comes back together."""
    return retry_policy.ceiling(attempts) * _jitter.random()


def of_sending(
    delivery: Delivery, outcome: Outcome, retry_policy: RetryPolicy, lost: Callable[[int], Outcome] | None
) -> Result:
    """Return what becomes of a delivery whose call was made, or was found not to be needed.

    `lost` decides about an answer that is missing for good; it is None where the vendor can be asked instead.
    """
    match outcome:
        case Accepted(note=note):
            return Result(delivery=delivery, state=State.DONE, reason=note)
        case Skipped(reason):
            return Result(delivery=delivery, state=State.SKIPPED, reason=reason)
        case Deferred():
            return _deferred(delivery, outcome, retry_policy)
        case Rejected(reason=reason, hold=hold):
            return Result(delivery=delivery, state=State.HELD if hold else State.FAILED, reason=reason)
        case Unknown(reason=reason, settle=settle):
            if lost is not None:
                return _lost(delivery, lost(delivery.losses + 1), retry_policy)
            due_at = datetime.now(UTC) + settle
            return Result(delivery=delivery, state=State.UNKNOWN, reason=reason, due_at=due_at, doubtful=True)
        case _:
            assert_never(outcome)


def of_finding(delivery: Delivery, outcome: Outcome | None, retry_policy: RetryPolicy) -> Result:
    """Return what becomes of a delivery that was looked up; None says that it never arrived."""
    if outcome is None:
        if delivery.attempts >= retry_policy.attempts:
            return Result(delivery=delivery, state=State.FAILED, reason=f"given up after {delivery.attempts} attempts")
        return Result(delivery=delivery, state=State.WAITING, reason="the lost call did not arrive; it is sent again")
    if isinstance(outcome, (Deferred, Unknown)):
        if _age(delivery) > retry_policy.age:
            reason = f"nobody could say for days whether it arrived: {outcome.reason}"
            return Result(delivery=delivery, state=State.HELD, reason=reason, doubtful=True)
        after = outcome.after if isinstance(outcome, Deferred) else outcome.settle
        due_at = datetime.now(UTC) + (after or backoff(retry_policy, delivery.attempts + 2))
        reason = f"finding out whether it arrived: {outcome.reason}"
        data = outcome.data if isinstance(outcome, Deferred) else None
        return Result(delivery=delivery, state=State.UNKNOWN, reason=reason, due_at=due_at, doubtful=True, data=data)
    # A look-up that is refused leaves the doubt, whoever replays it later.
    return replace(of_sending(delivery, outcome, retry_policy, None), doubtful=not isinstance(outcome, Accepted))


def _deferred(delivery: Delivery, outcome: Deferred, retry_policy: RetryPolicy) -> Result:
    is_free = outcome.waiting or outcome.pause
    if outcome.patience is not None and _age(delivery) > outcome.patience:
        return Result(delivery=delivery, state=State.HELD, reason=f"still so after days: {outcome.reason}")
    doubtful = outcome.doubtful or delivery.doubtful
    # What a person replays after that age still deserves a few tries.
    too_old = _age(delivery) > retry_policy.age and delivery.attempts >= _FEW
    given_up = too_old or delivery.attempts + 1 >= retry_policy.attempts
    if given_up and not is_free:
        reason = f"given up after {delivery.attempts + 1} attempts: {outcome.reason}"
        return Result(delivery=delivery, state=State.FAILED, reason=reason, doubtful=doubtful)
    pause = _wait(delivery, outcome, retry_policy)
    return Result(
        delivery=delivery,
        state=State.WAITING,
        reason=outcome.reason,
        due_at=datetime.now(UTC) + pause,
        doubtful=doubtful,
        refund_attempt=is_free,
        data=outcome.data,
    )


def _wait(delivery: Delivery, outcome: Deferred, retry_policy: RetryPolicy) -> timedelta:
    if outcome.pause:
        return timedelta()
    if outcome.after is None:
        return backoff(retry_policy, delivery.attempts)
    # Asking whether something is ready becomes rarer the longer it takes.
    polls = outcome.waiting and outcome.patience is not None and outcome.after < _OFTEN
    return max(outcome.after, min(_age(delivery) / 10, _OFTEN)) if polls else outcome.after


def _lost(delivery: Delivery, decision: Outcome, retry_policy: RetryPolicy) -> Result:
    result = of_sending(delivery, decision, retry_policy, None)
    return Result(
        delivery=delivery, state=result.state, reason=result.reason, due_at=result.due_at, doubtful=False, lost=True
    )


def _age(delivery: Delivery) -> timedelta:
    return datetime.now(UTC) - delivery.created_at
